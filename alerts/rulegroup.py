"""Evaluates a group of rules in order, as Prometheus does: what one rule records, the next one sees."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from alerts.active import Active, State
from alerts.alert import Alert, Status
from alerts.expression import metrics_of, window_of
from alerts.rule import AlertingRule, Element, Query, RecordingRule, Rule, RuleFailed, RuleGroup, identity, milliseconds
from alerts.rulememory import Kept, awaited, has_looked, kept, wait_of
from alerts.rulestate import RuleState, Surroundings
from probes.base import Labels

#: Stores one sample: labels (sorted, with `__name__`), milliseconds, value; None marks the series stale from then on.
#: Answers False when the series has another value at this time or a newer one already, and the sample was refused.
Append = Callable[[Labels, int, float | None], bool | None]
#: A firing or resolved alert is told again this often (Prometheus' --rules.alert.resend-delay), in milliseconds.
RESEND = 60_000
#: Series that are 0 or 1 by what a look found.
_OUTCOMES = {"probe_success", "probe_outcome"}


class Failure(NamedTuple):
    """A rule that could not be evaluated, and why."""

    rule: Rule
    reason: str


@dataclass(slots=True)
class Health:
    """How a rule's last evaluation went: `ok`, `err` or `unknown`. Times are seconds."""

    health: str = "unknown"
    error: str = ""
    evaluated_at: float | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class RuleRun:
    """One rule with all that is remembered of it. `states` is None for a recording rule."""

    rule: Rule
    states: RuleState | None
    series: set[Labels] = field(default_factory=set)
    health: Health = field(default_factory=Health)


class GroupRun:
    """One group with all that is remembered of it between evaluations. Knows no clock: times are arguments."""

    def __init__(self, group: RuleGroup, around: Surroundings, timer: Callable[[], float]) -> None:
        self.group = group
        self.rules = [
            RuleRun(rule, RuleState(rule) if isinstance(rule, AlertingRule) else None) for rule in group.rules
        ]
        self.samples = 0
        self._around = around
        self._timer = timer
        self._stale: set[Labels] = set()

    def evaluate(self, at: int, query: Query, append: Append) -> list[Failure]:
        """The clock's evaluation of all rules in order. A rule that fails keeps what it said before."""
        when = at - milliseconds(self.group.query_offset)
        failures = []
        self.samples = 0
        for run in self.rules:
            started = self._timer()
            try:
                self._store(run, self._evaluate(run, at, when, query), when, append)
                run.health = Health("ok", "", at / 1000, self._timer() - started)
            except RuleFailed as failed:
                run.health = Health("err", str(failed), at / 1000, self._timer() - started)
                failures.append(Failure(run.rule, str(failed)))
        for series in self._stale:
            append(series, when, None)
        self._stale.clear()
        return failures

    def glance(self, at: int, query: Query, rules: Iterable[RuleRun]) -> list[Failure]:
        """An extra look with some of this group's alerting rules: it stores no series and ends no alert."""
        when = at - milliseconds(self.group.query_offset)
        failures = []
        for run in rules:
            if run.states is None:
                continue
            try:
                run.states.glance(query(run.rule.expr, when), at, query, self._around, self.group.limit)
            except RuleFailed as failed:
                failures.append(Failure(run.rule, str(failed)))
        return failures

    def adopt(self, old: "GroupRun") -> None:
        """Takes over what a former version of this group remembers, rule by rule (Prometheus' Group.CopyState)."""
        left: dict[object, list[RuleRun]] = {}
        for run in old.rules:
            left.setdefault(identity(run.rule), []).append(run)
        for run in self.rules:
            same = left.get(identity(run.rule))
            if not same:
                continue
            before = same.pop(0)
            run.series, run.health = before.series, before.health
            if run.states is not None and before.states is not None:
                run.states.active = before.states.active
        self._stale = old._stale.union(*(run.series for runs in left.values() for run in runs))

    def recall(self, records: Iterable[Kept]) -> None:
        """Takes up what the store kept of this group's alerts before a restart."""
        runs = {(rule_key(run.rule)): run.states for run in self.rules if run.states is not None}
        for record in records:
            states = runs.get(record.rule) if record.group == self.group.key else None
            if states is None:
                continue
            if record.state is State.FIRING:
                states.active.setdefault(record.labels, awaited(record))
            else:
                states.remembered[record.labels] = record

    def release(self, at: int, started: int, heard: Callable[[str], bool]) -> None:
        """Before an evaluation: from now on, an empty answer resolves those awaited alerts that could be looked at."""
        for run, alert in self.alerts():
            if alert.awaited and has_looked(alert, window_of(run.rule.expr), at, started, heard):
                alert.awaited = False

    def waiting(self) -> list[tuple[Active, int]]:
        """The awaited alerts, each with how many milliseconds its rule has to look. May be asked from any thread."""
        standing = [(run, alert) for run in self.rules if run.states for alert in list(run.states.active.values())]
        return [(alert, wait_of(alert, window_of(run.rule.expr))) for run, alert in standing if alert.awaited]

    def keepsakes(self, at: int) -> Iterator[Kept]:
        """What the store should keep of the alerts that stand."""
        for run, alert in self.alerts():
            if alert.state is not State.INACTIVE:
                yield kept(self.group.key, rule_key(run.rule), alert, at)

    def untold(self, alerts: Iterable[Alert]) -> None:
        """These alerts did not arrive where they were told: they are due again."""
        labels = {alert.labels for alert in alerts}
        for _, alert in self.alerts():
            if alert.labels in labels:
                alert.told_at = None

    def leave(self) -> set[Labels]:
        """Every series this group has stored and not ended: what must be marked stale when the group goes."""
        return self._stale.union(*(run.series for run in self.rules))

    def alerts(self) -> Iterator[tuple[RuleRun, Active]]:
        """Every alert that stands or was lately resolved, with its rule."""
        for run in self.rules:
            if run.states is not None:
                for alert in run.states.active.values():
                    yield run, alert

    def telling(self, at: int) -> list[Alert]:
        """The alerts to tell now: what has changed since it was last told, and the rest once a minute.

        A firing alert counts as stale four telling times after this, as Prometheus' endsAt.
        """
        lasts = 4 * max(milliseconds(self.group.interval), RESEND)
        told = []
        for run, alert in self.alerts():
            if alert.state is not State.PENDING and not alert.awaited and _is_due(alert, at):
                alert.told_at = at
                told.append(_told(alert, at, lasts, _speaks(run.rule, alert.value)))
        return told

    def _evaluate(self, run: RuleRun, at: int, when: int, query: Query) -> list[Element]:
        elements = query(run.rule.expr, when)
        if run.states is not None:
            run.states.evaluate(elements, at, query, self._around, self.group.limit)
            return list(run.states.series())
        assert isinstance(run.rule, RecordingRule)
        return _recorded(run.rule, elements, self.group.limit)

    def _store(self, run: RuleRun, elements: list[Element], when: int, append: Append) -> None:
        returned = {labels for labels, value in elements if append(labels, when, value) is not False}
        for gone in run.series - returned:
            append(gone, when, None)  # refused where another rule gives this series now, which is as it should be
        run.series = returned
        self.samples += len(elements)
        if len(returned) < len(elements):
            raise RuleFailed(f"{len(elements) - len(returned)} of its series already have another value at this time")


