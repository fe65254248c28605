"""The samples of one series: the newest as plain numbers, its own or on a sheet, the older ones in packed chunks."""

from array import array
from bisect import bisect_right

from monitor.samples import chunk
from monitor.samples.sheet import Sheet
from probes.base import Labels

#: Samples that stay plain when older ones are packed: what a rate over five minutes at 15 s reads.
_KEPT = 24
#: The furthest that a sample of the head may lie from its first one, so that distances fit into four bytes.
_REACH_MS = (1 << 31) - 1


class State:
    """What a series holds at one moment. A reader takes it in one step; only the head ever grows, at its end."""

    __slots__ = ("base", "closed", "offsets", "values")

    def __init__(self, closed: tuple[bytes, ...], base: int) -> None:
        self.closed = closed
        self.base = base
        self.offsets = array("i")
        self.values = array("d")


#: What a series has of its own that was born on a sheet. Never changed.
_NOTHING = State((), -(1 << 62))


def _packed(state: State, samples: int, base: int = 0) -> State:
    """The state with its first samples packed into a chunk; `base` is the time of what comes next, if none is left."""
    times = [state.base + offset for offset in state.offsets]
    packed = chunk.pack(times[:samples], state.values[:samples])
    new = State((*state.closed, packed), times[samples] if samples < len(times) else base)
    new.offsets.extend([at - new.base for at in times[samples:]])
    new.values.extend(state.values[samples:])
    return new


class Series:
    """One series. One thread at a time appends; others may read meanwhile, without a lock.

    Times are milliseconds. `phase` (below 60) differs among series that begin together, so that they do not all pack
    their first samples together. While the series is on a sheet, in
    column `place`, everything newer than the sheet's first row is there, and the older samples are in `state`.
    """

    __slots__ = ("labels", "phase", "place", "sheet", "state")

    def __init__(self, labels: Labels, phase: int) -> None:
        self.labels = labels
        self.phase = phase
        self.state = _NOTHING
        self.place = 0
        self.sheet: Sheet | None = None

    def sit(self, sheet: Sheet, place: int) -> None:
        """Go on in a column of a sheet. The place is there before the sheet, see `_seat`."""
        self.place = place
        self.sheet = sheet

    def append(self, at_ms: int, value: float) -> bool:
        """Add a sample of its own, later than all others; answers whether it was."""
        state = self.state
        if state is _NOTHING:
            state = self.state = State((), at_ms)
        offsets = state.offsets
        offset = at_ms - state.base
        if offsets:
            if offset <= offsets[-1]:
                return False
            full = chunk.SIZE if state.closed else chunk.SIZE - self.phase
            if offset > _REACH_MS:
                state = self.state = _packed(state, len(offsets), at_ms)
            elif len(offsets) >= full + _KEPT:
                state = self.state = _packed(state, full)
            offsets, offset = state.offsets, at_ms - state.base
        elif state.closed and offset <= 0:
            return False  # not later than the chunk that was taken in last
        # A reader goes by the number of values: the time must be there first.
        offsets.append(offset)
        state.values.append(value)
        return True

    def adopt(self, packed: bytes) -> bool:
        """Add a whole chunk later than all others; answers whether it was."""
        state = self.state
        first, last = chunk.span(packed)
        if state.offsets:
            if first <= self.last_ms():
                return False
            state = _packed(state, len(state.offsets), last)
        elif state.closed and first <= chunk.span(state.closed[-1])[1]:
            return False
        self.state = State((*state.closed, packed), last)
        return True

    def keep(self, packed: bytes) -> None:
        """Add a chunk of rows of the sheet."""
        state = self.state
        if state.offsets:
            state = _packed(state, len(state.offsets), state.base)
        self.state = State((*state.closed, packed), chunk.span(packed)[1])

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample with after_ms < time <= until_ms, or None."""
        sheet, place = self._seat()
        if sheet is not None and (row := sheet.rows() - 1) >= 0:
            at = sheet.base + sheet.offsets[row]
            if at <= until_ms:
                return (at, sheet.values[row * sheet.width + place]) if at > after_ms else None
            return self._earlier(after_ms, until_ms)
        state = self.state
        values = state.values
        size = len(values)
        if size:
            at = state.base + state.offsets[size - 1]
            if at <= until_ms:
                return (at, values[size - 1]) if at > after_ms else None
        return self._earlier(after_ms, until_ms)

    def window(self, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        """Times and values of all samples with after_ms < time <= until_ms."""
        sheet, place = self._seat()
        if sheet is None:
            return self._own(after_ms, until_ms)
        first, last = sheet.find(after_ms, until_ms)
        times, values = sheet.times(first, last), sheet.column(place, first, last).tolist()
        if self.state is _NOTHING or after_ms >= sheet.base:
            return times, values
        older_times, older_values = self._own(after_ms, min(until_ms, sheet.base - 1))
        return older_times + times, older_values + values

    def _seat(self) -> tuple[Sheet | None, int]:
        """The sheet, and the column on it, read while another thread may move this series from one to the other.

        It moves by leaving, changing its place, and sitting down, so a place that stayed the same belongs to the sheet.
        """
        while True:
            place, sheet = self.place, self.sheet
            if self.place == place:
                return sheet, place

    def _own(self, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        state = self.state
        base, size = state.base, len(state.values)
        offsets, values = state.offsets, state.values
        last = bisect_right(offsets, until_ms - base, 0, size)
        first = bisect_right(offsets, after_ms - base, 0, last)
        head_times = [base + offset for offset in offsets[first:last]]
        head_values = values[first:last].tolist()
        if not state.closed or (size and after_ms >= base):
            return head_times, head_values
        times: list[int] = []
        found: list[float] = []
        for packed in state.closed:
            begin, end = chunk.span(packed)
            if end > after_ms and begin <= until_ms:
                chunk_times, chunk_values = chunk.unpack(packed)
                first = bisect_right(chunk_times, after_ms)
                last = bisect_right(chunk_times, until_ms, first)
                times += chunk_times[first:last]
                found += chunk_values[first:last]
        return times + head_times, found + head_values

    def last_ms(self) -> int:
        """The time of the newest sample."""
        if self.sheet is not None and self.sheet.offsets:
            return self.sheet.last_ms()
        state = self.state
        return state.base + state.offsets[-1] if state.offsets else state.base

    def count(self) -> int:
        """How many samples are held."""
        state = self.state
        on_sheet = self.sheet.rows() if self.sheet is not None else 0
        return on_sheet + len(state.values) + sum(map(chunk.count, state.closed))

    def drop_before(self, at_ms: int) -> int:
        """Forget chunks that end before a time; answers how many samples that were."""
        closed = self.state.closed
        gone = 0
        while gone < len(closed) and chunk.span(closed[gone])[1] < at_ms:
            gone += 1
        return self._drop(gone)

    def drop_oldest(self) -> int:
        """Forget the oldest chunk, if there is one; answers how many samples that were."""
        return self._drop(min(1, len(self.state.closed)))

    def _drop(self, chunks: int) -> int:
        if not chunks:
            return 0
        old = self.state
        new = State(old.closed[chunks:], old.base)
        new.offsets, new.values = old.offsets, old.values
        self.state = new
        return sum(map(chunk.count, old.closed[:chunks]))

    def _earlier(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        times, values = self.window(after_ms, until_ms)
        return (times[-1], values[-1]) if times else None
