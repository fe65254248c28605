"""Turns are taken at the wall clock, whatever summer time does."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.oncall import Override, Person, Roster, Rotation

PEOPLE = tuple(Person(name=name) for name in ("mei", "ana", "kofi"))


def _at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def _who(roster: Roster, text: str, zone: str = "UTC") -> str:
    shift = roster.shift("primary", _at(text, zone))
    assert shift is not None
    return shift.person.name


def test_the_handover_is_to_the_second() -> None:
    roster = Roster(PEOPLE, (Rotation(name="primary", people=("mei", "ana"), timezone="Asia/Taipei"),))
    before = _who(roster, "2026-11-23T09:59:59", "Asia/Taipei")
    after = _who(roster, "2026-11-23T10:00:00", "Asia/Taipei")
    assert {before, after} == {"mei", "ana"}
    assert _who(roster, "2026-11-30T09:59:59", "Asia/Taipei") == after
    assert _who(roster, "2026-11-30T10:00:00", "Asia/Taipei") == before


def test_the_first_turn_can_be_placed() -> None:
    rotation = Rotation(name="primary", people=("kofi", "mei", "ana"), handover="Mon 10:00", starts="2026-11-24")
    roster = Roster(PEOPLE, (rotation,))
    assert _who(roster, "2026-11-30T10:00") == "kofi"  # the first Monday on or after the Tuesday given
    assert _who(roster, "2026-12-07T10:00") == "mei"
    assert _who(roster, "2026-11-23T10:00") == "ana"  # before it the circle simply goes backwards


@pytest.mark.parametrize(("day", "hours"), [("2026-03-08", 167), ("2026-11-01", 169), ("2026-06-01", 168)])
def test_a_week_with_a_change_of_clocks_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    rotation = Rotation(name="primary", people=("mei", "ana"), handover="Mon 10:00", timezone="America/New_York")
    _, begins, ends = rotation.turn(_at(day, "America/New_York") + 43200)
    local = [datetime.fromtimestamp(at, ZoneInfo("America/New_York")) for at in (begins, ends)]
    assert [(moment.weekday(), moment.hour, moment.minute) for moment in local] == [(0, 10, 0)] * 2
    assert (ends - begins) / 3600 == hours


def test_a_handover_in_the_hour_that_is_skipped_or_repeated() -> None:
    rotation = Rotation(name="primary", people=("mei", "ana"), every="1d", handover="02:30", timezone="Europe/Berlin")
    for day in ("2026-03-29", "2026-10-25"):  # 02:00–03:00 does not exist, then exists twice
        noon = _at(f"{day}T12:00", "Europe/Berlin")
        name, begins, ends = rotation.turn(noon)
        assert begins <= noon < ends
        assert rotation.turn(begins)[0] == name
        assert rotation.turn(begins - 1)[0] != name
        assert rotation.turn(ends)[0] != name


@given(
    at=st.floats(0, 4e9),
    every=st.sampled_from(["1h", "8h", "12h", "1d", "3d", "1w", "2w"]),
    zone=st.sampled_from(["UTC", "Asia/Taipei", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_turns_follow_each_other_without_gap_or_overlap(at: float, every: str, zone: str) -> None:
    rotation = Rotation(name="primary", people=("mei", "ana", "kofi"), every=every, handover="01:30", timezone=zone)
    name, begins, ends = rotation.turn(at)
    assert begins <= at < ends
    assert rotation.turn(begins) == (name, begins, ends)
    following = rotation.turn(ends)
    assert following[1] == ends
    order = ("mei", "ana", "kofi")
    assert following[0] == order[(order.index(name) + 1) % 3]


def test_an_override_stands_in_exactly_as_long_as_it_says() -> None:
    override = Override.model_validate(
        {"rotation": "primary", "person": "kofi", "from": "2026-12-24T00:00+08:00", "to": "2026-12-26T00:00+08:00"}
    )
    rotation = Rotation(name="primary", people=("mei",), timezone="Asia/Taipei")
    roster = Roster(PEOPLE, (rotation,), (override,))
    zone = "Asia/Taipei"
    assert _who(roster, "2026-12-23T23:59:59", zone) == "mei"
    assert _who(roster, "2026-12-24T00:00:00", zone) == "kofi"
    assert _who(roster, "2026-12-25T23:59:59", zone) == "kofi"
    assert _who(roster, "2026-12-26T00:00:00", zone) == "mei"
    before = roster.shift("primary", _at("2026-12-23T12:00", zone))
    assert before is not None
    assert before.ends_at == _at("2026-12-24T00:00", zone)
    during = roster.shift("primary", _at("2026-12-24T12:00", zone))
    assert during is not None
    assert (during.reason, during.starts_at) == ("kofi stands in", _at("2026-12-24T00:00", zone))
    after = roster.shift("primary", _at("2026-12-26T12:00", zone))
    assert after is not None
    assert after.starts_at == _at("2026-12-26T00:00", zone)


def test_names_become_people_each_once() -> None:
    roster = Roster(PEOPLE, (Rotation(name="primary", people=("ana",)),))
    assert [person.name for person in roster.who(["primary", "mei", "everyone"], 0.0)] == ["ana", "mei", "kofi"]
    assert roster.who(["nobody"], 0.0) == ()
    assert [shift.person.name for shift in roster.now(0.0)] == ["ana"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"handover": "Monday 10:00"}, "not a time of handover; write a weekday and a time, such as Mon 10:00"),
        ({"handover": "Mon 25:00"}, "not a time of handover"),
        ({"handover": "Xyz 10:00"}, "not a time of handover"),
        ({"every": "1d"}, "names a weekday, but the turns are not of whole weeks"),
        ({"every": "10s", "handover": "10:00"}, "a turn shorter than 1h"),
        ({"timezone": "Taipei"}, "'Taipei' is not a time zone"),
        ({"timezone": "../etc/passwd"}, "is not a time zone"),
        ({"people": ()}, "at least 1 item"),
    ],
)
def test_bad_rotations_are_sentences(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Rotation.model_validate({"name": "primary", "people": ("mei",), **settings})


def test_an_override_that_ends_before_it_begins_and_one_without_a_zone() -> None:
    given = {"rotation": "primary", "person": "kofi", "from": "2026-12-26T00:00Z", "to": "2026-12-24T00:00Z"}
    with pytest.raises(ValidationError, match="must end after it begins"):
        Override.model_validate(given)
    with pytest.raises(ValidationError, match="timezone"):
        Override.model_validate({**given, "to": "2026-12-28T00:00"})


@pytest.mark.parametrize("slack", ["@mei", "mei", "C012", "U012abc"])
def test_a_display_name_is_no_slack_id(slack: str) -> None:
    with pytest.raises(ValidationError):
        Person(name="mei", slack=slack)


def test_shifts_of_a_year_are_consecutive() -> None:
    rotation = Rotation(name="primary", people=("mei", "ana"), timezone="America/Sao_Paulo")
    moments = [_at("2026-01-01") + week * 7 * 86400 for week in range(53)]
    turns = [rotation.turn(moment) for moment in moments]
    assert all(earlier[2] == later[1] for earlier, later in pairwise(turns))