def rule_key(rule: Rule) -> str:
    """A rule's identity as text, for the store."""
    kind, name, labels = identity(rule)
    return json.dumps([kind, name, labels], ensure_ascii=False)


def _recorded(rule: RecordingRule, elements: Iterable[Element], limit: int) -> list[Element]:
    recorded: dict[Labels, float] = {}
    for series, value in elements:
        labels = dict(series) | {"__name__": rule.record} | dict(rule.labels)
        key = tuple(sorted((name, text) for name, text in labels.items() if text))
        if key in recorded:
            raise RuleFailed("vector contains metrics with the same labelset after applying rule labels")
        recorded[key] = value
    if limit and len(recorded) > limit:
        raise RuleFailed(f"exceeded limit of {limit} with {len(recorded)} series")
    return list(recorded.items())


def _is_due(alert: Active, at: int) -> bool:
    """As Alert.needsSending in Prometheus, and once more when it fires again before its resolution was told."""
    if alert.told_at is None:
        return True
    changed = alert.resolved_at if alert.state is State.INACTIVE else alert.fired_at
    return (changed is not None and changed > alert.told_at) or alert.told_at + RESEND < at


def _speaks(rule: Rule, value: float) -> bool:
    """Whether a value tells anything beside that it fires: a bare comparison of an outcome gives its own 0 or 1."""
    names = metrics_of(rule.expr)
    return value not in (0.0, 1.0) or not names or not names <= _OUTCOMES


def _told(alert: Active, at: int, lasts: int, value_speaks: bool) -> Alert:
    resolved = alert.state is State.INACTIVE
    return Alert(
        labels=alert.labels,
        status=Status.RESOLVED if resolved else Status.FIRING,
        started_at=(alert.fired_at if alert.fired_at is not None else at) / 1000,
        told_at=at / 1000,
        annotations=dict(alert.annotations),
        value=alert.value if value_speaks else None,
        ended_at=alert.resolved_at / 1000 if resolved and alert.resolved_at is not None else None,
        expires_at=None if resolved else (at + lasts) / 1000,
    )
