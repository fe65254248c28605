"""Numbers and strings are written as Go writes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.promql.errors import ParseError
from alerts.promql.literal import duration_ms, format_f, format_g, parse_float, quote, timestamp_ms, unquote


@pytest.mark.parametrize(
    ("value", "plain", "general"),
    [
        (1.0, "1", "1"),
        (-0.0, "-0", "-0"),
        (1.5, "1.5", "1.5"),
        (100_000.0, "100000", "100000"),
        (1e6, "1000000", "1e+06"),
        (123_456_789.0, "123456789", "1.23456789e+08"),
        (1e21, "1000000000000000000000", "1e+21"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "0.00001", "1e-05"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (math.nan, "NaN", "NaN"),
    ],
)
def test_floats(value: float, plain: str, general: str) -> None:
    assert format_f(value) == plain
    assert format_g(value) == general


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back(value: float) -> None:
    assert float(format_f(value)) == value
    assert float(format_g(value)) == value


@given(st.text())
def test_quoting_and_unquoting(text: str) -> None:
    assert unquote(quote(text)) == text


def test_quoting_shows_what_cannot_be_seen() -> None:
    assert quote('a"\\\n\x00é\u200b\udcff') == r'"a\"\\\n\x00é\u200b\xff"'


def test_durations_and_times() -> None:
    assert duration_ms("1y2w3d4h5m6s7ms") == 33_019_506_007
    assert duration_ms("1.5") == 1500
    assert timestamp_ms("1m40s", -1) == -100_000
    assert timestamp_ms("1.2345", 1) == 1235
    with pytest.raises(ParseError, match="out of bounds"):
        timestamp_ms("1e400", 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        (".2", 0.2),
        ("1e0", 1.0),
        ("+Inf", math.inf),
        ("0x1p-2", 0.25),
        ("", None),
        ("1_0", None),
        (" 1", None),
    ],
)
def test_bounds_of_buckets(text: str, value: float | None) -> None:
    assert parse_float(text) == value
