"""Samples in memory for one unit test of rules."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from alerts.promql import Matcher
from alerts.promql.stale import STALE
from probes.base import Labels


class MadeUp:
    """One series of a test."""

    __slots__ = ("labels", "times", "values")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.times: list[int] = []
        self.values: list[float] = []

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample with after_ms < time <= until_ms."""
        place = bisect_right(self.times, until_ms) - 1
        return (self.times[place], self.values[place]) if place >= 0 and self.times[place] > after_ms else None

    def window(self, after_ms: int, until_ms: int) -> tuple[Sequence[int], Sequence[float]]:
        """All samples with after_ms < time <= until_ms."""
        first, last = bisect_right(self.times, after_ms), bisect_right(self.times, until_ms)
        return self.times[first:last], self.values[first:last]


class TestSamples:
    """The samples of one test: those of its input series that have come so far, and those that rules record."""

    __test__ = False  # pytest: this is no test class

    def __init__(self) -> None:
        self._series: dict[Labels, MadeUp] = {}
        self._by_name: dict[str, list[MadeUp]] = {}

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> Iterable[MadeUp]:
        """Every series that fits all matchers."""
        name = next((matcher.value for matcher in matchers if matcher.name == "__name__" and matcher.op == "="), None)
        candidates: Iterable[MadeUp] = self._series.values() if name is None else self._by_name.get(name, ())
        return [series for series in candidates if all(matcher.matches_labels(series.labels) for matcher in matchers)]

    def append(self, labels: Labels, at: int, value: float | None) -> bool:
        """Store a sample (None: stale); False when the series has a newer one, or another value at this time."""
        number = STALE if value is None else value
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = MadeUp(labels)
            name = next((text for key, text in labels if key == "__name__"), "")
            self._by_name.setdefault(name, []).append(series)
        if series.times and at <= series.times[-1]:
            return at == series.times[-1] and repr(series.values[-1]) == repr(number)
        series.times.append(at)
        series.values.append(number)
        return True
