"""The rows of a sheet: the newest as plain numbers, older ones packed page by page."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from copy import copy
from itertools import chain
from struct import Struct, error

from monitor.samples.layout import Floats, Layout, arrange
from monitor.samples.page import Page

#: Stands in each column before the first row.
_NO_VALUE = Struct("d").pack(0.0)


class Rows:
    """What a sheet holds at one moment. A reader takes it in one step; only rows are added, at the end.

    `begin` is the time (milliseconds) of the first row that is not packed. `still` are the values of columns that have
    not changed since then, `values` those of the others, row by row.
    """

    __slots__ = ("begin", "layout", "offsets", "pages", "still", "values")

    def __init__(
        self,
        pages: tuple[Page, ...],
        begin: int,
        offsets: "array[int]",
        columns: Sequence[bytes],
    ) -> None:
        layout, still, moving = arrange(columns)
        self.pages = pages
        self.begin = begin
        self.offsets = offsets
        self.layout: Layout = layout
        self.still: Floats = still
        self.values = array("d", chain.from_iterable(zip(*moving, strict=True)))

    @classmethod
    def none(cls, width: int, begin: int) -> "Rows":
        """No rows yet, of so many columns."""
        return cls((), begin, array("i"), [_NO_VALUE] * width)

    def add(self, at_ms: int, values: Sequence[float]) -> "Rows":
        """Add a row; answers the rows to go on with, which are others when columns no longer are as alike as before.

        Raises TypeError for what is no number.
        """
        layout = self.layout
        picked = layout.pick(values)
        try:
            row = layout.bits(*values)
            if not self.offsets or layout.bits(*layout.spread(self.still + picked)) != row:
                return self._with(at_ms, row)
            written = layout.written(*picked)
        except error as wrong:
            raise TypeError(f"a row of {values!r}: {wrong}") from None
        # A reader goes by the values, where there are any: the time must be there first.
        self.offsets.append(at_ms - self.begin)
        self.values.frombytes(written)
        return self

    def count(self) -> int:
        """How many rows are whole and not packed."""
        width = self.layout.width
        return len(self.values) // width if width else len(self.offsets)

    def find(self, after_ms: int, until_ms: int) -> tuple[int, int]:
        """The rows from the first with after_ms < time, to the one behind the last with time <= until_ms."""
        begin = self.begin
        last = bisect_right(self.offsets, until_ms - begin, 0, self.count())
        return bisect_right(self.offsets, after_ms - begin, 0, last), last

    def times(self, first: int, last: int) -> list[int]:
        """The times of these rows."""
        begin = self.begin
        return [begin + offset for offset in self.offsets[first:last]]

    def value(self, place: int, row: int) -> float:
        """One column's value in one row."""
        layout = self.layout
        slot, still = layout.slots[place], layout.still
        return self.still[slot] if slot < still else self.values[row * layout.width + slot - still]

    def column(self, place: int, first: int, last: int) -> "array[float]":
        """One column's values in these rows."""
        layout = self.layout
        slot, still, width = layout.slots[place], layout.still, layout.width
        if slot < still:
            return array("d", (self.still[slot],)) * (last - first)
        return self.values[first * width + slot - still : last * width : width]

    def without(self, pages: int) -> "Rows":
        """The same without the oldest pages."""
        rest = copy(self)
        rest.pages = self.pages[pages:]
        return rest

    def packed(self, keep: int) -> "Rows":
        """The same with all but the last `keep` rows packed into a page."""
        rows = len(self.offsets)
        done = rows - keep
        times = self.times(0, rows)
        slots: dict[int, array[float]] = {}
        for place, slot in enumerate(self.layout.slots):
            if slot not in slots:
                slots[slot] = self.column(place, 0, rows)
        packed = [slots[slot][:done] for slot in sorted(slots)]
        pages = (*self.pages, Page(times[:done], self.layout.slots, packed))
        begin = times[done] if keep else times[-1]
        offsets = array("i", [at - begin for at in times[done:]])
        kept = {slot: column[done:].tobytes() or _NO_VALUE for slot, column in slots.items()}
        return Rows(pages, begin, offsets, [kept[slot] for slot in self.layout.slots])

    def _with(self, at_ms: int, row: bytes) -> "Rows":
        """The rows arranged anew, with one more."""
        rows = len(self.offsets)
        columns = [
            self.column(place, 0, rows).tobytes() + row[8 * place : 8 * place + 8]
            for place in range(len(self.layout.slots))
        ]
        begin = self.begin if rows else at_ms
        return Rows(self.pages, begin, self.offsets + array("i", (at_ms - begin,)), columns)
