"""What Shopwatch says of itself, kept with prometheus_client, as families of the page."""

import re

from prometheus_client import CollectorRegistry, generate_latest

from monitor.metrics.family import Family
from probes.base import Metric

_HEAD = re.compile(rb"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)\n")
_ESCAPED = re.compile(r"\\([\\n])")


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
