"""Decimals in memory: two bytes a measured second, every other double as exact as before."""

import math
import random
import struct
import zlib
from array import array
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.promql.stale import STALE
from monitor.samples import decimals
from monitor.samples.chunk import pack, unpack

TIMES = range(0, 60 * 10_000, 10_000)

hostile = st.sampled_from([
    -0.0, STALE, math.nan, math.inf, -math.inf, 5e-324, 1e300, -1e300, 2.0**51, 2.0**53 + 2, 2251799813685.248,
    9007199254740.992, 281474976.710656, math.nextafter(0.1, 1), math.nextafter(0.1, 0), 0.1 + 0.2, 1e-7, 0.0000005,
])  # fmt: skip
places = st.sampled_from((1_000, 1_000_000))
reaches = st.sampled_from((200, 100_000, 2**31, 2**47, 2**51, 2**60))


@st.composite
def nearly_decimals(draw: st.DrawFn) -> list[float]:
    """Decimals of any size; some hostile ones may be among them."""
    place, reach, base = draw(places), draw(reaches), draw(st.integers(-(2**52), 2**52))
    values = [(base + some) / place for some in draw(st.lists(st.integers(-reach, reach), min_size=1, max_size=130))]
    for value in draw(st.lists(hostile, max_size=2)):
        values.insert(draw(st.integers(0, len(values))), value)
    return sorted(values) if draw(st.booleans()) else values


def bits(values: "array[float] | list[float]") -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@settings(deadline=None)
@given(nearly_decimals())
@example([0.1, -0.0])
@example([-0.0, 0.1])
@example([0.001, 0.002, STALE])
@example([0.25, math.inf])
def test_every_double_comes_back_bit_for_bit(values: list[float]) -> None:
    _, got = unpack(pack(range(len(values)), array("d", values)))
    assert bits(got) == bits(values)


@pytest.mark.parametrize("odd", [-0.0, STALE, math.nan, math.inf, 0.1 + 0.2, 1e-7, 1e300, 2.0**53], ids=repr)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_one_that_is_no_decimal_is_left_to_others(odd: float, place: int) -> None:
    values = array("d", [0.25, 0.001, 0.100001])
    values[place] = odd
    assert decimals.pack(values) is None


@pytest.mark.parametrize("numbers", [[-3, 1, 2_000_001, 17], [-7, -5, 2**40], [-5, 2**47], [3], [4, 4]], ids=str)
@pytest.mark.parametrize("place", [1_000, 1_000_000])
def test_decimals_stay_decimals(place: int, numbers: list[int]) -> None:
    values = array("d", [number / place for number in numbers])
    packed = decimals.pack(values)
    assert packed is not None
    assert bits(decimals.unpack(packed[0], len(values), packed[1])) == bits(values)


def test_measured_seconds_take_two_bytes() -> None:
    chance = random.Random(7)
    values = array("d", [round(chance.uniform(0.001, 0.06), 6) for _ in TIMES])
    assert len(pack(TIMES, values)) < 2.6 * len(values)


def test_their_sum_takes_no_more() -> None:
    chance = random.Random(7)
    seconds = [round(chance.uniform(0.001, 0.06), 6) for _ in TIMES]
    values = array("d", accumulate(seconds, lambda total, one: round(total + one, 6), initial=86_400.123456))
    assert len(pack(range(len(values)), values)) < 2.9 * len(values)


def test_times_with_milliseconds_take_a_byte() -> None:
    chance = random.Random(7)
    values = array("d", [(1_800_000_000_000 + at + chance.randrange(100)) / 1000 for at in TIMES])
    assert len(pack(TIMES, values)) < 1.8 * len(values)


@pytest.mark.parametrize(
    ("written", "times", "values"),
    [
        (
            "00000000000000003075000000000000030000410000789c9bc5603c1315edbc70d9dede1e0059dc07e3",
            [0, 15_000, 30_000],
            [0.1, 0.25, 0.3],
        ),
        (
            "000000000000000060ea000000000000050001410c00973a00000000000001020001789cfbf3e7cf1fa69540c0f01108182e0101832f"
            "10302401014300107cb007827a00e81a140a",
            [0, 15_000, 30_001, 45_000, 60_000],
            [0.001, 0.001, 0.001, 0.001, STALE],
        ),
        (
            "00000000000000003075000000000000030000810000070000000000000002ff",
            [0, 15_000, 30_000],
            [7.0, 9.0, 8.0],
        ),
        ("0000000000000000983a000000000000020000000000000000000000c03f", [0, 15_000], [0.125, 0.125]),
    ],
    ids=("decimals as floats", "floats with a stale marker", "whole numbers", "a constant"),
)
def test_what_was_archived_before_decimals_had_their_own_form_is_still_read(
    written: str, times: list[int], values: list[float]
) -> None:
    got_times, got = unpack(bytes.fromhex(written))
    assert got_times == times
    assert bits(got) == bits(values)


@pytest.mark.parametrize("code", [decimals.DECIMAL | 2, decimals.DECIMAL | 64 | 2, decimals.DECIMAL | 128 | 2])
def test_what_is_no_chunk_is_refused(code: int) -> None:
    for length in (*range(18), *range(19, 24)):
        with pytest.raises((ValueError, struct.error, zlib.error)):
            decimals.unpack(code, 5, b"\xff" * length)
