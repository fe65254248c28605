"""What the query engine asks of whoever keeps the samples. Times are milliseconds since 1970, UTC."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from alerts.promql.matcher import Matcher
from probes.base import Labels


class SeriesView(Protocol):
    """One series as a query sees it. Both methods leave out the left end of the time span and include the right."""

    @property
    def labels(self) -> Labels:
        """Sorted (name, value) pairs, `__name__` among them; no value is empty."""

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample with after_ms < time <= until_ms, stale markers included, or None."""

    def window(self, after_ms: int, until_ms: int) -> tuple[Sequence[int], Sequence[float]]:
        """Times (ascending) and values of all samples with after_ms < time <= until_ms, stale markers included."""


class Storage(Protocol):
    """Where the samples are."""

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> Iterable[SeriesView]:
        """Every series that fits all matchers; one without samples in start_ms..end_ms may be left out."""
