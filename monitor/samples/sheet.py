"""A sheet: the newest samples of series whose values always come together, row by row beside one column of times.

A probe's fifty series get their values at the same moment. Kept one by one, each needs arrays and times of its own,
some 400 bytes before the first sample; on a sheet a value takes eight bytes, and taking in a row is one call.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from monitor.samples import chunk
from probes.base import Labels

if TYPE_CHECKING:
    from monitor.samples.series import Series

#: Rows that are packed together, and those that stay plain then: what a rate over five minutes at 15 s reads.
SIZE, KEPT = 60, 24
#: The furthest that a row may lie from the first one, so that distances fit into four bytes.
_REACH_MS = (1 << 31) - 1


class Columns:
    """The labels of series whose values always come together, in the order of the values. `sheet` is the memory's."""

    __slots__ = ("labels", "sheet")

    def __init__(self, labels: Sequence[Labels]) -> None:
        self.labels = labels
        self.sheet: Sheet | None = None


class Sheet:
    """Rows of values. One thread at a time adds; others may read meanwhile, without a lock, as rows only ever grow.

    Times are milliseconds; `base` is the first row's. A sheet that was `torn` is added to no more.
    """

    __slots__ = ("base", "full", "members", "offsets", "torn", "values", "width")

    def __init__(self, members: "Sequence[Series]", base: int, full: int) -> None:
        self.members = members
        self.width = len(members)
        self.base = base
        self.full = full + KEPT
        self.offsets = array("i")
        self.values = array("d")
        self.torn = False

    def rows(self) -> int:
        """How many rows are whole: a reader goes by the values, which come after the time."""
        return len(self.values) // self.width

    def takes(self, at_ms: int) -> bool:
        """Whether a row of this time is later than all others."""
        return not self.offsets or at_ms - self.base > self.offsets[-1]

    def reaches(self, at_ms: int) -> bool:
        """Whether there is room for a row of this time: neither too many are there, nor is it too far off."""
        return len(self.offsets) < self.full and at_ms - self.base <= _REACH_MS

    def add(self, at_ms: int, values: Sequence[float]) -> None:
        """Add a row, as wide as the sheet. Raises ValueError for another, and TypeError for what is no number."""
        row = array("d", values)
        if len(row) != self.width:
            raise ValueError(f"a row of {len(row)} values does not fit on a sheet of {self.width} columns")
        self.offsets.append(at_ms - self.base)
        self.values.extend(row)

    def last_ms(self) -> int:
        """The time of the newest row."""
        return self.base + self.offsets[-1]

    def find(self, after_ms: int, until_ms: int) -> tuple[int, int]:
        """The rows from the first with after_ms < time, to the one behind the last with time <= until_ms."""
        last = bisect_right(self.offsets, until_ms - self.base, 0, self.rows())
        return bisect_right(self.offsets, after_ms - self.base, 0, last), last

    def times(self, first: int, last: int) -> list[int]:
        """The times of these rows."""
        base = self.base
        return [base + offset for offset in self.offsets[first:last]]

    def column(self, place: int, first: int, last: int) -> "array[float]":
        """One series' values in these rows."""
        return self.values[first * self.width + place : last * self.width : self.width]

    def packed(self) -> "Sheet":
        """Hand the older rows to the series as chunks; answers the sheet of the others, which takes its place."""
        done = len(self.offsets) - KEPT
        times = self.times(0, done)
        known: dict[bytes, bytes] = {}  # constants of one sheet look alike
        for place, member in enumerate(self.members):
            packed = chunk.pack(times, self.column(place, 0, done))
            member.keep(known.setdefault(packed, packed))
        new = Sheet(self.members, self.base + self.offsets[done], SIZE)
        new.offsets.extend([offset - self.offsets[done] for offset in self.offsets[done:]])
        new.values = self.values[done * self.width :]
        for member in self.members:
            member.sheet = new
        return new

    def tear(self) -> None:
        """Hand every row to its series, each of which goes on by itself."""
        times = self.times(0, self.rows())
        for place, member in enumerate(self.members):
            for at, value in zip(times, self.column(place, 0, len(times)), strict=True):
                member.append(at, value)
            member.sheet = None
        self.torn = True
