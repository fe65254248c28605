"""What a silence keeps quiet at this moment: the probes, backups and open incidents that it matches."""

from collections.abc import Iterable, Mapping

from alerts.incident import Incident
from alerts.silence import Silence
from monitor.config import Config
from probes.backup.report import base_labels
from probes.base import Labels

#: Labels that rules give to their alerts: what is watched has none of them, and is matched by the other ones.
_OF_ALERTS = frozenset({"alertname", "severity"})


def watched(config: Config) -> dict[str, Labels]:
    """The labels that alerts about each probe and backup will have, by its name."""
    found = {
        f"probe {probe.name}": {"probe": probe.name, "type": probe.type, "location": config.location}
        | ({"owner": probe.owner} if probe.owner else {})
        | probe.labels
        for probe in config.probes
    }
    found |= {f"backup {backup.name}": dict(base_labels(backup)) for backup in config.backups}
    return {name: tuple(sorted(labels.items())) for name, labels in found.items()}


def matched(silence: Silence, things: Mapping[str, Labels], open_ones: Iterable[Incident]) -> list[str]:
    """The names of what a silence matches: `probe checkout`, `incident K7Q2`; none when it keeps nothing quiet now."""
    told = [matcher for matcher in silence.matchers if matcher.name not in _OF_ALERTS]
    found = [name for name, labels in things.items() if told and all(one.matches(dict(labels)) for one in told)]
    found += [f"incident {one.key}" for one in open_ones if any(silence.mutes(alert.labels) for alert in one.alerts)]
    return found
