"""Times and durations as the pages say them."""

import pytest

from monitor.web import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.000213, "0.213 ms"), (0.0213, "21.3 ms"), (1.5, "1.5 s"), (61.0, "61 s"), (3700.0, "1h1m40s")],
)
def test_durations(seconds, text):
    assert words.short(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s ago"), (-5, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (90000, "1 d ago")]
)
def test_ago(seconds, text):
    assert words.ago(1000.0, 1000.0 + seconds) == text


def test_clock_and_day_are_utc():
    assert words.clock(0) == "00:00:00"
    assert words.day(0) == "Thu 01 Jan 00:00"
