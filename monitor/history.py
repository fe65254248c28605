"""What the small charts show: how long a probe's looks took, and when it was down."""

from collections.abc import Sequence

from alerts.promql import Matcher, SeriesView, Storage
from alerts.promql.stale import is_stale

Points = list[tuple[float, float | None]]
#: A chart is this many points wide at the most; more would be drawn on the same pixels.
_MOST_POINTS = 240


class History:
    """Reads charts from the samples in memory. Times are wall-clock seconds."""

    def __init__(self, samples: Storage) -> None:
        self._samples = samples

    def durations(self, probe: str, start: float, end: float) -> Points:
        """How long each look took; of many looks, the longest of each stretch."""
        points = [
            (at, None if is_stale(value) else value)
            for series in self._of("probe_duration_seconds", probe, start, end)
            for at, value in _window(series, start, end)
        ]
        stride = -(-len(points) // _MOST_POINTS) or 1
        return [max(points[i : i + stride], key=lambda point: point[1] or 0.0) for i in range(0, len(points), stride)]

    def downs(self, probe: str, start: float, end: float) -> Sequence[float]:
        """When it was down; of many moments, a selection."""
        times = [
            at
            for series in self._of("probe_success", probe, start, end)
            for at, value in _window(series, start, end)
            if value == 0
        ]
        return times[:: -(-len(times) // _MOST_POINTS) or 1]

    def _of(self, name: str, probe: str, start: float, end: float) -> list[SeriesView]:
        matchers = (Matcher("__name__", "=", name), Matcher("probe", "=", probe))
        return list(self._samples.select(matchers, round(start * 1000), round(end * 1000)))


def _window(series: SeriesView, start: float, end: float) -> list[tuple[float, float]]:
    times, values = series.window(round(start * 1000), round(end * 1000))
    return [(at / 1000, value) for at, value in zip(times, values, strict=True)]
