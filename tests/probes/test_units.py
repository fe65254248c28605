"""Durations, sizes and ratios: as Prometheus writes them, and never as a bare number in YAML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.settings import Settings
from probes.units import (
    Duration,
    Interval,
    Ratio,
    Size,
    format_duration,
    format_size,
    parse_duration,
    parse_ratio,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h30m", 5400), ("1d", 86400), ("2w", 1209600), ("1y", 31536000), ("100ms", 0.1), ("0", 0), (0, 0)],
)
def test_reads_durations(text: str | int, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "5", 5, 5.0, "5 s", "-5s", "1:30", "1m1h", "s", "5sec", None, True, False, "9" * 5000 + "s", "٣s"]
)
def test_refuses_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it as Prometheus does"):
        parse_duration(text)


@given(st.integers(0, 10**12))
def test_formats_what_it_reads(millis: int) -> None:
    assert parse_duration(format_duration(millis / 1000)) == pytest.approx(millis / 1000)


@pytest.mark.parametrize(
    ("text", "size"), [("0B", 0), ("512KB", 512_000), ("10MiB", 10 * 1024**2), ("1.5GiB", 3 * 1024**3 // 2)]
)
def test_reads_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["10", 10, "10M", "MiB", "-1B", "10 MiB", None, "9" * 5000 + "B"])
def test_refuses_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size; write a number and a unit"):
        parse_size(text)


@given(st.integers(0, 10**15))
def test_formats_sizes_exactly(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(("text", "ratio"), [("0%", 0), ("99.5%", 0.995), ("100%", 1)])
def test_reads_ratios(text: str, ratio: float) -> None:
    assert parse_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["0.5", 0.5, "101%", "-1%", "nan%", "inf%", "%", None])
def test_refuses_what_is_no_ratio(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a ratio|is outside 0% to 100%"):
        parse_ratio(text)


class Limits(Settings):
    every: Interval = 15.0
    grace: Duration = 0.0
    most: Size = 1024
    full: Ratio = 0.9


def test_python_gives_numbers_and_yaml_gives_units() -> None:
    assert Limits(every=1.5, most=10, full=0.5).every == 1.5
    yaml = {"every": "1s500ms", "most": "10B", "full": "50%", "grace": 0}
    assert Limits.model_validate(yaml, context={"folder": None}) == Limits(every=1.5, most=10, full=0.5)


@pytest.mark.parametrize("data", [{"every": 1.5}, {"every": 30}, {"most": 10}, {"full": 0.5}, {"grace": 1.0}])
def test_a_number_from_yaml_lacks_its_unit(data: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="is not a"):
        Limits.model_validate(data, context={"folder": None})


def test_an_interval_is_longer_than_zero() -> None:
    with pytest.raises(ValidationError, match="must be longer than zero"):
        Limits(every=0.0)
