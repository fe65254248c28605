"""Quantiles and fractions of classic histograms: counters by bucket, told apart by the label `le`."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from alerts.promql import labels as labelset
from alerts.promql.arithmetic import divide
from alerts.promql.column import NAME, Column
from alerts.promql.literal import parse_float
from alerts.promql.node import Call
from alerts.promql.run import Run
from probes.base import Labels

#: Relative differences of counts below this are rounding, and are mended without a remark.
_ROUNDING = 1e-12
_NAN, _INF = math.nan, math.inf


@dataclass(slots=True)
class _Histogram:
    """The buckets of one histogram: upper bounds, and the counts at every step."""

    bounds: list[float]
    columns: list[Column]


def _histograms(run: Run, call: Call, columns: list[Column]) -> dict[Labels, _Histogram]:
    """The bucket series, put together by all their other labels."""
    found: dict[Labels, _Histogram] = {}
    for column in columns:
        text = labelset.get(column.labels, "le")
        bound = parse_float(text)
        if bound is None:
            run.remarks.bad_bucket(text, labelset.get(column.labels, NAME), call.arguments[-1])
            continue
        histogram = found.setdefault(labelset.without(column.labels, ("le",)), _Histogram([], []))
        histogram.bounds.append(bound)
        histogram.columns.append(column)
    return found


def _buckets(histogram: _Histogram, step: int) -> list[tuple[float, float]]:
    """Sorted (upper bound, cumulative count) at a step; buckets written twice, as 1 and 1.0, are added up."""
    counts: dict[float, float] = {}
    for bound, column in zip(histogram.bounds, histogram.columns, strict=True):
        count = column.values[step]
        if count is not None:
            counts[bound] = counts.get(bound, 0.0) + count
    return sorted(counts.items())


def _made_monotonic(buckets: list[tuple[float, float]]) -> tuple[list[float], bool]:
    """Counts that never fall from bucket to bucket, and whether one fell by more than rounding."""
    previous, forced = buckets[0][1], False
    counts = [previous]
    for _, count in buckets[1:]:
        if count > previous and not _almost_equal(count, previous):
            previous = count
        elif count < previous and not _almost_equal(count, previous):
            forced = True
        elif count != count:
            previous = count
        counts.append(previous)
    return counts, forced


def _almost_equal(a: float, b: float) -> bool:
    if a == b:
        return True
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < 2.2250738585072014e-308:
        return difference < _ROUNDING * 2.2250738585072014e-308
    return difference / min(total, 1.7976931348623157e308) < _ROUNDING


def _bucket_quantile(wanted: float, buckets: list[tuple[float, float]]) -> tuple[float, bool]:
    """The quantile, by linear interpolation in the bucket it falls into, and whether counts had to be mended."""
    if wanted != wanted:
        return _NAN, False
    if not 0 <= wanted <= 1:
        return math.copysign(_INF, wanted), False
    if buckets[-1][0] != _INF:
        return _NAN, False
    counts, forced = _made_monotonic(buckets)
    observations = counts[-1]
    if len(buckets) < 2 or observations == 0 or observations != observations:
        return _NAN, forced
    rank = wanted * observations
    index = bisect_left(counts, rank, 0, len(counts) - 1)
    if index == len(counts) - 1:
        return buckets[-2][0], forced
    end = buckets[index][0]
    if index == 0 and end <= 0:
        return end, forced
    start, below = (buckets[index - 1][0], counts[index - 1]) if index else (0.0, 0.0)
    return start + (end - start) * divide(rank - below, counts[index] - below), forced


def _quantile(run: Run, call: Call, wanted: list[float], columns: list[Column]) -> list[Column]:
    for number in set(wanted):
        run.remarks.bad_quantile(number, call.arguments[0])
    result = []
    for labels, histogram in _histograms(run, call, columns).items():
        values: list[float | None] = []
        for step, number in enumerate(wanted):
            run.budget.spend(len(histogram.bounds))
            buckets = _buckets(histogram, step)
            if not buckets:
                values.append(None)
                continue
            value, forced = _bucket_quantile(number, buckets)
            if forced:
                run.remarks.not_monotonic(labelset.get(labels, NAME), call.arguments[-1])
            values.append(value)
        result.append(Column(labels, values, True))
    return result


def _rank(bound: float, buckets: list[tuple[float, float]]) -> float:
    """How many observations lie below a bound, by linear interpolation in the bucket that it cuts."""
    below = 0.0
    lower = 0.0 if buckets[0][0] > 0 else -_INF
    for upper, count in buckets:
        if bound <= lower:
            return below
        if bound < upper:
            # A bucket without an end on one side counts as lying at its other end.
            inside = (bound - lower) / (upper - lower) if math.isfinite(lower) and math.isfinite(upper) else 0.0
            return below + (count - below) * inside
        below, lower = count, upper
    return below


def _bucket_fraction(low: float, high: float, buckets: list[tuple[float, float]]) -> float:
    """The part of all observations between two bounds."""
    observations = buckets[-1][1]
    if buckets[-1][0] != _INF or not observations or low != low or high != high:
        return _NAN
    if low >= high:
        return 0.0
    return divide(_rank(high, buckets) - _rank(low, buckets), observations)


def _fraction(run: Run, call: Call, low: list[float], high: list[float], columns: list[Column]) -> list[Column]:
    result = []
    for labels, histogram in _histograms(run, call, columns).items():
        values: list[float | None] = []
        for step, (least, most) in enumerate(zip(low, high, strict=True)):
            run.budget.spend(len(histogram.bounds))
            buckets = _buckets(histogram, step)
            values.append(_bucket_fraction(least, most, buckets) if buckets else None)
        result.append(Column(labels, values, True))
    return result


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "histogram_quantile": _quantile,
    "histogram_fraction": _fraction,
}
