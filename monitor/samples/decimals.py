"""Numbers with at most six decimals, packed as the whole numbers of millionths (or thousandths) that they are.

What is measured comes in whole microseconds, and times in whole milliseconds: as doubles such numbers fill all their
bits with what looks like noise, and no zlib makes them smaller. As integers they take two bytes. Everything is done
with doubles, which Python reckons with faster than with integers.
"""

import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from math import isfinite
from operator import sub
from struct import Struct
from struct import pack as pack_struct

#: Marks the code of values packed here. The other bits say how: bytes a number, and these.
DECIMAL = 32
_THOUSANDTHS, _ZIPPED, _STEPS, _WIDTH = 16, 64, 128, 15
_SCALES = ((_THOUSANDTHS, 1e3), (0, 1e6))
_FIRST = Struct("<q")
_FIRST_AND_LEAST = Struct("<qq")
#: Doubles around this one are the whole numbers: what it is added to is rounded. That holds up to _REACH.
_ROUND, _REACH = 1.5 * 2**52, 1 << 51
#: With a number of six bytes in place of its zeros, 2^52 becomes 2^52 and that number.
_BASE, _BASE_BYTES, _WIDEST = 1 << 52, b"\0\0\0\0\0\0\x30\x43", 6
#: zlib is asked only about numbers this wide: of a narrower one every byte counts.
_ROOMY = 3


def pack(values: "array[float]") -> tuple[int, bytes] | None:
    """The code and the bytes of values that are all such decimals, bit for bit; None where one is not."""
    for code, scale in _SCALES:
        # Most that is no such decimal shows it at once.
        if (values[0] * scale + _ROUND - _ROUND) / scale == values[0]:
            numbers = _numbers(values, scale)
            packed = _pack_numbers(numbers) if numbers else None
            if packed is not None:
                return DECIMAL | code | packed[0], packed[1]
    return None


def unpack(code: int, samples: int, packed: bytes) -> "array[float]":
    """The values. Raises ValueError, zlib.error or struct.error for what `pack` did not write."""
    scale = 1e3 if code & _THOUSANDTHS else 1e6
    # Whole numbers below 2^53 and these scales are exact doubles, so their quotient is correctly rounded: the nearest
    # double to the decimal, as its literal is.
    if code & _STEPS:
        first, least = _FIRST_AND_LEAST.unpack_from(packed)
        base = float(_BASE - least)
        steps = [step - base for step in _unpack_offsets(code, samples - 1, packed[_FIRST_AND_LEAST.size :])]
        return array("d", _bytes([number / scale for number in accumulate(steps, initial=float(first))]))
    (least,) = _FIRST.unpack_from(packed)
    base = float(_BASE - least)
    offsets = _unpack_offsets(code, samples, packed[_FIRST.size :])
    return array("d", _bytes([(offset - base) / scale for offset in offsets]))


def _numbers(values: "array[float]", scale: float) -> list[float] | None:
    """The values times the scale, if those are whole numbers within reach that give back exactly the values."""
    numbers = [value * scale + _ROUND - _ROUND for value in values]
    # Bytes are compared, as -0.0 equals 0.0. NaN (stale markers are such) would come through.
    if _bytes([number / scale for number in numbers]) != values.tobytes() or not isfinite(sum(numbers)):
        return None
    return numbers if max(numbers) < _REACH and min(numbers) > -_REACH else None


def _pack_numbers(numbers: list[float]) -> tuple[int, bytes] | None:
    """Whole numbers as what lies between them and the least; those that rise as steps, where that takes less."""
    first, least, most = numbers[0], min(numbers), max(numbers)
    head, code, width = _FIRST.pack(int(least)), 0, _width(most - least)
    if first == least < most == numbers[-1]:
        steps = list(map(sub, numbers[1:], numbers))
        least_step = min(steps)
        step_width = _width(max(steps) - least_step)
        if _FIRST_AND_LEAST.size + step_width * len(steps) < _FIRST.size + width * len(numbers):
            head, code, width = _FIRST_AND_LEAST.pack(int(first), int(least_step)), _STEPS, step_width
            numbers, least = steps, least_step
    if width > _WIDEST:
        return None
    zipped, packed = _pack_offsets(numbers, least, width)
    return code | width | zipped, head + packed


def _width(furthest: float) -> int:
    """How many bytes a whole number up to this one takes."""
    return (int(furthest).bit_length() + 7) // 8


def _pack_offsets(numbers: Sequence[float], least: float, width: int) -> tuple[int, bytes]:
    """How far each is from the least: the lowest bytes of all, then the second ones, and so on; and whether zipped."""
    base = least - _BASE
    raw = _bytes([number - base for number in numbers])
    plain = b"".join([raw[place::8] for place in range(width)])
    if width >= _ROOMY:
        zipped = zlib.compress(plain, 6)
        if len(zipped) < len(plain):
            return _ZIPPED, zipped
    return 0, plain


def _bytes(numbers: Sequence[float]) -> bytes:
    return pack_struct(f"<{len(numbers)}d", *numbers)


def _unpack_offsets(code: int, count: int, packed: bytes) -> "array[float]":
    """The offsets, each with `_BASE` added."""
    plain = zlib.decompress(packed) if code & _ZIPPED else packed
    width = code & _WIDTH
    if len(plain) != width * count:
        raise ValueError(f"{count} numbers of {width} bytes in {len(plain)}")
    raw = bytearray(_BASE_BYTES * count)
    for place in range(width):
        raw[place::8] = plain[place * count : (place + 1) * count]
    return array("d", bytes(raw))
