"""Takes from the config that all machines share what one of them looks after."""

from collections.abc import Iterator

from monitor.config.model import Config
from monitor.config.shard import Shard, shard_of
from probes import KINDS
from probes.base import ProbeSettings

#: Tells apart what several machines see of themselves.
LABEL = "shard"


def share(config: Config, shard: Shard | None = None) -> Config:
    """The config as this machine (or another one, `shard`) follows it: its own probes, backups and objectives.

    The canary looks from every machine, for each judges its own network by it, and so does what looks at the machine
    itself; those carry the label `shard`. The rest is on one machine: `elsewhere` tells the others' numbers.
    """
    shard = shard or config.part
    if shard.alone:
        return config
    probes = tuple(_own(config, shard))
    names = {probe.name for probe in probes}
    mine = config.model_copy(
        update={
            "probes": probes,
            "backups": tuple(backup for backup in config.backups if shard.takes(backup.name)),
            "objectives": tuple(one for one in config.objectives if not one.of or one.of in names),
        }
    )
    mine._elsewhere = {probe.name: shard_of(probe.name, shard.of) for probe in config.probes if probe.name not in names}
    return mine


def where(config: Config, name: str) -> str:
    """Which other machine looks at a probe, as one would say it; empty when none does, or this one too."""
    number, here = config.elsewhere.get(name), config.part
    return "" if number is None else f"shard {number} of {here.of}, and this is shard {here.number}"


def is_everywhere(config: Config, probe: ProbeSettings) -> bool:
    """Whether each machine looks for itself: it is a canary, or tells of the machine that it runs on."""
    kind = KINDS.get(probe.type)
    return probe.name in config.canary or not (kind.remote or kind.passive)


def _own(config: Config, shard: Shard) -> Iterator[ProbeSettings]:
    for probe in config.probes:
        if is_everywhere(config, probe):
            yield probe.model_copy(update={"labels": probe.labels | {LABEL: str(shard.number)}})
        elif shard.takes(probe.name):
            yield probe
