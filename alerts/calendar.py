"""The shop's calendar, its time zone and holidays: a Monday is compared with Mondays, and not with Christmas.

`offset 1w` in PromQL means 604,800 seconds. In the week after the clocks change that is another hour of the day, and it
knows no holidays. Here a week ago is the same time on the wall clock, and holidays are left out.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from alerts.oncall import Zone
from probes.settings import Settings


class Holiday(Settings):
    """Days on which people buy unlike on others, the first and the last included."""

    name: str = Field(min_length=1, description="What it is called; only for those who read the config.")
    from_: date = Field(alias="from", description="The first day, in the calendar's time zone.")
    to: date | None = Field(default=None, description="The last day; left out, it is one day.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.to is not None and self.to < self.from_:
            raise ValueError("a holiday cannot end before it begins; `to` is before `from`")
        return self

    def holds(self, day: date) -> bool:
        """Whether a day belongs to it."""
        return self.from_ <= day <= (self.to or self.from_)


class Calendar(Settings):
    """When the shop's days begin, and which of them are unlike the others."""

    timezone: Zone = Field(default="UTC", description="Where most customers live: whose evening is the evening.")
    holidays: tuple[Holiday, ...] = Field(default=(), description="Days that are compared with nothing.")

    def holiday(self, at: float) -> str:
        """The name of the holiday at a moment (seconds UTC), or nothing."""
        day = datetime.fromtimestamp(at, ZoneInfo(self.timezone)).date()
        return next((holiday.name for holiday in self.holidays if holiday.holds(day)), "")

    def same_time(self, at: float, most: int) -> Iterator[float]:
        """The same time of the week in the weeks before `at`, the latest first; at most so many weeks back.

        The wall clock counts: an hour that the change of clocks left out is the one after it, an hour that came twice
        is the one of `at`, or the first. Holidays are left out.
        """
        zone = ZoneInfo(self.timezone)
        wall = datetime.fromtimestamp(at, zone)
        for week in range(1, most + 1):
            then = (wall.replace(tzinfo=None) - timedelta(weeks=week)).replace(tzinfo=zone, fold=wall.fold).timestamp()
            if not self.holiday(then):
                yield then
