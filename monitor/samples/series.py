"""One series: by itself, the newest samples as plain numbers and the older ones in packed chunks, or on a sheet."""

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


#: What a series has before its first sample. Never changed.
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
    """A series by itself. One thread at a time appends; others may read meanwhile, without a lock.

    Times are milliseconds. `phase` (below 60) differs among series that begin together, so that they do not all pack
    their first samples together.
    """

    __slots__ = ("labels", "phase", "state")

    def __init__(self, labels: Labels, phase: int) -> None:
        self.labels = labels
        self.phase = phase
        self.state = _NOTHING

    @classmethod
    def off(cls, sheet: Sheet, place: int, labels: Labels, phase: int) -> "Series":
        """A series with all that it had on a sheet, which is about to be torn."""
        series = cls(labels, phase)
        closed = sheet.chunks(place)
        times, values = sheet.plain(place)
        if closed or times:
            state = State(closed, times[0] if times else chunk.span(closed[-1])[1])
            state.offsets.extend([at - state.base for at in times])
            state.values.extend(values)
            series.state = state
        return series

    def append(self, at_ms: int, value: float) -> bool:
        """Add a sample later than all others; answers whether it was."""
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

    def whole(self) -> tuple[bytes, ...]:
        """Everything as chunks. A head that is not shorter than the chunk before it joins it, lest there be many."""
        state = self.state
        closed, size = state.closed, len(state.values)
        if not size:
            return closed
        times = [state.base + offset for offset in state.offsets[:size]]
        values = state.values[:size]
        while closed and chunk.count(closed[-1]) <= len(times) < chunk.SIZE:
            before, found = chunk.unpack(closed[-1])
            times, values, closed = before + times, found + values, closed[:-1]
        return (*closed, chunk.pack(times, values))

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample with after_ms < time <= until_ms, or None."""
        state = self.state
        values = state.values
        size = len(values)
        if size:
            at = state.base + state.offsets[size - 1]
            if at <= until_ms:
                return (at, values[size - 1]) if at > after_ms else None
        times, earlier = self.window(after_ms, until_ms)
        return (times[-1], earlier[-1]) if times else None

    def window(self, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        """Times and values of all samples with after_ms < time <= until_ms."""
        state = self.state
        base, size = state.base, len(state.values)
        offsets, values = state.offsets, state.values
        last = bisect_right(offsets, until_ms - base, 0, size)
        first = bisect_right(offsets, after_ms - base, 0, last)
        head_times = [base + offset for offset in offsets[first:last]]
        head_values = values[first:last].tolist()
        if not state.closed or (size and after_ms >= base):
            return head_times, head_values
        times, found = chunk.window(state.closed, after_ms, until_ms)
        return times + head_times, found + head_values

    def last_ms(self) -> int:
        """The time of the newest sample."""
        state = self.state
        return state.base + state.offsets[-1] if state.offsets else state.base

    def count(self) -> int:
        """How many samples are held."""
        state = self.state
        return len(state.values) + sum(map(chunk.count, state.closed))

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


class Seat:
    """A series on a sheet, made for whoever asks. Of a sheet that was torn it shows what was there until then."""

    __slots__ = ("place", "sheet")

    def __init__(self, sheet: Sheet, place: int) -> None:
        self.sheet = sheet
        self.place = place

    @property
    def labels(self) -> Labels:
        """Sorted, `__name__` among them."""
        sheet = self.sheet
        return sheet.form.labels(sheet.base, self.place)

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample with after_ms < time <= until_ms, or None."""
        return self.sheet.latest(self.place, after_ms, until_ms)

    def window(self, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        """Times and values of all samples with after_ms < time <= until_ms."""
        return self.sheet.window(self.place, after_ms, until_ms)

    def last_ms(self) -> int:
        """The time of the newest sample."""
        return self.sheet.last_ms()
