"""A page: rows of a sheet packed into one piece of memory, with each slot's values behind one column of times."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from struct import Struct

from monitor.samples import chunk

#: First time, last time (ms), rows, codec of the times, bytes of the times.
_HEAD = Struct("<qqHBH")
_END = Struct("<I")


class Page:
    """Rows that change no more. `slots` says in which slot each column's values are: alike columns share one."""

    __slots__ = ("_data", "slots")

    def __init__(self, times: Sequence[int], slots: tuple[int, ...], values: "Sequence[array[float]]") -> None:
        self.slots = slots
        code, time_bytes = chunk.pack_times(times)
        head = _HEAD.pack(times[0], times[-1], len(times), code, len(time_bytes))
        packed = [bytes((code,)) + some for code, some in map(chunk.pack_values, values)]
        ends = [_END.pack(end) for end in accumulate(map(len, packed))]
        self._data = b"".join([head, *ends, time_bytes, *packed])

    def span(self) -> tuple[int, int]:
        """The first and the last time."""
        first, last, *_ = _HEAD.unpack_from(self._data)
        return first, last

    def count(self) -> int:
        """How many rows there are."""
        return int(_HEAD.unpack_from(self._data)[2])

    def chunk(self, place: int) -> bytes:
        """One column as a chunk."""
        data, slot = self._data, self.slots[place]
        first, last, rows, time_code, size = _HEAD.unpack_from(data)
        times = _HEAD.size + _END.size * (max(self.slots) + 1)
        begin = _END.unpack_from(data, _HEAD.size + _END.size * (slot - 1))[0] if slot else 0
        (end,) = _END.unpack_from(data, _HEAD.size + _END.size * slot)
        code, *_ = data[times + size + begin : times + size + begin + 1]
        values = data[times + size + begin + 1 : times + size + end]
        return chunk.joined(first, last, rows, (time_code, data[times : times + size]), (code, values))
