"""Quiet hours begin and end at the wall clock."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from alerts.quiet import QuietHours, quiet_silence


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        ("22:00-08:00 Asia/Taipei", "2026-11-23T21:59:59+08:00", None),
        ("22:00-08:00 Asia/Taipei", "2026-11-23T22:00:00+08:00", "2026-11-24T08:00+08:00"),
        ("22:00-08:00 Asia/Taipei", "2026-11-24T07:59:59+08:00", "2026-11-24T08:00+08:00"),
        ("22:00-08:00 Asia/Taipei", "2026-11-24T08:00:00+08:00", None),
        ("9:00-17:00", "2026-11-24T09:00:00+00:00", "2026-11-24T17:00+00:00"),
        ("22:00-06:00 Europe/Berlin", "2026-03-29T05:30:00+02:00", "2026-03-29T06:00+02:00"),
        ("22:00-06:00 Europe/Berlin", "2026-10-24T23:00:00+02:00", "2026-10-25T06:00+01:00"),
    ],
)
def test_hours(hours: str, at: str, until: str | None) -> None:
    silence = quiet_silence(hours, _at(at))
    assert (silence and silence.ends_at) == (until and _at(until))


@given(st.floats(0, 4e9))
def test_within_them_is_within_them(at: float) -> None:
    silence = quiet_silence("22:30-07:15 America/Sao_Paulo", at)
    assert silence is None or (silence.active(at) and silence.mutes((("any", "label"),)))


def test_none_are_none() -> None:
    assert quiet_silence(None, 0.0) is None


@pytest.mark.parametrize("hours", ["22-8", "25:00-08:00", "22:00-22:00", "22:00-08:00 Taipei", "22:00-08:00 ../x", ""])
def test_bad_hours_are_sentences(hours: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(QuietHours).validate_python(hours)
