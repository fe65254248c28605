"""Maintenance: work that was announced, during which the alerts it causes wake nobody."""

from collections.abc import Iterable
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator

from alerts.match import Match, matchers
from alerts.oncall import Zone
from alerts.silence import Silence
from probes.cron import Cron, next_fire
from probes.settings import Name, Settings
from probes.units import Interval


class Maintenance(Settings):
    """A window, again and again (`at` and `lasts`) or once (`from` and `to`), in which alerts that match are not told.

    Their incidents are kept, and who is still affected when the window closes is told then.
    """

    name: Name
    match: Annotated[Match, Field(min_length=1)]
    at: Cron | None = Field(default=None, description="When it begins, as crontab has it, in `timezone`.")
    lasts: Interval | None = Field(default=None, description="How long it lasts from then.")
    timezone: Zone = Field(default="UTC", description="The zone of `at`.")
    from_: AwareDatetime | None = Field(default=None, alias="from", description="When it begins, with its zone.")
    to: AwareDatetime | None = Field(default=None, description="When it ends, with its zone.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        again, once = (self.at, self.lasts), (self.from_, self.to)
        if (None in again or any(once)) and (None in once or any(again)):
            raise ValueError("a window needs `at` and `lasts`, or `from` and `to`, and not both")
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise ValueError("a window must end after it begins; `to` is not after `from`")
        return self

    def window(self, now: float) -> tuple[float, float] | None:
        """When the window that is open at a moment began and will end, in seconds UTC; None outside all windows."""
        if self.from_ is not None and self.to is not None:
            begins, ends = self.from_.timestamp(), self.to.timestamp()
            return (begins, ends) if begins <= now < ends else None
        if self.at is None or self.lasts is None:
            return None
        start = next_fire(self.at, now - self.lasts, ZoneInfo(self.timezone))
        return (start, start + self.lasts) if start is not None and start <= now else None


def planned(windows: Iterable[Maintenance], now: float) -> tuple[Silence, ...]:
    """The silences that maintenance makes at a moment (seconds UTC)."""
    return tuple(
        Silence(f"maintenance {one.name}", matchers(one.match), *window, f"maintenance: {one.name}", "the config")
        for one in windows
        if (window := one.window(now)) is not None
    )
