"""The samples of a test file, and whether a query has touched a native histogram among them."""

from bisect import bisect_right
from collections.abc import Sequence

from alerts.promql import Matcher
from probes.base import Labels
from tests.promqltest.notation import Native
from tests.promqltest.script import Load


class StoredSeries:
    """One series: floats by time, and the times of its native histograms."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.floats: dict[int, float] = {}
        self.natives: set[int] = set()
        self._times: list[int] = []

    def settle(self) -> None:
        """Put the samples in order of time, after a load."""
        self._times = sorted(self.floats)

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        index = bisect_right(self._times, until_ms)
        if index and (at := self._times[index - 1]) > after_ms:
            return at, self.floats[at]
        return None

    def window(self, after_ms: int, until_ms: int) -> tuple[Sequence[int], Sequence[float]]:
        times = self._times[bisect_right(self._times, after_ms) : bisect_right(self._times, until_ms)]
        return times, [self.floats[at] for at in times]


class Store:
    """All series of a test file."""

    def __init__(self) -> None:
        self._series: dict[Labels, StoredSeries] = {}
        self.touched_native = False

    def load(self, load: Load) -> None:
        """Add the samples of a load command; of two lines for one series, the last counts."""
        for line in {line.labels: line for line in load.lines}.values():
            series = self._get(line.labels)
            for step, point in enumerate(line.points):
                if isinstance(point, Native):
                    series.natives.add(step * load.step_ms)
                elif point is not None:
                    series.floats[step * load.step_ms] = point
            series.settle()
            if load.with_nhcb:
                self._add_nhcb(line.labels, set(series.floats))

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> list[StoredSeries]:
        found = [
            series
            for labels, series in self._series.items()
            if all(matcher.matches_labels(labels) for matcher in matchers)
        ]
        if any(start_ms < at <= end_ms for series in found for at in series.natives):
            self.touched_native = True
        return found

    def _get(self, labels: Labels) -> StoredSeries:
        return self._series.setdefault(labels, StoredSeries(labels))

    def _add_nhcb(self, labels: Labels, times: set[int]) -> None:
        pairs = dict(labels)
        name = pairs.get("__name__", "")
        for ending in ("_bucket", "_count", "_sum"):
            if name.endswith(ending):
                pairs["__name__"] = name.removesuffix(ending)
                pairs.pop("le", None)
                self._get(tuple(sorted(pairs.items()))).natives |= times
