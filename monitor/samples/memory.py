"""Keeps the recent samples in memory, bounded by age and number, and counts what it had to refuse or forget."""

from collections.abc import Sequence
from itertools import repeat
from threading import Lock

from alerts.promql import Matcher
from monitor.samples import chunk
from monitor.samples.index import Index
from monitor.samples.series import Seat, Series
from monitor.samples.sheet import SIZE, Columns, Sheet
from probes.base import Labels

#: So many series, or sheets of them, are looked at for what is too old, at most so often (milliseconds): not each time
#: that one of thousands of chunks is full, nor at each of thousands of samples refused while there is no room.
_SWEEP, _SWEEP_MS = 200, 1000
#: Series that begin together pack their first samples at so many different moments.
_PHASES = 59  # prime, as probes have alike many series
_FOR_EVER = 1 << 62


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
        self._unswept: list[Series | Sheet] = []

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
                sheet = columns.sheet = self._seat(columns, at_ms)
                if sheet is None:  # not all of them can sit on one sheet now
                    taken = [self._append(*one) for one in zip(columns.labels, repeat(at_ms), values, strict=False)]
                    return all(taken)
            width = sheet.form.width
            if not self._has_room(width):
                self.refused["samples"] += width
                return False
            if not sheet.takes(at_ms):
                self.refused["order"] += width
                return False
            packed = sheet.add(at_ms, values)
            self._count += width
            if packed:
                self._sweep(at_ms)
            return True

    def adopt(self, labels: Labels, packed: bytes) -> bool:
        """Remember a whole chunk (monitor.samples.chunk) at once, as `append` does one sample."""
        first, last = chunk.span(packed)
        with self._lock:
            series = self._alone(labels) or self._create(labels, first)
            if series is None:
                return False
            if not self._has_room(chunk.count(packed)):
                self.refused["samples"] += chunk.count(packed)
                return False
            if not series.adopt(packed):
                self.refused["order"] += chunk.count(packed)
                return False
            self._count += chunk.count(packed)
            self._newest_ms = max(self._newest_ms, last)
            return True

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> list[Series | Seat]:
        """Every series that fits all matchers, whether or not it has samples between the two times."""
        found = self._index.select(matchers)
        if found is None:  # it is rare that series move, and takes a moment
            with self._lock:
                found = self._index.select(matchers)
        assert found is not None, "nothing moves while we have the lock"
        return found

    def last(self, labels: Labels) -> float | None:
        """The newest value of a series, or None where there is none."""
        series = self._index.get(labels)
        newest = series.latest(0, _FOR_EVER) if series is not None else None
        return newest[1] if newest is not None else None

    def remove(self, labels: Labels) -> bool:
        """Forget a series at once, with its samples; answers whether there was one."""
        with self._lock:
            series = self._alone(labels)
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
        series = self._alone(labels) or self._create(labels, at_ms)
        if series is None:
            return False
        if not self._has_room(1):
            self.refused["samples"] += 1
            return False
        before = series.state.closed
        if not series.append(at_ms, value):
            self.refused["order"] += 1
            return False
        self._count += 1
        if series.state.closed is not before:
            self._sweep(at_ms)
        return True

    def _seat(self, columns: Columns, at_ms: int) -> Sheet | None:
        """A new sheet for all series of these columns; None where one of them has a later sample, or has no room."""
        form = self._index.form(columns.own, columns.base)
        known = [self._index.get(form.labels(columns.base, place)) for place in range(form.width)]
        if len(self._index) + known.count(None) > self.max_series or len(form.places) < form.width or not known:
            return None
        if any(series is not None and series.last_ms() >= at_ms for series in known):
            return None
        self._created += 1
        sheet = Sheet(form, columns.base, at_ms, SIZE - self._created % _PHASES // 2)
        if all(series is None for series in known):
            self._index.add(sheet)
            return sheet
        for series in known:
            if isinstance(series, Seat) and not series.sheet.torn:
                self._tear(series.sheet)
        alike: dict[tuple[bytes, ...], tuple[bytes, ...]] = {}  # states and counts that stand still are many
        with self._index.moving():
            for place in range(form.width):
                single = self._alone(form.labels(columns.base, place))
                if single is not None:
                    if chunks := single.whole():
                        sheet.older[place] = alike.setdefault(chunks, chunks)
                    self._index.remove(single)
            self._index.add(sheet)
        return sheet

    def _alone(self, labels: Labels) -> Series | None:
        """The series with these labels by itself: if it is on a sheet, all that are on it leave it."""
        found = self._index.get(labels)
        if isinstance(found, Seat):
            self._tear(found.sheet)
            found = self._index.get(labels)
        assert not isinstance(found, Seat), "a torn sheet is not in the index"
        return found

    def _tear(self, sheet: Sheet) -> None:
        """Let every series on a sheet go on by itself."""
        with self._index.moving():
            self._index.remove(sheet)
            for place in range(sheet.form.width):
                labels = self._index.own(sheet.form.labels(sheet.base, place))
                self._created += 1
                self._index.add(Series.off(sheet, place, labels, self._created % _PHASES))

    def _create(self, labels: Labels, at_ms: int) -> Series | None:
        if len(self._index) >= self.max_series:
            self._sweep(at_ms)
            if len(self._index) >= self.max_series:
                self.refused["series"] += 1
                return None
        return self._add(labels)

    def _add(self, labels: Labels) -> Series:
        self._created += 1
        series = Series(self._index.own(labels), self._created % _PHASES)
        self._index.add(series)
        return series

    def _forget(self, one: Series | Sheet) -> None:
        self._count -= one.count()
        self._index.remove(one)

    def _sweep(self, at_ms: int) -> None:
        """Forget what is too old in some series, now and then; the next time it goes on with others."""
        if at_ms - self._swept_ms < _SWEEP_MS:
            return
        self._swept_ms = self._newest_ms = max(self._newest_ms, at_ms)
        oldest = self._newest_ms - self.max_age_ms
        if not self._unswept:
            self._unswept = self._index.all()
        some = self._unswept[-_SWEEP:]
        del self._unswept[-_SWEEP:]
        for one in some:
            if not self._index.holds(one):
                continue
            if one.last_ms() < oldest:
                self.evicted["age"] += one.count()
                self._forget(one)
            else:
                gone = one.drop_before(oldest)
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
            for one in some:
                gone = one.drop_oldest() if self._index.holds(one) else 0
                self.evicted["samples"] += gone
                self._count -= gone
            if self._count + wanted <= self.max_samples:
                return True
        return False
