"""Compares two configs, so that a reload touches only the probes that changed."""

from typing import NamedTuple

from monitor.config.model import Config
from probes.base import ProbeSettings

#: Settings that are read once: a change waits for the next start, and a reload says so.
FIXED = ("location", "shard", "listen", "store", "store_password", "probers")


class Changes(NamedTuple):
    """What a reload changes. Unchanged probes keep their phase and counters; `settings` names what else differs."""

    added: tuple[ProbeSettings, ...]
    removed: tuple[ProbeSettings, ...]
    changed: tuple[ProbeSettings, ...]
    unchanged: tuple[ProbeSettings, ...]
    settings: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.settings)

    def __str__(self) -> str:
        parts = [
            ("added", self.added),
            ("removed", self.removed),
            ("changed", self.changed),
            ("unchanged", self.unchanged),
        ]
        counts = [f"{len(probes)} {word}" for word, probes in parts if probes or word == "unchanged"]
        probes = f"probes: {', '.join(counts)}"
        now = [name for name in self.settings if name not in FIXED]
        later = [name for name in self.settings if name in FIXED]
        also = f"; also changed: {', '.join(now)}" if now else ""
        wait = f"; not before the next start: {', '.join(later)}" if later else ""
        return probes + also + wait


def diff(old: Config, new: Config) -> Changes:
    """The probes of `new` that are added, changed (as they are now) or unchanged, and those of `old` that are gone."""
    before = {probe.name: probe for probe in old.probes}
    after = {probe.name: probe for probe in new.probes}
    return Changes(
        added=tuple(probe for name, probe in after.items() if name not in before),
        removed=tuple(probe for name, probe in before.items() if name not in after),
        changed=tuple(probe for name, probe in after.items() if name in before and probe != before[name]),
        unchanged=tuple(probe for name, probe in after.items() if probe == before.get(name)),
        settings=tuple(
            name for name in Config.model_fields if name != "probes" and getattr(old, name) != getattr(new, name)
        ),
    )
