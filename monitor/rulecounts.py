"""How the evaluation of rules fares, in numbers: how often, how long, how late, how many failed."""

from collections.abc import Iterable
from typing import NamedTuple

from alerts.rule import RuleGroup
from alerts.rulegroup import Failure
from monitor.slots import Slots
from probes.base import Labels


class Measure(NamedTuple):
    """One number for /metrics."""

    name: str
    type: str  # gauge | counter
    help: str
    labels: Labels
    value: float


class GroupCounts:
    """The counts of one rule group. Durations and times are seconds."""

    def __init__(self, group: RuleGroup) -> None:
        self.group = group
        self.evaluations = self.failures = self.glances = self.iterations = self.missed = 0
        self.last_at: float | None = None
        self.last_late = self.last_seconds = self.seconds = self.glance_seconds = 0.0
        self.samples = 0
        self.interval, self.rules = group.interval, len(group.rules)

    def adopt(self, old: "GroupCounts") -> None:
        """Counters go on over a reload."""
        for name in ("evaluations", "failures", "glances", "iterations", "missed", "seconds", "glance_seconds"):
            setattr(self, name, getattr(old, name))

    def evaluated(
        self, slot: float, now: float, seconds: float, failures: list[Failure], samples: int, slots: Slots
    ) -> None:
        """A clock evaluation has ended: due at `slot`, begun at `now`."""
        self.iterations += slots.scheduled
        self.missed += slots.missed
        slots.scheduled = slots.missed = 0
        self.evaluations += len(self.group.rules)
        self.failures += len(failures)
        self.last_at, self.last_late, self.last_seconds = slot, max(0.0, now - slot), seconds
        self.seconds += seconds
        self.samples = samples

    def glanced(self, seconds: float, failures: list[Failure]) -> None:
        """An extra look has ended."""
        self.glances += 1
        self.glance_seconds += seconds
        self.failures += len(failures)


_GROUP = "shopwatch_rule_group_"
#: Every metric of rule evaluation: attribute of GroupCounts, name, type, help. All have the label rule_group.
METRICS = (
    ("iterations", _GROUP + "iterations_total", "counter", "Evaluations of the group that were due, missed ones too."),
    ("missed", _GROUP + "iterations_missed_total", "counter", "Evaluations skipped because an earlier one was late."),
    ("evaluations", "shopwatch_rule_evaluations_total", "counter", "Rules evaluated on the clock."),
    ("failures", "shopwatch_rule_evaluation_failures_total", "counter", "Rules that could not be evaluated."),
    ("glances", _GROUP + "glances_total", "counter", "Extra looks because a probe's outcome changed or a `for` ended."),
    ("seconds", _GROUP + "duration_seconds_total", "counter", "Time spent on the clock's evaluations."),
    ("glance_seconds", _GROUP + "glance_duration_seconds_total", "counter", "Time spent on extra looks."),
    ("last_seconds", _GROUP + "last_duration_seconds", "gauge", "How long the last evaluation took."),
    ("last_late", _GROUP + "last_lateness_seconds", "gauge", "How late the last evaluation began."),
    ("last_at", _GROUP + "last_evaluation_timestamp_seconds", "gauge", "The slot of the last evaluation."),
    ("samples", _GROUP + "last_evaluation_samples", "gauge", "Samples that the last evaluation stored."),
    ("interval", _GROUP + "interval_seconds", "gauge", "How often the group is evaluated."),
    ("rules", _GROUP + "rules", "gauge", "Rules in the group."),
)


def measures(groups: Iterable[GroupCounts]) -> list[Measure]:
    """The metrics of these groups, metric by metric."""
    groups = list(groups)
    found = []
    for attribute, name, kind, text in METRICS:
        for counts in groups:
            value = getattr(counts, attribute)
            if value is not None:
                found.append(Measure(name, kind, text, (("rule_group", counts.group.key),), float(value)))
    return found
