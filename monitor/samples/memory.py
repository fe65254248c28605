"""Keeps the recent samples in memory, bounded by age and number, and counts what it had to refuse or forget."""

from collections.abc import Sequence
from itertools import repeat
from threading import Lock

from alerts.promql import Matcher
from monitor.samples import chunk
from monitor.samples.index import Index
from monitor.samples.series import Series
from monitor.samples.sheet import KEPT, SIZE, Columns, Sheet
from probes.base import Labels

#: Series looked at for what is too old, each time that some chunk is full.
_SWEEP = 200
#: While full, room for new series is looked for this often, not at each of thousands of refused samples (milliseconds).
_FULL_SWEEP_MS = 1000
#: Series that begin together pack their first samples at so many different moments.
_PHASES = 59  # prime, as probes have alike many series


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
            return self._append(labels, at_ms, value)

    def append_row(self, columns: Columns, at_ms: int, values: Sequence[float]) -> bool:
        """Remember samples of one moment that always come together; answers whether all were taken.

        The same `columns` are passed each time, and a value for each. A row that is not later than the one before is
        refused as a whole.
        """
        with self._lock:
            sheet = columns.sheet
            if sheet is None or sheet.torn:
                sheet = self._seat(columns, at_ms)
                if sheet is None:  # not all of them can sit on one sheet now
                    taken = [self._append(*one) for one in zip(columns.labels, repeat(at_ms), values, strict=False)]
                    return all(taken)
            if not self._has_room(sheet.width):
                self.refused["samples"] += sheet.width
                return False
            if not sheet.takes(at_ms):
                self.refused["order"] += sheet.width
                return False
            if not sheet.reaches(at_ms):
                sheet = self._next_sheet(columns, sheet, at_ms)
            sheet.add(at_ms, values)
            self._count += sheet.width
            return True

    def adopt(self, labels: Labels, packed: bytes) -> bool:
        """Remember a whole chunk (monitor.samples.chunk) at once, as `append` does one sample."""
        first, last = chunk.span(packed)
        with self._lock:
            series = self._index.get(labels) or self._create(labels, first)
            if series is None:
                return False
            if series.sheet is not None:
                series.sheet.tear()
            if not self._has_room(chunk.count(packed)):
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

    def _append(self, labels: Labels, at_ms: int, value: float) -> bool:
        series = self._index.get(labels)
        if series is None:
            series = self._create(labels, at_ms)
            if series is None:
                return False
        elif series.sheet is not None:
            series.sheet.tear()
        if not self._has_room(1):
            self.refused["samples"] += 1
            return False
        before = series.state.closed
        if not series.append(at_ms, value):
            self.refused["order"] += 1
            return False
        self._count += 1
        if series.state.closed is not before:
            self._newest_ms = max(self._newest_ms, at_ms)
            self._sweep()
        return True

    def _seat(self, columns: Columns, at_ms: int) -> Sheet | None:
        """A new sheet for all series of these columns; None where one of them has a later sample, or has no room."""
        columns.sheet = None
        known = [self._index.get(labels) for labels in columns.labels]
        if len(self._index) + known.count(None) > self.max_series or len(set(columns.labels)) < len(known):
            return None
        if any(series is not None and series.last_ms() >= at_ms for series in known):
            return None
        members = [series or self._add(labels) for series, labels in zip(known, columns.labels, strict=True)]
        for member in members:
            if member.sheet is not None:
                member.sheet.tear()
        sheet = Sheet(members, at_ms, SIZE - members[0].phase // 2) if members else None
        if sheet is not None:
            columns.labels, columns.sheet = [member.labels for member in members], sheet
            for place, member in enumerate(members):
                member.sit(sheet, place)
        return sheet

    def _next_sheet(self, columns: Columns, sheet: Sheet, at_ms: int) -> Sheet:
        """The sheet that goes on where this one is full."""
        new = sheet.packed() if len(sheet.offsets) > KEPT else None
        if new is None or not new.reaches(at_ms):
            (new or sheet).tear()
            new = self._seat(columns, at_ms)
            assert new is not None, "every series was there, and is older than the row"
        columns.sheet = new
        self._newest_ms = max(self._newest_ms, at_ms)
        self._sweep()
        return new

    def _create(self, labels: Labels, at_ms: int) -> Series | None:
        if len(self._index) >= self.max_series:
            if at_ms - self._swept_ms >= _FULL_SWEEP_MS:
                self._swept_ms = self._newest_ms = max(self._newest_ms, at_ms)
                self._sweep()
            if len(self._index) >= self.max_series:
                self.refused["series"] += 1
                return None
        return self._add(labels)

    def _add(self, labels: Labels) -> Series:
        self._created += 1
        series = Series(self._index.own(labels), self._created % _PHASES)
        self._index.add(series)
        return series

    def _forget(self, series: Series) -> None:
        if series.sheet is not None:
            series.sheet.tear()
        self._count -= series.count()
        self._index.remove(series)

    def _sweep(self) -> None:
        """Forget what is too old in some series; the next call goes on with others."""
        oldest = self._newest_ms - self.max_age_ms
        if not self._unswept:
            self._unswept = self._index.all()
        some = self._unswept[-_SWEEP:]
        del self._unswept[-_SWEEP:]
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

    def _has_room(self, wanted: int) -> bool:
        """Whether so many samples fit. Where they do not, the oldest chunks of some series are forgotten first."""
        if self._count + wanted <= self.max_samples:
            return True
        for _ in range(1 + len(self._index) // _SWEEP):
            if not self._unswept:
                self._unswept = self._index.all()
            some = self._unswept[-_SWEEP:]
            del self._unswept[-_SWEEP:]
            for series in some:
                gone = series.drop_oldest() if self._index.get(series.labels) is series else 0
                self.evicted["samples"] += gone
                self._count -= gone
            if self._count + wanted <= self.max_samples:
                return True
        return False
