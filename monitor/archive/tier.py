"""One resolution of the archive: a sample a minute for the last days, or one every three minutes for the months."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from monitor.archive.bundle import Bundle, pack
from monitor.archive.thin import is_counter, thin
from monitor.archive.wanted import Selector
from monitor.samples import Samples
from monitor.samples.chunk import SIZE, count, span, unpack
from probes.base import Labels

#: What a chunk must hold to be taken in as it is; smaller ones are joined.
_WORTH_KEEPING = SIZE // 2


class Piece(NamedTuple):
    """What is written at once: a bundle, and whether it stands for everything written of its span so far."""

    bundle: Bundle
    whole: bool


class Tier:
    """Thinned samples in memory, and how much of them is in the store. Times are milliseconds.

    One bundle holds all series of one span; a span is as many samples as fill one chunk. It is written piece by piece
    while it lasts, and once more as a whole when it is over, so that the store holds few rows.
    """

    def __init__(self, resolution: float, max_age: float, max_samples: int, max_series: int) -> None:
        self.resolution_ms = round(resolution * 1000)
        self.span_ms = self.resolution_ms * SIZE
        self.samples = Samples(max_age, max_samples, max_series)
        #: Up to here samples were taken from memory, and up to here they are in the store.
        self.taken_ms = self.saved_ms = 0

    def take(self, memory: Samples, selectors: Iterable[Selector], upto_ms: int) -> None:
        """Take from memory what came since the last time, up to a moment."""
        if upto_ms <= self.taken_ms:
            return
        seen: set[Labels] = set()
        for matchers in selectors:
            for series in memory.select(matchers, self.taken_ms, upto_ms):
                if series.labels in seen:
                    continue
                seen.add(series.labels)
                times, values = series.window(self.taken_ms, upto_ms)
                if times:
                    self._add(series.labels, times, values)
        self.taken_ms = upto_ms

    def floor(self, at_ms: int) -> int:
        """The last end of a stretch at or before a time."""
        return at_ms // self.resolution_ms * self.resolution_ms

    def pieces(self) -> Iterator[Piece]:
        """What the store lacks, the oldest first. Spans without a sample have none."""
        oldest = max(self.saved_ms, self.taken_ms - self.samples.max_age_ms)
        begin = oldest // self.span_ms * self.span_ms
        while begin < self.taken_ms:
            end = begin + self.span_ms
            whole = end <= self.taken_ms
            after = begin if whole else max(begin, self.saved_ms)
            bundle = self._bundle(after, min(end, self.taken_ms))
            if bundle is not None:
                yield Piece(bundle, whole)
            begin = end

    def load(self, bundles: Iterable[Bundle]) -> None:
        """Take up what the store holds, the oldest first."""
        for bundle in bundles:
            for labels, chunk in bundle.series:
                self._load(labels, chunk)
            self.taken_ms = max(self.taken_ms, bundle.end_ms)
        self.saved_ms = self.taken_ms

    def _add(self, labels: Labels, times: Sequence[int], values: Sequence[float]) -> None:
        last = self.samples.last(labels)
        before = last if last is not None else float("nan")
        counter = is_counter(dict(labels)["__name__"])
        for at, value in zip(*thin(times, values, self.resolution_ms, counter=counter, before=before), strict=True):
            self.samples.append(labels, at, value)

    def _load(self, labels: Labels, chunk: bytes) -> None:
        if count(chunk) >= _WORTH_KEEPING and self.samples.adopt(labels, chunk):
            return
        for at, value in zip(*unpack(chunk), strict=True):
            self.samples.append(labels, at, value)

    def _bundle(self, after_ms: int, until_ms: int) -> Bundle | None:
        series = []
        for one in self.samples.select((), after_ms, until_ms):
            times, values = one.window(after_ms, until_ms)
            if times:
                series.append((one.labels, pack(times, values)))
        if not series:
            return None
        first = min(span(chunk)[0] for _, chunk in series)
        return Bundle(first, until_ms, tuple(series))
