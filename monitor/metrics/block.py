"""A block: the lines of one probe that change together, written once for each change.

Thousands of probes share a few shapes (which samples, with which labels), so a shape holds the lines as templates:
writing a block is filling in the numbers and the probe's own labels, which costs a fraction of a microsecond a line.
"""

import logging
from collections.abc import Sequence
from itertools import groupby
from math import isfinite
from operator import itemgetter

from alerts.promql.stale import STALE
from monitor.metrics.family import BASE, Families, Family
from monitor.metrics.form import form
from monitor.metrics.text import Reading, is_writable, series_of, writable, write_labels
from monitor.samples import Columns
from probes.base import Labels

LOG = logging.getLogger(__name__)

#: The names and own labels of a block's samples.
Signature = tuple[tuple[str, Labels], ...]

_BASE = BASE.decode()
#: Lines that are remembered of a part, because other probes will have the very same.
_MOST_SHARED = 2000


class Part:
    """The lines of a shape that are of one family: those of `values[start:end]`."""

    __slots__ = ("_keeps", "_known", "_template", "end", "family", "start")

    def __init__(self, family: Family, series: Sequence[tuple[str, Labels]], start: int) -> None:
        self.family = family
        self.start, self.end = start, start + len(series)
        self._template = "".join(_template(name, labels) for name, labels in series)
        self._keeps = form(family.kind, family.name, series)
        self._known: dict[tuple[float, ...], tuple[bytes, bool]] = {}

    def lines(self, values: tuple[float, ...]) -> tuple[bytes, bool]:
        """The lines with these values, and whether they keep to the form of their family.

        Whole numbers are states, sizes and counts, which repeat from probe to probe; seconds do not.
        """
        known = self._known.get(values)
        if known is not None:
            return known
        total = sum(values)
        written = values if isfinite(total) else tuple(map(writable, values))
        lines = (self._template % written).encode("utf-8", "replace")
        made = lines, self._keeps is None or self._keeps(values)
        if total == total // 1:
            if len(self._known) >= _MOST_SHARED:
                self._known.clear()
            self._known[values] = made
        return made


class Shape:
    """Which series a block has, sorted by family. What cannot be written or is `taken` is left out, and of what stands
    twice the first is kept, as Prometheus does; each is said once in the log.

    `reserved` are the labels that the probe itself has, and `taken` the series that the service writes for it.
    """

    def __init__(
        self, signature: Signature, families: Families, reserved: frozenset[str], taken: frozenset[str] = frozenset()
    ) -> None:
        places = {}
        for place, (name, labels) in enumerate(signature):
            own = _own(labels, reserved)
            series = series_of(name, own)
            if not is_writable(name, own) or series in taken:
                LOG.warning("the sample %s%r cannot be written for Prometheus, so it is left out", name, labels)
            elif series in places:
                LOG.warning("the sample %s%r came twice in one look; the first is kept", name, labels)
            else:
                places[series] = name, own, place
        ordered = sorted(places.values(), key=lambda item: (families.of(item[0]).name, item[2]))
        #: Each series' own labels, `__name__` included: shared by all probes of this shape, for there may be 100,000.
        self.labels = tuple(tuple(sorted((("__name__", name), *labels))) for name, labels, _ in ordered)
        self._places = [place for _, _, place in ordered]
        self._pick = itemgetter(*self._places) if len(self._places) > 1 else None
        self.parts: list[Part] = []
        for family, some in groupby(enumerate(ordered), key=lambda item: families.of(item[1][0])):
            members = list(some)
            self.parts.append(Part(family, [(name, labels) for _, (name, labels, _) in members], members[0][0]))

    def pick(self, values: tuple[float, ...]) -> tuple[float, ...]:
        """The values of the signature in the order of the series."""
        return self._pick(values) if self._pick else tuple(values[place] for place in self._places)


def _own(labels: Labels, reserved: frozenset[str]) -> Labels:
    """A sample's labels as Prometheus takes them: an empty one is none, and one that the probe itself has is renamed.

    NUL, which is never written, leaves nothing of a value either.
    """
    return tuple(
        (f"exported_{name}" if name in reserved else name, value) for name, value in labels if value.strip("\0")
    )


def _template(name: str, labels: Labels) -> str:
    own = write_labels(labels).replace("%", "%%")
    return f"{name}{{{_BASE},{own}}} %r\n" if own else f"{name}{{{_BASE}}} %r\n"


class Block:
    """Lines of one probe, on the page of `families` for as long as the block has values."""

    __slots__ = ("_base", "_columns", "_values", "shape", "signature", "text", "touched")

    def __init__(self, base: Labels, text: bytes) -> None:
        self._base = base
        #: The probe's labels as they are written.
        self.text = text
        #: Which series these are, and by what names that was asked for last.
        self.shape: Shape | None = None
        self.signature: Signature = ()
        self._columns = Columns(())
        self._values: tuple[float, ...] = ()
        #: When the values were last handed over to the samples in memory, in wall-clock seconds.
        self.touched = 0.0

    def set(self, shape: Shape, values: tuple[float, ...], now: float, signature: Signature) -> list[Reading]:
        """Take new values of the shape's signature; answers the readings to remember, ends of series included."""
        self.signature = signature
        gone = self._reshape(shape) if shape is not self.shape else []
        picked = shape.pick(values)
        if picked != self._values:
            before, self._values = self._values, picked
            self._write(shape, picked, before)
        return [*gone, *self.readings(now)]

    def readings(self, now: float) -> list[Reading]:
        """The present values, to be remembered at `now`."""
        self.touched = now
        return [Reading(self._columns, self._values)] if self._values else []

    def clear(self) -> list[Reading]:
        """Leave the page; answers the ends of the series."""
        gone = _ends(self._columns)
        self._drop_lines()
        self.shape, self._columns, self._values = None, Columns(()), ()
        return gone

    def _reshape(self, shape: Shape) -> list[Reading]:
        self._drop_lines()
        before = self._columns.own
        self.shape, self._values = shape, ()
        self._columns = Columns(shape.labels, self._base)
        kept = set(shape.labels)
        return _ends(Columns([own for own in before if own not in kept], self._base))

    def _drop_lines(self) -> None:
        for part in self.shape.parts if self.shape else ():
            part.family.drop(self)

    def _write(self, shape: Shape, values: tuple[float, ...], before: tuple[float, ...]) -> None:
        """Write the lines of every family in which something changed: most numbers of most looks are as before."""
        for part in shape.parts:
            some = values[part.start : part.end]
            if not before or some != before[part.start : part.end]:
                part.family.put(self, *part.lines(some))


def _ends(columns: Columns) -> list[Reading]:
    """The reading that ends these series."""
    return [Reading(columns, [STALE] * len(columns.own), last=True)] if columns.own else []
