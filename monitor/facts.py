"""What decisions ask about the world: the newest proof behind an alert, and whether its source has gone quiet."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from alerts.expression import metrics_of
from alerts.promql import Matcher, Storage
from alerts.promql.stale import is_stale
from alerts.rule import AlertingRule, RecordingRule, RuleGroup
from monitor.latest import Latest
from monitor.verifications import Verifications
from probes.base import COMMON_METRICS, Evidence, Labels, Outcome, Result
from probes.units import format_duration

#: A result older than this many of its intervals, and this many seconds, proves nothing about now.
_STALE_INTERVALS, _STALE_SECONDS = 3.0, 60.0
#: A failure older than this has nothing to do with an alert about a probe that is up now.
_RECENT = 900.0
#: Series are refreshed every minute while their look is; what is older than this has ended.
_MEMORY_MS = 300_000
_WELL = {Outcome.UP, Outcome.DEGRADED}
_COMMON = {metric.name for metric in COMMON_METRICS}
#: What no look brings: what rules tell of themselves, and Shopwatch of itself.
_OF_NO_LOOK = ("ALERTS", "shopwatch_")
#: What tells how looks ended; the rest of what all probes have only tells that they look.
_OUTCOMES = {"probe_success", "probe_outcome", "probe_results_total", "probe_latency_seconds_bucket"}


class Facts:
    """Answers at once, from memory, from any thread. `interval` is how often a probe looks; None for strangers.

    `here` are the labels of what this machine sees: of what another one saw, told by a Prometheus in front of both,
    nothing is known.
    """

    def __init__(
        self,
        latest: Latest,
        samples: Storage,
        verifications: Verifications,
        interval: Callable[[str], float | None],
        here: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._latest, self._samples, self._verifications = latest, samples, verifications
        self._interval, self._here, self._clock = interval, here, clock
        self._asked: dict[str, frozenset[str]] = {}
        self._left: set[str] = set()

    def apply(self, groups: Iterable[RuleGroup], left: Iterable[str] = ()) -> None:
        """Know these rules, and the probes that left the config with a reload."""
        self._left |= set(left)
        rules = [rule for group in groups for rule in group.rules]
        recorded = {rule.record for rule in rules if isinstance(rule, RecordingRule)}
        asked: dict[str, frozenset[str]] = {}
        for rule in rules:
            if isinstance(rule, AlertingRule):
                read = (metrics_of(rule.expr) or frozenset()) - recorded
                names = frozenset(name for name in read if not name.startswith(_OF_NO_LOOK))
                asked[rule.alert] = asked.get(rule.alert, frozenset()) | names
        self._asked = asked

    def evidence(self, labels: Labels) -> Evidence | None:
        """The proof for an alert: its backup's last verification, or its probe's newest look, recent failures first."""
        named = dict(labels)
        if "backup" in named:
            return self._verifications.evidence(named["backup"])
        if "probe" not in named or self._is_foreign(named):
            return None
        failure = self._latest.failure(named["probe"])
        if failure is not None and self._clock() - failure.at <= _RECENT:
            return _of(failure)
        result = self._latest.result(named["probe"])
        return _of(result) if result else None

    def quiet(self, labels: Labels) -> bool:
        """Whether the probe behind an alert has no fresh result that could prove the end of the trouble.

        A rule that reads numbers which the probe brings (a queue's length) is answered by a look that brought them; one
        that reads only how looks ended is answered by a look that went well. A probe that is not ours (Prometheus
        scrapes another prober) or looks from elsewhere, and an alert without one, are never quiet: their source's word
        is all there is.
        """
        named = dict(labels)
        name = named.get("probe", "")
        interval = self._interval(name)
        if self._is_foreign(named):
            return False
        if interval is None:
            return name in self._left
        result = self._latest.result(name)
        if result is None:
            return True
        if self._clock() - result.at > max(_STALE_INTERVALS * interval, _STALE_SECONDS):
            return True
        asked = self._asked.get(named.get("alertname", ""), frozenset())
        if numbers := asked - _COMMON:
            return not any(self._brought(number, name) for number in numbers)
        if asked and not asked & _OUTCOMES:
            return False  # it asks whether the probe looks, and it does
        # An alert about the outcome itself ("blocked", "unknown") ends when the outcome changes, whatever it is now.
        return "outcome" not in named and result.outcome not in _WELL

    def _is_foreign(self, named: dict[str, str]) -> bool:
        return any(named.get(label, ours) != ours for label, ours in self._here.items())

    def _brought(self, number: str, probe: str) -> bool:
        """Whether the newest look of a probe brought a number: a series that it did not bring ends."""
        now = round(self._clock() * 1000)
        matchers = (Matcher("__name__", "=", number), Matcher("probe", "=", probe))
        newest = (series.latest(now - _MEMORY_MS, now) for series in self._samples.select(matchers, 0, now))
        return any(sample is not None and not is_stale(sample[1]) for sample in newest)


def _of(result: Result) -> Evidence:
    finding = result.finding
    evidence = finding.evidence
    if evidence is None:
        evidence = Evidence(finding.reason or f"{result.outcome} after {format_duration(result.duration)}")
    if not result.run_id:
        return evidence
    return replace(evidence, facts=(*evidence.facts, ("run_id", result.run_id)))
