"""What one alert rule remembers between evaluations: which of its alerts are pending, firing, or lately resolved.

Two kinds of evaluation move an alert. The clock's are Prometheus' own: pending since the first one that saw it, firing
once `for` has passed, resolved (after `keep_firing_for`) by one that does not see it. A glance is an extra look between
two of them, because a probe's outcome changed. A glance may only hasten: it starts an alert's time earlier, and may
fire it when every look since, of both kinds, has seen it for the whole `for`. It never ends what the clock has seen, so
that an alert fires no later than in Prometheus, and a flicker between two evaluations neither resolves nor restarts it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from alerts.active import Active, State
from alerts.rule import AlertingRule, Element, Query, RuleFailed, milliseconds
from alerts.rulememory import Kept, restored_start
from alerts.template import Data, TemplateError
from probes.base import Labels

#: How long a resolved alert is told again (rules/alerting.go: resolvedRetention), in milliseconds.
RESOLVED_RETENTION = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates may name beside the alert's own labels and value."""

    external_labels: dict[str, str] = field(default_factory=dict)
    external_url: str = ""


class RuleState:
    """The alerts of one rule, and how the rule itself fares."""

    def __init__(self, rule: AlertingRule) -> None:
        self.rule = rule
        self.active: dict[Labels, Active] = {}
        #: Alerts that were pending before a restart, until they are seen again.
        self.remembered: dict[Labels, Kept] = {}

    def evaluate(
        self, elements: Iterable[Element], at: int, query: Query, around: Surroundings, limit: int = 0
    ) -> None:
        """The clock's evaluation, as AlertingRule.Eval in Prometheus. Raises RuleFailed, which changes nothing.

        Too many alerts for the group's limit also raise RuleFailed, but forget all of them, as Prometheus does.
        """
        found = self._found(elements, at, query, around)
        for labels, alert in found.items():
            known = self._update(labels, alert)
            known.active_at = self._start(labels, at) if known.active_at is None else known.active_at
            known.seen_since = at if known.seen_since is None else known.seen_since
            known.missed_at, known.awaited = None, False
            self._fire(known, at, min(known.active_at, known.seen_since))
        for labels, known in list(self.active.items()):
            if labels not in found:
                self._miss(labels, known, at)
        count = sum(known.state is not State.INACTIVE for known in self.active.values())
        if limit and count > limit:
            self.active.clear()
            raise RuleFailed(f"exceeded limit of {limit} with {count} alerts")

    def glance(self, elements: Iterable[Element], at: int, query: Query, around: Surroundings, limit: int = 0) -> None:
        """An extra look between the clock's evaluations; see above. Raises RuleFailed, which changes nothing."""
        found = self._found(elements, at, query, around)
        standing = {labels for labels, known in self.active.items() if known.state is not State.INACTIVE}
        if limit and len(standing | found.keys()) > limit:
            raise RuleFailed(f"exceeded limit of {limit} with {len(standing | found.keys())} alerts")
        for labels, alert in found.items():
            known = self._update(labels, alert)
            known.seen_since = at if known.seen_since is None else known.seen_since
            known.awaited = False
            self._fire(known, at, known.seen_since)
        for labels, known in list(self.active.items()):
            if labels not in found and known.state is State.PENDING:
                known.seen_since = None
                if known.active_at is None:
                    del self.active[labels]

    def due(self) -> int | None:
        """When some pending alert will have been seen, by every look, for the whole `for`; None when none is."""
        pending = [alert.seen_since for alert in self.active.values() if alert.state is State.PENDING]
        starts = [since for since in pending if since is not None]
        return min(starts) + milliseconds(self.rule.hold) if starts else None

    def state(self) -> State:
        """The worst state of its alerts."""
        states = {alert.state for alert in self.active.values()}
        return next((state for state in (State.FIRING, State.PENDING) if state in states), State.INACTIVE)

    def standing(self) -> list[Active]:
        """The pending and firing alerts."""
        return [alert for alert in self.active.values() if alert.state is not State.INACTIVE]

    def series(self) -> Iterator[Element]:
        """The series ALERTS and ALERTS_FOR_STATE as they stand after an evaluation."""
        for alert in self.standing():
            labels = dict(self.rule.labels) | dict(alert.labels)
            yield _series(labels, "ALERTS", alertstate=alert.state.value), 1.0
            yield _series(labels, "ALERTS_FOR_STATE"), float(alert.since // 1000)

    def _start(self, labels: Labels, at: int) -> int:
        before = self.remembered.pop(labels, None)
        start = restored_start(self.rule, before, at) if before else None
        return at if start is None else start

    def _update(self, labels: Labels, alert: Active) -> Active:
        known = self.active.get(labels)
        if known is None or known.state is State.INACTIVE:
            self.active[labels] = alert
            return alert
        known.value, known.annotations = alert.value, alert.annotations
        return known

    def _fire(self, alert: Active, at: int, since: int) -> None:
        if alert.state is State.PENDING and at - since >= milliseconds(self.rule.hold):
            alert.state, alert.fired_at = State.FIRING, at

    def _miss(self, labels: Labels, alert: Active, at: int) -> None:
        """The clock's evaluation does not see this alert."""
        if alert.awaited:
            return
        alert.seen_since = None
        if alert.state is State.PENDING:
            del self.active[labels]
        elif alert.state is State.FIRING:
            alert.missed_at = at if alert.missed_at is None else alert.missed_at
            if at - alert.missed_at >= milliseconds(self.rule.keep):
                alert.state, alert.resolved_at = State.INACTIVE, at
        elif alert.resolved_at is not None and at - alert.resolved_at > RESOLVED_RETENTION:
            del self.active[labels]

    def _found(self, elements: Iterable[Element], at: int, query: Query, around: Surroundings) -> dict[Labels, Active]:
        found: dict[Labels, Active] = {}
        for labels, value in elements:
            alert = self._alert(labels, value, at, query, around)
            if alert.labels in found:
                raise RuleFailed("vector contains metrics with the same labelset after applying alert labels")
            found[alert.labels] = alert
        return found

    def _alert(self, series: Labels, value: float, at: int, query: Query, around: Surroundings) -> Active:
        data = Data(
            labels=dict(series),
            value=value,
            external_labels=around.external_labels,
            external_url=around.external_url,
            now=at / 1000,
            query=lambda expr: ((dict(labels), number) for labels, number in query(expr, at)),
        )
        labels = {name: text for name, text in series if name != "__name__"}
        for name, template in self.rule.label_texts:
            labels[name] = _expanded(template.expand, data)
        labels["alertname"] = self.rule.alert
        annotations = {name: _expanded(template.expand, data) for name, template in self.rule.annotation_texts}
        return Active(tuple(sorted((name, text) for name, text in labels.items() if text)), annotations, value)


def _expanded(expand: Callable[[Data], str], data: Data) -> str:
    """A failed template must not silence an alert: its error stands in its place, as in Prometheus."""
    try:
        return expand(data)
    except (TemplateError, RuleFailed) as error:
        return f"<error expanding template: {error}>"


def _series(labels: dict[str, str], name: str, **more: str) -> Labels:
    return tuple(sorted((labels | {"__name__": name} | more).items()))
