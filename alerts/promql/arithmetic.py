"""Arithmetic on single numbers as Go does it: a division by zero is infinite, never an exception."""

import math
from collections.abc import Callable

_NAN, _INF = math.nan, math.inf


def divide(a: float, b: float) -> float:
    """a / b; infinite or NaN when b is zero."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or a != a:
            return _NAN
        return math.copysign(_INF, a) * math.copysign(1, b)


def modulo(a: float, b: float) -> float:
    """The remainder of a / b with the sign of a."""
    try:
        return math.fmod(a, b)
    except ValueError:
        return _NAN


def power(a: float, b: float) -> float:
    """a to the power of b."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -_INF if a < 0 and b % 2 == 1 else _INF
    except ValueError:
        if a != 0:
            return _NAN
        return math.copysign(_INF, a) if b % 2 == 1 else _INF


def square_root(value: float) -> float:
    """The square root; NaN of a negative number."""
    return math.sqrt(value) if value >= 0 else _NAN


def minimum(a: float, b: float) -> float:
    """The smaller; NaN if either is."""
    return _NAN if a != a or b != b else min(a, b)


def maximum(a: float, b: float) -> float:
    """The larger; NaN if either is."""
    return _NAN if a != a or b != b else max(a, b)


def floor(value: float) -> float:
    """The whole number at or below the value, as a float; infinities and NaN stay."""
    return float(math.floor(value)) if math.isfinite(value) else value


def add_kahan(value: float, total: float, compensation: float) -> tuple[float, float]:
    """One step of Neumaier's summation: the new total, and what rounding has lost so far."""
    new = total + value
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, compensation + ((total - new) + value)
    return new, compensation + ((value - new) + total)


def quantile(wanted: float, values: list[float]) -> float:
    """The quantile of numbers by linear interpolation between the two next ones; a NaN counts as the smallest."""
    if not values or wanted != wanted:
        return _NAN
    if wanted < 0:
        return -_INF
    if wanted > 1:
        return _INF
    ordered = sorted(values, key=lambda value: (value == value, value))
    rank = wanted * (len(ordered) - 1)
    lower = max(0, math.floor(rank))
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - math.floor(rank)
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


#: Operators that compute a new number.
OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": modulo,
    "^": power,
    "atan2": math.atan2,
}
#: Operators that compare two numbers.
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
