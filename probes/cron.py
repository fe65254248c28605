"""Calendar times written as in crontab, in UTC, and when they come next."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, Field

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAYS = re.compile(r"[0-7](-[0-7])?|\*(/\d+)?|[a-z]{3}(-[a-z]{3})?", re.IGNORECASE)
_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}


def cron_trigger(cron: str, zone: tzinfo = UTC) -> CronTrigger:
    """APScheduler's trigger for five crontab fields, in UTC or another zone. Raises ValueError with a sentence.

    APScheduler counts weekdays from Monday = 0, crontab from Sunday = 0: they are named here, so that a backup meant
    for Sunday is not verified on Monday. Crontab means "either" when both days are given, APScheduler "both": refused.
    """
    fields = _SHORTHANDS.get(cron.strip(), cron).split()
    if len(fields) != 5:
        raise ValueError(f"{cron!r} is not a cron time; write five fields, such as '0 4 * * *' for 04:00 UTC every day")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError(f"{cron!r} gives a day of the month and a weekday; give one of them")
    try:
        return CronTrigger(
            minute=minute, hour=hour, day=day, month=month, day_of_week=_named_days(weekday), timezone=zone
        )
    except ValueError as error:
        raise ValueError(f"{cron!r} is not a cron time: {error}") from None


def next_fire(cron: str, after: float, zone: tzinfo = UTC) -> float | None:
    """The first fire time (wall clock, UTC) later than `after`, or None when there is none (31 February)."""
    moment = datetime.fromtimestamp(after + 0.001, UTC)
    fire = cron_trigger(cron, zone).get_next_fire_time(None, moment)
    return None if fire is None else float(fire.timestamp())


def _named_days(field: str) -> str:
    parts = []
    for part in field.split(","):
        if not _WEEKDAYS.fullmatch(part):
            raise ValueError(f"{part!r} is not a weekday; write 0 to 7 (0 and 7 are Sunday) or mon to sun")
        if part.startswith("*"):
            parts.append(part)
            continue
        parts.extend(_days(part.lower()))
    return ",".join(parts)


def _days(part: str) -> list[str]:
    """`5-7` and `sun-tue` as single names: a range that crosses Sunday is fine in crontab, not in APScheduler."""
    first, _, last = part.partition("-")
    begin, end = _number(first), _number(last or first)
    if end < begin:
        end += 7
    return [_DAYS[day % 7] for day in range(begin, end + 1)]


def _number(day: str) -> int:
    if day.isdigit():
        return int(day)
    if day not in _DAYS:
        raise ValueError(f"{day!r} is not a weekday; write 0 to 7 (0 and 7 are Sunday) or mon to sun")
    return _DAYS.index(day)


def _check(cron: str) -> str:
    cron_trigger(cron)
    if next_fire(cron, 0.0) is None:
        raise ValueError(f"{cron!r} never comes")
    return cron


#: Five crontab fields in quotes, UTC, such as `"0 4 * * *"`.
Cron = Annotated[str, AfterValidator(_check), Field(examples=["0 4 * * *"])]
