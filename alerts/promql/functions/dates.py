"""Functions that read a number as seconds since 1970, UTC, and answer its year, hour or day of the week."""

import math
from collections.abc import Callable
from typing import NamedTuple

from alerts.promql.column import Column
from alerts.promql.functions.elementwise import each
from alerts.promql.node import Call
from alerts.promql.run import Run

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Date(NamedTuple):
    year: int
    month: int
    day: int
    of_year: int


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_days(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else _DAYS[month - 1]


def _date(seconds: int) -> _Date:
    """The Gregorian date, also beyond the years that Python's datetime knows."""
    # Years are counted from March, so that the leap day comes last (Howard Hinnant, "chrono-compatible algorithms").
    days = seconds // 86_400 + 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    return _Date(year, month, day, sum(_month_days(year, earlier) for earlier in range(1, month)) + day)


def _dated(part: Callable[[int], int]) -> Callable[..., list[Column]]:
    def of(value: float) -> float:
        return float(part(int(value))) if math.isfinite(value) else math.nan

    apply = each(of)

    def function(run: Run, call: Call, columns: list[Column] | None = None) -> list[Column]:
        if columns is None:
            columns = [Column((), [at / 1000 for at in run.times])]
        return apply(run, call, columns)

    return function


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "minute": _dated(lambda seconds: seconds // 60 % 60),
    "hour": _dated(lambda seconds: seconds // 3600 % 24),
    "day_of_week": _dated(lambda seconds: (seconds // 86_400 + 4) % 7),
    "day_of_month": _dated(lambda seconds: _date(seconds).day),
    "day_of_year": _dated(lambda seconds: _date(seconds).of_year),
    "days_in_month": _dated(lambda seconds: _month_days(*_date(seconds)[:2])),
    "month": _dated(lambda seconds: _date(seconds).month),
    "year": _dated(lambda seconds: _date(seconds).year),
}
