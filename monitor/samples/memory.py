"""Keeps the recent samples in memory, bounded by age and number, and counts what it had to refuse or forget."""

from threading import Lock

from alerts.promql import Matcher
from monitor.samples import chunk
from monitor.samples.index import Index
from monitor.samples.series import Series
from probes.base import Labels

#: Series looked at for what is too old, each time that some chunk is full.
_SWEEP = 200
#: While full, room for new series is looked for this often, not at each of thousands of refused samples (milliseconds).
_FULL_SWEEP_MS = 1000


class Samples:
    """The storage that rules, charts and the query API read. Implements `alerts.promql.Storage`.

    `max_age` is seconds; older samples go chunk by chunk, as others arrive, and a series goes with its last sample.
    `max_samples` and `max_series` bound the memory: beyond the first the oldest samples go, beyond the second new
    series are refused. Any thread may append or read; readers never wait.
    """

    def __init__(self, max_age: float = 6 * 3600.0, max_samples: int = 60_000_000, max_series: int = 300_000) -> None:
        self.max_age_ms = round(max_age * 1000)
        self.max_samples = max_samples
        self.max_series = max_series
        #: Samples refused, by reason: `order` (not later than the series' newest), `series` and `samples` (full).
        self.refused: dict[str, int] = {"order": 0, "series": 0, "samples": 0}
        #: Samples forgotten, by reason: `age`, and `samples` (made room for newer ones).
        self.evicted: dict[str, int] = {"age": 0, "samples": 0}
        self._index = Index()
        self._lock = Lock()
        self._count = 0
        self._created = 0
        self._newest_ms = 0
        self._swept_ms = 0
        self._unswept: list[Series] = []

    @property
    def sample_count(self) -> int:
        """Samples held."""
        return self._count

    @property
    def series_count(self) -> int:
        """Series held."""
        return len(self._index)

    def append(self, labels: Labels, at_ms: int, value: float) -> bool:
        """Remember one sample; `labels` are sorted, with `__name__`. Answers whether it was taken."""
        with self._lock:
            series = self._index.get(labels)
            if series is None:
                series = self._create(labels, at_ms)
                if series is None:
                    return False
            if self._count >= self.max_samples and not self._make_room():
                self.refused["samples"] += 1
                return False
            before = series.state
            if not series.append(at_ms, value):
                self.refused["order"] += 1
                return False
            self._count += 1
            if series.state is not before:
                self._newest_ms = max(self._newest_ms, at_ms)
                self._sweep()
            return True

    def adopt(self, labels: Labels, packed: bytes) -> bool:
        """Remember a whole chunk (monitor.samples.chunk) at once, as `append` does one sample."""
        first, last = chunk.span(packed)
        with self._lock:
            series = self._index.get(labels) or self._create(labels, first)
            if series is None:
                return False
            if self._count + chunk.count(packed) > self.max_samples and not self._make_room():
                self.refused["samples"] += chunk.count(packed)
                return False
            if not series.adopt(packed):
                self.refused["order"] += chunk.count(packed)
                return False
            self._count += chunk.count(packed)
            self._newest_ms = max(self._newest_ms, last)
            return True

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> list[Series]:
        """Every series that fits all matchers, whether or not it has samples between the two times."""
        return self._index.select(matchers)

    def last(self, labels: Labels) -> float | None:
        """The newest value of a series, or None where there is none."""
        series = self._index.get(labels)
        newest = series.latest(0, series.last_ms()) if series is not None else None
        return newest[1] if newest is not None else None

    def remove(self, labels: Labels) -> bool:
        """Forget a series at once, with its samples; answers whether there was one."""
        with self._lock:
            series = self._index.get(labels)
            if series is None:
                return False
            self._forget(series)
            return True

    def label_names(self) -> list[str]:
        """Every label name in use, sorted."""
        return self._index.label_names()

    def label_values(self, name: str) -> list[str]:
        """Every value of a label, sorted."""
        return self._index.label_values(name)

    def _create(self, labels: Labels, at_ms: int) -> Series | None:
        if len(self._index) >= self.max_series:
            if at_ms - self._swept_ms >= _FULL_SWEEP_MS:
                self._swept_ms = self._newest_ms = max(self._newest_ms, at_ms)
                self._sweep()
            if len(self._index) >= self.max_series:
                self.refused["series"] += 1
                return None
        self._created += 1
        series = Series(self._created, self._index.own(labels), at_ms)
        self._index.add(series)
        return series

    def _forget(self, series: Series) -> None:
        self._count -= series.count()
        self._index.remove(series)

    def _sweep(self) -> None:
        """Forget what is too old in some series; the next call goes on with others."""
        oldest = self._newest_ms - self.max_age_ms
        if not self._unswept:
            self._unswept = self._index.all()
        some, self._unswept = self._unswept[-_SWEEP:], self._unswept[:-_SWEEP]
        for series in some:
            if self._index.get(series.labels) is not series:
                continue
            if series.last_ms() < oldest:
                self.evicted["age"] += series.count()
                self._forget(series)
            else:
                gone = series.drop_before(oldest)
                self.evicted["age"] += gone
                self._count -= gone

    def _make_room(self) -> bool:
        """Forget the oldest chunk of some series; answers whether a sample fits now."""
        for _ in range(1 + len(self._index) // _SWEEP):
            if self._count < self.max_samples:
                return True
            if not self._unswept:
                self._unswept = self._index.all()
            some, self._unswept = self._unswept[-_SWEEP:], self._unswept[:-_SWEEP]
            for series in some:
                gone = series.drop_oldest() if self._index.get(series.labels) is series else 0
                self.evicted["samples"] += gone
                self._count -= gone
        return self._count < self.max_samples
