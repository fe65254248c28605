"""What Shopwatch says of itself, kept with prometheus_client, as families of the page."""

import re
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as ClientMetric

from monitor.metrics.family import Family
from probes.base import Metric

_HEAD = re.compile(rb"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n")
_ESCAPED = re.compile(r"\\([\\n])")


#: What these tell is about this machine. (Other families, as of the shop's orders, are matched with what probes bring.)
_OF_THIS_MACHINE = ("shopwatch_", "backup_", "process_")


class OwnRegistry(CollectorRegistry):
    """A registry whose numbers say where they were taken, with the labels `where`.

    Several machines may stand behind one Prometheus: the trouble of one must not be taken for that of another, nor
    ended by another's health. `instance` does not tell them apart, as there is none when rules are evaluated here.
    """

    def __init__(self, where: Mapping[str, str]) -> None:
        super().__init__()
        self._where = dict(where)

    def collect(self) -> Iterable[ClientMetric]:
        """Prometheus' families, read at the moment of the scrape."""
        for family in super().collect():
            if family.name.startswith(_OF_THIS_MACHINE):
                family.samples = [one._replace(labels={**self._where, **one.labels}) for one in family.samples]
            yield family


class _Ourselves:
    """Who has these lines, each of which is whole."""

    text = b""


_OURSELVES = _Ourselves()


def own_families(registry: CollectorRegistry) -> dict[str, Family]:
    """The families of a registry by name, as they are now."""
    page = generate_latest(registry)
    heads = list(_HEAD.finditer(page))
    ends = [head.start() for head in heads[1:]] + [len(page)]
    families = {}
    for head, end in zip(heads, ends, strict=True):
        name, text, kind = (part.decode() for part in head.groups())
        family = families[name] = Family(Metric(name, kind, _ESCAPED.sub(_plain, text)))
        if lines := page[head.end() : end]:
            family.put(_OURSELVES, lines)
    return families


def _plain(escaped: re.Match[str]) -> str:
    return "\n" if escaped[1] == "n" else "\\"
