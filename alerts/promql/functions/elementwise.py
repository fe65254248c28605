"""Functions that look at one number at a time: rounding, roots, logarithms, angles, limits."""

import math
from collections.abc import Callable

from alerts.promql.arithmetic import divide, floor, maximum, minimum, square_root
from alerts.promql.column import Column
from alerts.promql.node import Call
from alerts.promql.run import Run

_NAN, _INF = math.nan, math.inf


def each(function: Callable[[float], float]) -> Callable[[Run, Call, list[Column]], list[Column]]:
    """The function of a vector that applies this function to every value."""

    def apply(run: Run, call: Call, columns: list[Column]) -> list[Column]:
        run.budget.spend(len(columns) * len(run.times))
        return [
            Column(column.labels, [None if value is None else function(value) for value in column.values], True)
            for column in columns
        ]

    return apply


def _total(function: Callable[[float], float], outside: Callable[[float], float]) -> Callable[[float], float]:
    """The function, and what Go answers where Python raises an error."""

    def apply(value: float) -> float:
        try:
            return function(value)
        except (ValueError, OverflowError):
            return outside(value)

    return apply


def _nan(value: float) -> float:
    return _NAN


def _log(function: Callable[[float], float]) -> Callable[[float], float]:
    return _total(function, lambda value: -_INF if value == 0 else _NAN)


def _ceil(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value


def _sign(value: float) -> float:
    return 1.0 if value > 0 else -1.0 if value < 0 else value


def _rounded(value: float, nearest: float) -> float:
    inverse = divide(1.0, nearest)
    return divide(floor(value * inverse + 0.5), inverse)


def _round(run: Run, call: Call, columns: list[Column], nearest: list[float] | None = None) -> list[Column]:
    return _with_numbers(run, columns, _rounded, nearest or [1.0] * len(run.times))


def _clamp(run: Run, call: Call, columns: list[Column], low: list[float], high: list[float]) -> list[Column]:
    """Within both limits; nothing where the lower limit is above the upper."""
    result = _clamp_min(run, call, _clamp_max(run, call, columns, high), low)
    for column in result:
        column.values = [
            None if least > most else value for value, least, most in zip(column.values, low, high, strict=True)
        ]
    return result


def _clamp_max(run: Run, call: Call, columns: list[Column], limit: list[float]) -> list[Column]:
    return _with_numbers(run, columns, minimum, limit)


def _clamp_min(run: Run, call: Call, columns: list[Column], limit: list[float]) -> list[Column]:
    return _with_numbers(run, columns, maximum, limit)


def _with_numbers(
    run: Run, columns: list[Column], function: Callable[[float, float], float], numbers: list[float]
) -> list[Column]:
    run.budget.spend(len(columns) * len(run.times))
    return [
        Column(
            column.labels,
            [
                None if value is None else function(value, number)
                for value, number in zip(column.values, numbers, strict=True)
            ],
            True,
        )
        for column in columns
    ]


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "abs": each(abs),
    "ceil": each(_ceil),
    "floor": each(floor),
    "sgn": each(_sign),
    "sqrt": each(square_root),
    "exp": each(_total(math.exp, lambda value: _INF)),
    "ln": each(_log(math.log)),
    "log2": each(_log(math.log2)),
    "log10": each(_log(math.log10)),
    "sin": each(_total(math.sin, _nan)),
    "cos": each(_total(math.cos, _nan)),
    "tan": each(_total(math.tan, _nan)),
    "asin": each(_total(math.asin, _nan)),
    "acos": each(_total(math.acos, _nan)),
    "atan": each(math.atan),
    "sinh": each(_total(math.sinh, lambda value: math.copysign(_INF, value))),
    "cosh": each(_total(math.cosh, lambda value: _INF)),
    "tanh": each(math.tanh),
    "asinh": each(math.asinh),
    "acosh": each(_total(math.acosh, _nan)),
    "atanh": each(_total(math.atanh, lambda value: math.copysign(_INF, value) if abs(value) == 1 else _NAN)),
    "deg": each(lambda value: value * 180 / math.pi),
    "rad": each(lambda value: value * math.pi / 180),
    "round": _round,
    "clamp": _clamp,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
}
