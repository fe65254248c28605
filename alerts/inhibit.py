"""Holds back what is said already, and louder: a ticket about a cause while a page about its symptom is open.

As Alertmanager's inhibit_rules, with two differences on purpose. A label that neither alert has does not count as
equal: two alerts without `probe` have nothing to do with each other. And what is held back is not dropped: its
incident is kept, says what holds it, and is told when that is over and it is not.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from alerts.incident import Incident
from alerts.match import Match, matches
from alerts.silence import Matcher, Silence
from probes.base import Labels
from probes.settings import Settings

#: Who hushes an incident that an inhibition holds back.
INHIBITION = "inhibition"
#: A hush ends by itself after this many seconds unless it is found again: a message lost must not silence for ever.
_HOLDS = 900.0


class Inhibition(Settings):
    """While an alert that fits `source` is open, those that fit `target` with the same `equal` labels are not told."""

    source: Annotated[Match, Field(min_length=1, description="What makes other alerts superfluous.")]
    target: Annotated[Match, Field(min_length=1, description="What is held back meanwhile.")]
    equal: tuple[str, ...] = Field(
        default=(), description="Labels whose values must be there in both, and the same; none: any alert holds any."
    )

    def holds(self, source: Labels, target: Labels) -> bool:
        """Whether the one alert holds the other back. What fits both sides is held back by nothing that does too."""
        if not (matches(self.source, source) and matches(self.target, target)):
            return False
        if matches(self.target, source) and matches(self.source, target):
            return False
        ours, theirs = dict(source), dict(target)
        return all(ours.get(name) and ours.get(name) == theirs.get(name) for name in self.equal)


#: What holds without a word in the config: a ticket about a probe or a backup that pages already adds nothing.
#: A page of no location is about several of them (SeveralLocationsDown), and holds back what each of them says.
USUAL = (
    Inhibition(source={"severity": ("page",)}, target={"severity": ("ticket",)}, equal=("probe", "location")),
    Inhibition(source={"severity": ("page",), "location": ("",)}, target={"severity": ("ticket",)}, equal=("probe",)),
    Inhibition(source={"severity": ("page",)}, target={"severity": ("ticket",)}, equal=("backup",)),
)


def holding(
    rules: Sequence[Inhibition], key: str, alerts: Iterable[Labels], open_ones: Iterable[Incident], now: float
) -> tuple[Silence, ...]:
    """The silences that other open incidents lay over these alerts of the incident `key`; at most one an alert."""
    others = [(one, labels) for one in open_ones if one.key != key for labels in voices(one)]
    found = []
    for target in alerts:
        source = next(
            (one for one, labels in others if any(rule.holds(labels, target) for rule in rules)),
            None,
        )
        if source is not None:
            name = source.lead.name if source.lead else source.key
            exactly = tuple(Matcher(label, value) for label, value in target)
            reason = f"{name} ({source.key}) is open"
            found.append(Silence(f"{INHIBITION} {source.key} {target}", exactly, now, now + _HOLDS, reason, INHIBITION))
    return tuple(found)


def voices(incident: Incident | None) -> frozenset[Labels]:
    """The alerts of an incident that may hold others back: those that nobody has said to be over."""
    if incident is None or incident.over:
        return frozenset()
    return frozenset(alert.labels for alert in incident.unsettled)


def concerned(rules: Sequence[Inhibition], changed: Iterable[Labels], incidents: Iterable[Incident]) -> Iterator[str]:
    """The keys of incidents to look at again when these alerts have come or gone."""
    changed = list(changed)
    for incident in incidents:
        if any(rule.holds(source, target) for rule in rules for source in changed for target in voices(incident)):
            yield incident.key
