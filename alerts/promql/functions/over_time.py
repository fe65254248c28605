"""Functions that look at all samples of a series in a span of time: sums, averages, extremes, quantiles."""

from collections.abc import Callable, Iterable

from alerts.promql.aggregate import average, greatest, least, total_of
from alerts.promql.arithmetic import add_kahan, quantile, square_root
from alerts.promql.column import Column, Spans, Window
from alerts.promql.functions.shape import labels_of_absent
from alerts.promql.node import Call
from alerts.promql.run import Run


def over(function: Callable[[Window], float | None], *, keeps_name: bool = False) -> Callable[..., list[Column]]:
    """The function of a range vector that applies this function to every window."""

    def apply(run: Run, call: Call, spans: Iterable[Spans]) -> list[Column]:
        result = []
        for span in spans:
            values = [None if window is None else function(window) for window in span.windows]
            if any(value is not None for value in values):
                result.append(Column(span.labels, values, not keeps_name or span.drop_name))
        return result

    return apply


def _variance(window: Window) -> float:
    """Welford's method with compensated sums."""
    mean = lost_mean = total = lost_total = 0.0
    for count, value in enumerate(window.values, 1):
        delta = value - (mean + lost_mean)
        mean, lost_mean = add_kahan(delta / count, mean, lost_mean)
        total, lost_total = add_kahan(delta * (value - (mean + lost_mean)), total, lost_total)
    return (total + lost_total) / len(window.values)


def _deviation(window: Window) -> float:
    return square_root(_variance(window))


def _quantile(run: Run, call: Call, wanted: list[float], spans: Iterable[Spans]) -> list[Column]:
    result = []
    for span in spans:
        values = [
            None if window is None else quantile(number, window.values)
            for number, window in zip(wanted, span.windows, strict=True)
        ]
        result.append(Column(span.labels, values, True))
    for number in set(wanted) if result else ():
        run.remarks.bad_quantile(number, call.arguments[0])
    return result


def _absent(run: Run, call: Call, spans: Iterable[Spans]) -> list[Column]:
    missing = [True] * len(run.times)
    for span in spans:
        missing = [gone and window is None for gone, window in zip(missing, span.windows, strict=True)]
    if not any(missing):
        return []
    return [Column(labels_of_absent(call.arguments[0]), [1.0 if gone else None for gone in missing])]


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "sum_over_time": over(lambda window: total_of(window.values)),
    "avg_over_time": over(lambda window: average(window.values)),
    "min_over_time": over(lambda window: least(window.values)),
    "max_over_time": over(lambda window: greatest(window.values)),
    "count_over_time": over(lambda window: float(len(window.values))),
    "last_over_time": over(lambda window: window.values[-1], keeps_name=True),
    "first_over_time": over(lambda window: window.values[0], keeps_name=True),
    "present_over_time": over(lambda window: 1.0),
    "stdvar_over_time": over(_variance),
    "stddev_over_time": over(_deviation),
    "quantile_over_time": _quantile,
    "absent_over_time": _absent,
}
