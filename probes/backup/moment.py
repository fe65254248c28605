"""Reads the many ways in which a database writes down when an order was made."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MILLISECONDS_FROM = 1e11  # as seconds this is the year 5138
_JULIAN = range(2_400_000, 2_500_000)  # days: the years 1858 to 2132, as SQLite's julianday()
_UNIX_EPOCH_JULIAN = 2440587.5


def parse_moment(value: Any, zone: str = "UTC") -> float:
    """Wall-clock seconds (UTC) of a database's timestamp.

    Takes ISO 8601 text (without a zone of its own it is in `zone`; SQLite's CURRENT_TIMESTAMP is UTC), Unix seconds or
    milliseconds, and Julian days. Raises ValueError with a sentence for anything else.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, int | float):
            return _of_number(float(value))
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ValueError(
            f"{str(value)[:80]!r} is not a time; expected ISO 8601 text, Unix seconds, milliseconds or a Julian day"
        ) from None


def _of_number(number: float) -> float:
    if not 0 <= number < 1e14:
        raise ValueError
    if isinstance(number, float) and int(number) in _JULIAN:
        return (number - _UNIX_EPOCH_JULIAN) * 86400
    return number / 1000 if number >= _MILLISECONDS_FROM else number
