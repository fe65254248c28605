"""A run of samples of one series, packed into a few bytes: exactly what went in comes out.

Times are stored as their distances, values as what they mostly are: a constant, whole numbers, decimals, or floats
whose bytes are sorted by place so that zlib finds the repetitions. Python reads such a chunk at C speed, which a
bit-wise format (Facebook's Gorilla, as Prometheus uses it) would not allow.
"""

import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from struct import Struct

from monitor.samples import decimals

#: First time, last time (ms), samples, codec of the times, codec of the values, bytes of the times.
_HEAD = Struct("<qqHBBH")
_DOUBLE = Struct("<d")
_WHOLE = Struct("<q")
_EVEN, _CONSTANT, _FLOATS = 0, 0, 1
#: Codes of packed integers: bytes a number, plus 64 when zlib has made them smaller. Floats may be zipped, too.
_ZIPPED = 64
_WIDTHS = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))
_TYPES = dict(_WIDTHS)
_WHOLE_NUMBERS = 128
_EXACT = 1 << 53
#: Samples in one chunk: half an hour at 15 s.
SIZE = 120


def pack(times: Sequence[int], values: "array[float]") -> bytes:
    """The samples as one chunk. Times ascend; there is at least one, and a few thousand at most."""
    return joined(times[0], times[-1], len(times), pack_times(times), pack_values(values))


def joined(first: int, last: int, samples: int, times: tuple[int, bytes], values: tuple[int, bytes]) -> bytes:
    """The chunk of so many samples, of what `pack_times` and `pack_values` answered."""
    head = _HEAD.pack(first, last, samples, times[0], values[0], len(times[1]))
    return head + times[1] + values[1]


def span(chunk: bytes) -> tuple[int, int]:
    """The first and the last time in a chunk."""
    first, last, *_ = _HEAD.unpack_from(chunk)
    return first, last


def count(chunk: bytes) -> int:
    """How many samples a chunk holds."""
    return int(_HEAD.unpack_from(chunk)[2])


def unpack(chunk: bytes) -> tuple[list[int], "array[float]"]:
    """The times and values of a chunk."""
    first, last, samples, time_code, value_code, size = _HEAD.unpack_from(chunk)
    middle = _HEAD.size + size
    times = _unpack_times(first, last, samples, time_code, chunk[_HEAD.size : middle])
    return times, _unpack_values(value_code, samples, chunk[middle:])


def window(chunks: Iterable[bytes], after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
    """Times and values of all samples with after_ms < time <= until_ms, of chunks that follow each other."""
    times: list[int] = []
    found: list[float] = []
    for packed in chunks:
        begin, end = span(packed)
        if end > after_ms and begin <= until_ms:
            chunk_times, chunk_values = unpack(packed)
            first = bisect_right(chunk_times, after_ms)
            last = bisect_right(chunk_times, until_ms, first)
            times += chunk_times[first:last]
            found += chunk_values[first:last]
    return times, found


def pack_times(times: Sequence[int]) -> tuple[int, bytes]:
    """The codec of the times' distances, and their bytes."""
    distances = [after - before for before, after in pairwise(times)]
    least = min(distances, default=0)
    if least == max(distances, default=0):
        return _EVEN, b""
    code, packed = _pack_integers([distance - least for distance in distances])
    return code, _WHOLE.pack(least) + packed


def _unpack_times(first: int, last: int, samples: int, code: int, packed: bytes) -> list[int]:
    if code == _EVEN:
        return list(range(first, last + 1, (last - first) // (samples - 1))) if samples > 1 else [first]
    (least,) = _WHOLE.unpack_from(packed)
    distances = _unpack_integers(code, packed[_WHOLE.size :])
    return list(accumulate((distance + least for distance in distances), initial=first))


def pack_values(values: "array[float]") -> tuple[int, bytes]:
    """The codec of the values, and their bytes."""
    raw = values.tobytes()
    if raw == raw[:8] * len(values):
        return _CONSTANT, raw[:8]
    if all(map(float.is_integer, values)) and max(map(abs, values)) < _EXACT and not _has_minus_zero(raw):
        whole = list(map(int, values))
        code, packed = _pack_integers([after - before for before, after in pairwise(whole)])
        return _WHOLE_NUMBERS | code, _WHOLE.pack(whole[0]) + packed
    decimal = decimals.pack(values)
    if decimal is not None:
        return decimal
    sorted_bytes = b"".join(raw[place::8] for place in range(8))
    zipped = zlib.compress(sorted_bytes, 6)
    return (_FLOATS | _ZIPPED, zipped) if len(zipped) < len(sorted_bytes) else (_FLOATS, sorted_bytes)


def _unpack_values(code: int, samples: int, packed: bytes) -> "array[float]":
    if code == _CONSTANT:
        return array("d", _DOUBLE.unpack_from(packed)) * samples
    if code & decimals.DECIMAL:
        return decimals.unpack(code, samples, packed)
    if code & _WHOLE_NUMBERS:
        (first,) = _WHOLE.unpack_from(packed)
        steps = _unpack_integers(code & ~_WHOLE_NUMBERS, packed[_WHOLE.size :])
        return array("d", accumulate(steps, initial=first))
    sorted_bytes = zlib.decompress(packed) if code & _ZIPPED else packed
    raw = bytearray(len(sorted_bytes))
    for place in range(8):
        raw[place::8] = sorted_bytes[place * samples : (place + 1) * samples]
    return array("d", bytes(raw))


def _has_minus_zero(raw: bytes) -> bool:
    """Whether some value is -0.0, which whole numbers do not know."""
    minus_zero = _DOUBLE.pack(-0.0)
    return any(raw[at : at + 8] == minus_zero for at in range(0, len(raw), 8)) if minus_zero in raw else False


def _pack_integers(numbers: list[int]) -> tuple[int, bytes]:
    furthest = max(map(abs, numbers), default=0)
    width, kind = next((width, kind) for width, kind in _WIDTHS if furthest < 1 << (8 * width - 1))
    plain = array(kind, numbers).tobytes()
    zipped = zlib.compress(plain, 6)
    return (width | _ZIPPED, zipped) if len(zipped) < len(plain) else (width, plain)


def _unpack_integers(code: int, packed: bytes) -> "array[int]":
    plain = zlib.decompress(packed) if code & _ZIPPED else packed
    return array(_TYPES[code & ~_ZIPPED], plain)
