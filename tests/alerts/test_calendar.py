"""The same time of the week on the wall clock, over changes of clocks and holidays."""

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.calendar import Calendar, Holiday

BERLIN = Calendar(timezone="Europe/Berlin")


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def walls(calendar: Calendar, moment: float, most: int) -> list[str]:
    zone = ZoneInfo(calendar.timezone)
    return [f"{datetime.fromtimestamp(one, zone):%m-%d %H:%M}" for one in calendar.same_time(moment, most)]


def test_a_week_ago_is_the_same_hour_on_the_clock_though_clocks_have_changed():
    now = at("2026-10-28 20:00")  # summer time ended on the 25th
    assert walls(BERLIN, now, 3) == ["10-21 20:00", "10-14 20:00", "10-07 20:00"]
    assert now - next(BERLIN.same_time(now, 1)) == 7 * 86400 + 3600, "which `offset 1w` would miss by an hour"
    now = at("2026-04-01 20:00")  # it began on the 29th of March
    assert walls(BERLIN, now, 1) == ["03-25 20:00"]
    assert now - next(BERLIN.same_time(now, 1)) == 7 * 86400 - 3600


def test_an_hour_that_was_left_out_is_the_one_after_it_and_one_that_came_twice_the_first():
    assert walls(BERLIN, at("2026-04-05 02:30"), 1) == ["03-29 03:30"]
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()  # 02:30 in summer time
    assert list(BERLIN.same_time(at("2026-11-01 02:30"), 1)) == [first]


def test_holidays_are_left_out():
    calendar = Calendar(
        timezone="Asia/Taipei",
        holidays=(
            Holiday(name="New Year", from_=date(2026, 2, 16), to=date(2026, 2, 20)),
            Holiday(name="Peace Day", from_=date(2026, 2, 28)),
        ),
    )
    now = at("2026-02-25 12:00", "Asia/Taipei")
    assert walls(calendar, now, 4) == ["02-11 12:00", "02-04 12:00", "01-28 12:00"]
    assert calendar.holiday(now) == ""
    assert calendar.holiday(at("2026-02-20 23:59", "Asia/Taipei")) == "New Year"
    assert calendar.holiday(at("2026-02-21 00:00", "Asia/Taipei")) == ""
    assert calendar.holiday(at("2026-02-27 16:00", "UTC")) == "Peace Day", "a day is the calendar's own"


@given(st.floats(0, 4e9), st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"]))
def test_weeks_are_weeks(moment: float, zone: str):
    found = [moment, *Calendar(timezone=zone).same_time(moment, 4)]
    assert len(found) == 5
    assert all(abs(later - earlier - 7 * 86400) <= 2 * 3600 for later, earlier in pairwise(found))


def test_a_holiday_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValidationError, match="cannot end before it begins"):
        Holiday(name="x", from_=date(2026, 2, 2), to=date(2026, 2, 1))
