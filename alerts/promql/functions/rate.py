"""Functions that tell how fast something grows: rates of counters, slopes of gauges, resets and changes."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from alerts.promql import labels as labelset
from alerts.promql.arithmetic import add_kahan, divide
from alerts.promql.column import NAME, Column, Spans, Window
from alerts.promql.functions.over_time import over
from alerts.promql.node import Call
from alerts.promql.run import Run


def _extrapolated(window: Window, *, counter: bool, per_second: bool) -> float | None:
    """The growth over the whole window, of which the samples cover only a part.

    From Prometheus' extrapolatedRate: up to 10 % more than the usual distance between samples is taken as covered,
    otherwise half a distance; a counter is never extended below zero.
    """
    times, values = window.times, window.values
    if len(values) < 2:
        return None
    growth = values[-1] - values[0]
    if counter and sorted(values) != values:
        for before, after in pairwise(values):
            if after < before:
                growth += before
    covered = (times[-1] - times[0]) / 1000
    distance = covered / (len(values) - 1)
    to_begin, to_end = (times[0] - window.begin) / 1000, (window.end - times[-1]) / 1000
    if to_begin >= distance * 1.1:
        to_begin = distance / 2
    if counter and growth > 0 and values[0] >= 0:
        to_begin = min(to_begin, covered * (values[0] / growth))
    if to_end >= distance * 1.1:
        to_end = distance / 2
    factor = (covered + to_begin + to_end) / covered
    if per_second:
        factor /= (window.end - window.begin) / 1000
    return growth * factor


def _of_counter(*, per_second: bool) -> Callable[..., list[Column]]:
    apply = over(lambda window: _extrapolated(window, counter=True, per_second=per_second))

    def function(run: Run, call: Call, spans: Iterable[Spans]) -> list[Column]:
        result = apply(run, call, spans)
        for metric in {labelset.get(column.labels, NAME) for column in result}:
            run.remarks.maybe_no_counter(metric, call.arguments[0])
        return result

    return function


def _last_two(window: Window, *, counter: bool) -> float | None:
    """The growth between the last two samples; per second for a counter."""
    if len(window.values) < 2:
        return None
    before, after = window.values[-2:]
    growth = after if counter and after < before else after - before
    return growth / ((window.times[-1] - window.times[-2]) / 1000) if counter else growth


def regression(window: Window, origin_ms: int) -> tuple[float, float]:
    """Slope per second and value at the origin of the straight line through the samples, by least squares."""
    values = window.values
    if all(value == values[0] for value in values):
        flat = values[0]
        return (0.0, flat) if flat - flat == 0 else (flat - flat, flat - flat)
    x = y = xy = xx = 0.0
    lost_x = lost_y = lost_xy = lost_xx = 0.0
    for at, value in zip(window.times, values, strict=True):
        seconds = (at - origin_ms) / 1000
        x, lost_x = add_kahan(seconds, x, lost_x)
        y, lost_y = add_kahan(value, y, lost_y)
        xy, lost_xy = add_kahan(seconds * value, xy, lost_xy)
        xx, lost_xx = add_kahan(seconds * seconds, xx, lost_xx)
    x, y, xy, xx, count = x + lost_x, y + lost_y, xy + lost_xy, xx + lost_xx, len(values)
    slope = divide(xy - x * y / count, xx - x * x / count)
    return slope, y / count - slope * x / count


def _slope(window: Window) -> float | None:
    return regression(window, window.times[0])[0] if len(window.values) > 1 else None


def _predict_linear(run: Run, call: Call, spans: Iterable[Spans], ahead: list[float]) -> list[Column]:
    """Where the straight line will be that many seconds after the step."""
    result = []
    for span in spans:
        values: list[float | None] = []
        for at, window, seconds in zip(run.times, span.windows, ahead, strict=True):
            if window is None or len(window.values) < 2:
                values.append(None)
            else:
                slope, now = regression(window, at)
                values.append(slope * seconds + now)
        if any(value is not None for value in values):
            result.append(Column(span.labels, values, True))
    return result


def _resets(window: Window) -> float:
    return float(sum(after < before for before, after in pairwise(window.values)))


def _changes(window: Window) -> float:
    return float(
        sum(after != before and not (after != after and before != before) for before, after in pairwise(window.values))
    )


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "rate": _of_counter(per_second=True),
    "increase": _of_counter(per_second=False),
    "delta": over(lambda window: _extrapolated(window, counter=False, per_second=False)),
    "irate": over(lambda window: _last_two(window, counter=True)),
    "idelta": over(lambda window: _last_two(window, counter=False)),
    "deriv": over(_slope),
    "predict_linear": _predict_linear,
    "resets": over(_resets),
    "changes": over(_changes),
}
