"""A metric family: all lines of one metric stand together under one HELP and TYPE, whoever wrote them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from monitor.metrics.text import write_header
from probes.base import Metric

_PARTS = ("_bucket", "_sum", "_count")
#: Kinds whose samples have other names than the family.
COMPOSED = ("histogram", "summary")
_KINDS = {"counter", "gauge", "histogram", "summary", "untyped"}


#: Stands in lines where the labels of their probe belong. No label's value holds it.
BASE = b"\0"


class Writer(Protocol):
    """Who has lines in a family; `text` are the labels that all its lines have, as they are written."""

    text: bytes


class Family:
    """One metric and the lines of each block that has it, with BASE in place of the block's own labels.

    So most blocks of a metric have the very same lines, which are kept once: states and counts repeat among probes.
    `odd` are the blocks whose lines OpenMetrics would not take for the family's kind: they need no kind to be read.
    """

    __slots__ = ("header", "help", "kind", "lines", "name", "odd")

    def __init__(self, metric: Metric) -> None:
        self.name, self.help = metric.name, metric.help
        self.kind = metric.type if metric.type in _KINDS and self.name != "_total" else "untyped"
        self.header = write_header(self.name, self.kind, self.help)
        self.lines: dict[Writer, bytes] = {}
        self.odd: set[Writer] = set()

    def written(self) -> list[bytes]:
        """The lines of each block as they stand on the page, in the order of `lines`."""
        return [lines.replace(BASE, block.text) for block, lines in self.lines.items()]

    def put(self, block: Writer, lines: bytes, keeps_form: bool = True) -> None:
        """Show these lines of a block, instead of those it had."""
        self.lines[block] = lines
        if keeps_form:
            self.odd.discard(block)
        else:
            self.odd.add(block)

    def drop(self, block: Writer) -> None:
        """Show no lines of this block any more."""
        self.lines.pop(block, None)
        self.odd.discard(block)


class Families:
    """Every family on the page, by name."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._families: dict[str, Family] = {}
        self._composed: set[str] = set()
        self.declare(metrics)

    def declare(self, metrics: Iterable[Metric]) -> None:
        """Promise these metrics; who promised a name first has said its type and help."""
        for metric in metrics:
            family = self._families.setdefault(metric.name, Family(metric))
            if family.kind in COMPOSED:
                self._composed.add(metric.name)

    def of(self, name: str) -> Family:
        """The family of a sample's name; a name that nobody promised becomes an untyped family of its own."""
        for part in _PARTS:
            whole = name.removesuffix(part)
            if whole != name and whole in self._composed:
                return self._families[whole]
        if name not in self._families:
            self._families[name] = Family(Metric(name, "untyped", "As reported by the probe."))
        return self._families[name]

    def with_own(self, own: Mapping[str, Family]) -> list[Family]:
        """Every family that has lines, sorted by name. `own` are those that are not of probes, by name."""
        shown = []
        for name in sorted(self._families.keys() | own.keys()):
            family, ours = self._families.get(name), own.get(name)
            if family is None or not family.lines:
                family, ours = ours, None
            if family is not None and family.lines:
                shown.append(_joined(family, ours) if ours else family)
        return shown


def _joined(family: Family, other: Family) -> Family:
    """A family that probes and we both have: once on the page, under what the probes say of it."""
    joined = Family(Metric(family.name, family.kind, family.help))
    joined.lines = family.lines | other.lines
    joined.odd = family.odd if family.kind == other.kind else set(joined.lines)
    return joined
