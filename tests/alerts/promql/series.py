"""A storage for tests: plain lists, looked through one by one."""

from dataclasses import dataclass, field

from alerts.promql import Matcher
from probes.base import Labels


@dataclass
class PlainSeries:
    labels: Labels
    points: list[tuple[int, float]]

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        times, values = self.window(after_ms, until_ms)
        return (times[-1], values[-1]) if times else None

    def window(self, after_ms: int, until_ms: int) -> tuple[list[int], list[float]]:
        inside = [(at, value) for at, value in self.points if after_ms < at <= until_ms]
        return [at for at, _ in inside], [value for _, value in inside]


@dataclass
class PlainStorage:
    series: list[PlainSeries] = field(default_factory=list)

    def add(self, name: str, points: list[tuple[int, float]], **labels: str) -> "PlainStorage":
        self.series.append(PlainSeries(tuple(sorted({"__name__": name, **labels}.items())), points))
        return self

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> list[PlainSeries]:
        return [one for one in self.series if all(matcher.matches_labels(one.labels) for matcher in matchers)]


def counting(count: int, step_ms: int = 15_000) -> list[tuple[int, float]]:
    """Samples 0, 1, 2 … at even distances from time 0."""
    return [(index * step_ms, float(index)) for index in range(count)]
