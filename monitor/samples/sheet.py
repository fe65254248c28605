"""A sheet: the samples of series whose values always come together, row by row beside one column of times.

A probe's fifty series get their values at the same moment. Kept one by one, each needs its own labels, places in every
index, arrays and times: some 700 bytes before the first sample. On a sheet a series is a number, its place; what reads
it is made when somebody asks.
"""

from array import array
from collections.abc import Sequence

from monitor.samples import chunk
from monitor.samples.form import Form
from monitor.samples.rows import Rows
from probes.base import Labels

#: Rows that are packed together, and those that stay plain then: what a rate over five minutes at 15 s reads.
SIZE, KEPT = 60, 24
#: The furthest that a row may lie from the first one, so that distances fit into four bytes.
_REACH_MS = (1 << 31) - 1
_NEVER = -(1 << 62)


class Columns:
    """Series whose values always come together, in the order of the values. `sheet` is the memory's.

    Each is known by its `own` labels, `__name__` among them, to which `base` comes for all.
    """

    __slots__ = ("base", "own", "sheet")

    def __init__(self, own: Sequence[Labels], base: Labels = ()) -> None:
        self.own = own
        self.base = base
        self.sheet: Sheet | None = None

    @property
    def labels(self) -> list[Labels]:
        """All labels of each series, sorted."""
        return [tuple(sorted((*self.base, *one))) for one in self.own]


class Sheet:
    """One thread at a time adds rows; others may read meanwhile, without a lock.

    Times are milliseconds. `older` holds chunks of what series had before they came here. A sheet that was `torn` is
    out of use, and what was on it is elsewhere.
    """

    __slots__ = ("_full", "base", "form", "older", "rows", "torn")

    def __init__(self, form: Form, base: Labels, begin: int, full: int = SIZE) -> None:
        self.form = form
        self.base = base
        self.older: dict[int, tuple[bytes, ...]] = {}
        self.rows = Rows.none(form.width, begin)
        self.torn = False
        self._full = full + KEPT

    def takes(self, at_ms: int) -> bool:
        """Whether a row of this time is later than all others."""
        return at_ms > self.last_ms()

    def add(self, at_ms: int, values: Sequence[float]) -> bool:
        """Add a row that it takes; answers whether older rows were packed for it.

        Raises ValueError for a row of another width, and TypeError for what is no number.
        """
        if len(values) != self.form.width:
            raise ValueError(f"a row of {len(values)} values does not fit on a sheet of {self.form.width} columns")
        rows = self.rows
        near = at_ms - rows.begin <= _REACH_MS
        packs = len(rows.offsets) >= self._full or (not near and len(rows.offsets) > 0)
        if packs:
            rows = rows.packed(KEPT if near else 0)
            self._full = SIZE + KEPT
        self.rows = rows.add(at_ms, values)
        return packs

    def last_ms(self) -> int:
        """The time of the newest sample; long ago when there is none."""
        rows = self.rows
        if rows.offsets:
            return rows.begin + rows.offsets[-1]
        ends = [page.span()[1] for page in rows.pages[-1:]]
        return max((*ends, *(chunk.span(chunks[-1])[1] for chunks in self.older.values())), default=_NEVER)

    def latest(self, place: int, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """A series' newest sample with after_ms < time <= until_ms, or None."""
        rows = self.rows
        row = rows.count() - 1
        if row >= 0:
            at = rows.begin + rows.offsets[row]
            if at <= until_ms:
                return (at, rows.value(place, row)) if at > after_ms else None
        times, values = self.window(place, after_ms, until_ms)
        return (times[-1], values[-1]) if times else None

    def window(self, place: int, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        """Times and values of a series' samples with after_ms < time <= until_ms."""
        rows = self.rows
        first, last = rows.find(after_ms, until_ms)
        times, values = rows.times(first, last), rows.column(place, first, last).tolist()
        if after_ms >= rows.begin:
            return times, values
        older = [some for some in self.older.get(place, ()) if _overlaps(chunk.span(some), after_ms, until_ms)]
        older += [page.chunk(place) for page in rows.pages if _overlaps(page.span(), after_ms, until_ms)]
        if not older:
            return times, values
        before = chunk.window(older, after_ms, until_ms)
        return before[0] + times, before[1] + values

    def chunks(self, place: int) -> tuple[bytes, ...]:
        """What is packed of a series."""
        return (*self.older.get(place, ()), *(page.chunk(place) for page in self.rows.pages))

    def plain(self, place: int) -> tuple[list[int], "array[float]"]:
        """Times and values of what is not packed of a series."""
        rows = self.rows
        return rows.times(0, rows.count()), rows.column(place, 0, rows.count())

    def count(self) -> int:
        """How many samples are held, of all series."""
        rows = self.rows
        whole = rows.count() + sum(page.count() for page in rows.pages)
        return whole * self.form.width + sum(map(_samples, self.older.values()))

    def drop_before(self, at_ms: int) -> int:
        """Forget chunks and pages that end before a time; answers how many samples that were."""
        pages = self.rows.pages
        gone = 0
        while gone < len(pages) and pages[gone].span()[1] < at_ms:
            gone += 1
        older = {place: _since(chunks, at_ms) for place, chunks in self.older.items()}
        return self._drop(older, gone)

    def drop_oldest(self) -> int:
        """Forget the oldest chunks or page, if there are any; answers how many samples that were."""
        if self.older:
            return self._drop({place: chunks[1:] for place, chunks in self.older.items()}, 0)
        return self._drop({}, min(1, len(self.rows.pages)))

    def _drop(self, older: dict[int, tuple[bytes, ...]], pages: int) -> int:
        gone = sum(map(_samples, self.older.values())) - sum(map(_samples, older.values()))
        if gone:
            self.older = {place: chunks for place, chunks in older.items() if chunks}
        if pages:
            gone += sum(page.count() for page in self.rows.pages[:pages]) * self.form.width
            self.rows = self.rows.without(pages)
        return gone


def _overlaps(span: tuple[int, int], after_ms: int, until_ms: int) -> bool:
    return span[1] > after_ms and span[0] <= until_ms


def _samples(chunks: tuple[bytes, ...]) -> int:
    return sum(map(chunk.count, chunks))


def _since(chunks: tuple[bytes, ...], at_ms: int) -> tuple[bytes, ...]:
    return tuple([some for some in chunks if chunk.span(some)[1] >= at_ms])
