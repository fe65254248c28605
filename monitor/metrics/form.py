"""The form that OpenMetrics demands of counters and histograms, and whether a probe's samples keep to it.

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#metric-types
"""

import math
from collections.abc import Callable, Sequence

from probes.base import Labels

#: Whether these values of series, whose names and labels are known to keep to the form, do so too.
Keeps = Callable[[Sequence[float]], bool]
#: A series' name and its labels.
Named = tuple[str, Labels]


def form(kind: str, family: str, series: Sequence[Named]) -> Keeps | None:
    """What the values of these series of a family must be like; None if they may be anything."""
    if kind == "counter":
        return _counts
    if kind == "histogram":
        width = _width(family, series)
        return (lambda values: _grows(values, width)) if width else _never
    return _never if kind == "summary" else None


def _counts(values: Sequence[float]) -> bool:
    return min(values) >= 0 and sum(values) >= 0  # a NaN makes the sum one, whatever min thinks of it


def _never(values: Sequence[float]) -> bool:
    return False


def _grows(values: Sequence[float], width: int) -> bool:
    """Whether histograms of so many series each hold whole, cumulative counts."""
    return all(_is_histogram(values[start : start + width]) for start in range(0, len(values), width))


def _is_histogram(values: Sequence[float]) -> bool:
    *buckets, seconds, count = values
    try:
        whole = list(map(int, buckets)) == buckets
    except (ValueError, OverflowError):  # NaN or infinite
        return False
    return whole and buckets[0] >= 0 and buckets == sorted(buckets) and count == buckets[-1] and seconds >= 0


def _width(family: str, series: Sequence[Named]) -> int:
    """How many series make up each histogram here: buckets up to +Inf, sum and count, in this order. 0 if not so."""
    bounds = next((place for place, (name, _) in enumerate(series) if name != f"{family}_bucket"), 0)
    width = bounds + 2
    if bounds == 0 or len(series) % width:
        return 0
    seen: set[Labels] = set()
    for start in range(0, len(series), width):
        labels = _labels_of(family, series[start : start + width])
        if labels is None or labels in seen:
            return 0
        seen.add(labels)
    return width


def _labels_of(family: str, series: Sequence[Named]) -> Labels | None:
    """The labels of one histogram; None if these series are none."""
    *buckets, total, count = series
    labels = tuple(sorted(count[1]))
    if (total[0], count[0]) != (f"{family}_sum", f"{family}_count") or tuple(sorted(total[1])) != labels:
        return None
    bounds = []
    for name, own in buckets:
        rest = tuple(sorted(label for label in own if label[0] != "le"))
        if name != f"{family}_bucket" or rest != labels or "le" in dict(labels):
            return None
        bounds.append(_bound(dict(own).get("le", "")))
    *finite, last = bounds
    rising = all(low < high for low, high in zip([-1.0, *finite], bounds, strict=False))
    return labels if rising and last == math.inf and dict(buckets[-1][1])["le"] == "+Inf" else None


def _bound(text: str) -> float:
    """A bucket's upper bound; NaN, which is above nothing, for what is none."""
    try:
        bound = float(text)
    except ValueError:
        return math.nan
    return bound if bound >= 0 else math.nan
