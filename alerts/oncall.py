"""Who is on call at a given moment: people take turns, at a wall-clock time that summer time cannot move."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from probes.settings import Name, Settings
from probes.units import Interval

#: What may be written for all people in `notify:`.
EVERYONE = "everyone"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HANDOVER = re.compile(r"(?:([A-Za-z]{3}) )?([01]?\d|2[0-3]):([0-5]\d)")
#: A Monday: turns are counted from the first handover on or after this day.
_FIRST_DAY = date(1970, 1, 5)


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{name!r} is not a time zone; write one such as Asia/Taipei or UTC") from None
    return name


#: The name of a time zone, such as Asia/Taipei.
Zone = Annotated[str, AfterValidator(_check_zone)]


def parse_handover(text: str) -> tuple[int | None, timedelta]:
    """The weekday (Monday is 0; None is every day) and the time of day in `Mon 10:00` or `10:00`. Raises ValueError."""
    match = _HANDOVER.fullmatch(text)
    if match is None or (match[1] and match[1].lower() not in _DAYS):
        raise ValueError(f"{text!r} is not a time of handover; write a weekday and a time, such as Mon 10:00")
    day = _DAYS.index(match[1].lower()) if match[1] else None
    return day, timedelta(hours=int(match[2]), minutes=int(match[3]))


def _check_handover(text: str) -> str:
    parse_handover(text)
    return text


class Person(Settings):
    """Someone who can be paged. `slack` is a member ID such as U012ABC, never a display name."""

    name: Name
    slack: Annotated[str, Field(pattern=r"^([UW][A-Z0-9]+)?$", examples=["U012ABC"])] = ""
    timezone: Zone = "UTC"


class Rotation(Settings):
    """People who take turns of length `every`, handing over at a local time. The first one's first day is `starts`."""

    name: Name
    people: Annotated[tuple[str, ...], Field(min_length=1)]
    every: Interval = 7 * 86400.0
    handover: Annotated[str, AfterValidator(_check_handover)] = "Mon 10:00"
    timezone: Zone = "UTC"
    starts: date | None = None

    @model_validator(mode="after")
    def _handover_fits(self) -> Self:
        day, _ = parse_handover(self.handover)
        if self.every < 3600 or self.every % 60:
            raise ValueError("a turn shorter than 1h, or not of whole minutes, is no turn; write every: 1w, 1d or 12h")
        if day is not None and self.every % (7 * 86400):
            raise ValueError(f"handover {self.handover!r} names a weekday, but the turns are not of whole weeks")
        return self

    def turn(self, at: float) -> tuple[str, float, float]:
        """Whose turn it is at a moment (seconds UTC), when the turn began and when it ends, overrides left aside.

        Turns are counted in local wall-clock time, so that `Mon 10:00` stays at ten when the clocks change.
        """
        length = timedelta(seconds=self.every)
        first = self._first()
        local = datetime.fromtimestamp(at, ZoneInfo(self.timezone)).replace(tzinfo=None)
        count = (local - first) // length
        # An hour that the clocks skip or repeat can put the estimate one turn off.
        while self._utc(first + count * length) > at:
            count -= 1
        while self._utc(first + (count + 1) * length) <= at:
            count += 1
        begins, ends = first + count * length, first + (count + 1) * length
        return self.people[count % len(self.people)], self._utc(begins), self._utc(ends)

    def _first(self) -> datetime:
        day, time = parse_handover(self.handover)
        start = self.starts or _FIRST_DAY
        if day is not None:
            start += timedelta(days=(day - start.weekday()) % 7)
        return datetime.combine(start, datetime.min.time()) + time

    def _utc(self, local: datetime) -> float:
        return local.replace(tzinfo=ZoneInfo(self.timezone)).astimezone(UTC).timestamp()


class Override(Settings):
    """Someone stands in: from one moment to another this person is on call, whatever the rotation says."""

    rotation: str
    person: str
    from_: Annotated[AwareDatetime, Field(alias="from")]
    to: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to <= self.from_:
            raise ValueError("an override must end after it begins; `to` is not after `from`")
        return self


@dataclass(frozen=True, slots=True)
class Shift:
    """Who is on call for a rotation, from when until when (seconds UTC), and why this person."""

    rotation: str
    person: Person
    starts_at: float
    ends_at: float
    reason: str


@dataclass(frozen=True)
class Roster:
    """People, rotations and overrides of the config, as one thing that can be asked who is on call."""

    people: tuple[Person, ...] = ()
    rotations: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()

    def person(self, name: str) -> Person | None:
        """The person of this name."""
        return next((person for person in self.people if person.name == name), None)

    def shift(self, name: str, at: float) -> Shift | None:
        """Who has this rotation at a moment, until the next change; None when there is no such rotation or person."""
        rotation = next((rotation for rotation in self.rotations if rotation.name == name), None)
        if rotation is None:
            return None
        name, starts, ends = rotation.turn(at)
        reason = f"{name}'s turn in {rotation.name}"
        for override in self.overrides:
            if override.rotation != rotation.name:
                continue
            begins, stops = override.from_.timestamp(), override.to.timestamp()
            if begins <= at < stops:  # the last one written wins
                name, starts, ends, reason = override.person, begins, stops, f"{override.person} stands in"
            elif begins > at:
                ends = min(ends, begins)
            else:
                starts = max(starts, stops)
        person = self.person(name)
        return None if person is None else Shift(rotation.name, person, starts, ends, reason)

    def who(self, names: Iterable[str], at: float) -> tuple[Person, ...]:
        """The people behind names of rotations or people, or `everyone`, at a moment: each once, in this order."""
        found: dict[str, Person] = {}
        for name in names:
            if name == EVERYONE:
                found.update((person.name, person) for person in self.people)
            elif (shift := self.shift(name, at)) is not None:
                found.setdefault(shift.person.name, shift.person)
            elif (person := self.person(name)) is not None:
                found.setdefault(person.name, person)
        return tuple(found.values())

    def now(self, at: float) -> tuple[Shift, ...]:
        """Every rotation's shift at a moment."""
        return tuple(shift for rotation in self.rotations if (shift := self.shift(rotation.name, at)) is not None)
