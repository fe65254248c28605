"""Quiet hours: tickets wait for the morning; what pages does not."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from alerts.silence import Silence

_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)(?:\s+(\S+))?")


def _parse(text: str) -> tuple[timedelta, timedelta, ZoneInfo]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} are no quiet hours; write such as 22:00-08:00 Asia/Taipei")
    begins = timedelta(hours=int(match[1]), minutes=int(match[2]))
    ends = timedelta(hours=int(match[3]), minutes=int(match[4]))
    if begins == ends:
        raise ValueError(f"{text!r} begin when they end; nobody would ever be told")
    try:
        return begins, ends, ZoneInfo(match[5] or "UTC")
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{match[5]!r} is not a time zone; write one such as Asia/Taipei or UTC") from None


def _check(text: str) -> str:
    _parse(text)
    return text


#: From when until when, every day, at the wall clock of a time zone (UTC when none is given).
QuietHours = Annotated[str, AfterValidator(_check), Field(examples=["22:00-08:00 Asia/Taipei"])]


def quiet_silence(hours: str | None, at: float) -> Silence | None:
    """The silence over everything that quiet hours make at this moment (seconds UTC), or None outside them."""
    if not hours:
        return None
    begins, ends, zone = _parse(hours)
    midnight = datetime.fromtimestamp(at, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for day in (midnight - timedelta(days=1), midnight):
        start = (day + begins).replace(tzinfo=zone).timestamp()
        stop = (day + ends + timedelta(days=ends < begins)).replace(tzinfo=zone).timestamp()
        if start <= at < stop:
            return Silence("quiet hours", (), start, stop, f"quiet hours, {hours}", "the route")
    return None
