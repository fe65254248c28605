"""How fast an error budget may burn before somebody is told: fast burning wakes a person, slow burning is a ticket.

The pairs of windows are those of Google's SRE workbook, chapter 5 (https://sre.google/workbook/alerting-on-slos/). The
long window says that enough was lost to matter, the short one that it is still being lost.
"""

from typing import NamedTuple

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
#: The period for which the workbook gives its windows.
_PERIOD = 30 * _DAY
#: No window is shorter: a probe that looks once a minute must have been able to look a few times.
_SHORTEST = 5 * _MINUTE


class Burn(NamedTuple):
    """A rate at which the budget burns (1 uses it up exactly in its period), seen over a long and a short window."""

    rate: float
    long: float
    short: float


_FAST = (Burn(14.4, _HOUR, 5 * _MINUTE), Burn(6.0, 6 * _HOUR, 30 * _MINUTE))
_SLOW = (Burn(3.0, _DAY, 2 * _HOUR), Burn(1.0, 3 * _DAY, 6 * _HOUR))


def fast(period: float, budget: float) -> tuple[Burn, ...]:
    """The rates that wake somebody, for a period in seconds: each uses up the same part of the budget as in 30 days.

    A rate that a budget (0 to 1) of this size cannot reach, since more than everything would have to fail, is left out.
    """
    return _scaled(_FAST, period, budget)


def slow(period: float, budget: float) -> tuple[Burn, ...]:
    """The rates that open a ticket."""
    return _scaled(_SLOW, period, budget)


def _scaled(burns: tuple[Burn, ...], period: float, budget: float) -> tuple[Burn, ...]:
    return tuple(
        Burn(burn.rate, _window(burn.long, period), _window(burn.short, period))
        for burn in burns
        if burn.rate * budget < 1
    )


def _window(seconds: float, period: float) -> float:
    """The same part of another period, in whole minutes."""
    return max(_SHORTEST, round(seconds * period / _PERIOD / _MINUTE) * _MINUTE)
