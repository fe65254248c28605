import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backup.moment import parse_moment

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21T12:00:00Z",
        "2026-11-21 12:00:00",
        "2026-11-21T20:00:00+08:00",
        1_795_262_400,
        "1795262400",
        1_795_262_400_000,
        2461366.0,
    ],
)
def test_the_same_noon_in_many_spellings(value: object) -> None:
    assert parse_moment(value) == pytest.approx(NOON, abs=0.01)


@pytest.mark.parametrize("value", ["yesterday", "", None, True, b"2026", -5, float("nan"), float("inf"), 1e20])
def test_what_is_no_time_is_said(value: object) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_moment(value)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.binary()))
def test_a_time_or_a_sentence(value: object) -> None:
    message = ""
    try:
        moment = parse_moment(value)
    except ValueError as error:
        message = str(error)
    assert "is not a time" in message or isinstance(moment, float)
