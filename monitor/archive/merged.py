"""Reads samples as if memory went back for months: what is recent from memory, what is older from the archive."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from alerts.promql import Matcher, SeriesView
from monitor.archive.thin import is_counter, thin
from probes.base import Labels

if TYPE_CHECKING:
    from monitor.archive.tier import Tier
    from monitor.samples import Samples


class Past(Protocol):
    """What the archive tells about itself."""

    def since(self) -> int:
        """From here on (milliseconds) memory holds everything."""

    def tier(self, start_ms: int) -> "Tier":
        """The finest resolution that reaches back to a time."""

    def tiers(self) -> "Sequence[Tier]":
        """Every resolution."""


class Merged:
    """The storage of rules and queries. Implements `alerts.promql.Storage`.

    What memory holds is answered by memory alone. A span that begins earlier is answered in one resolution throughout,
    its recent end included: an average over thirty days must not weigh the last hours twelvefold.
    """

    def __init__(self, memory: "Samples", past: Past) -> None:
        self._memory, self._past = memory, past

    def select(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> Sequence[SeriesView]:
        """Every series that fits all matchers, in memory or in the archive."""
        recent = self._memory.select(matchers, start_ms, end_ms)
        if start_ms >= self._past.since():
            return recent
        tier = self._past.tier(start_ms)
        kept: dict[Labels, SeriesView] = {one.labels: one for one in tier.samples.select(matchers, start_ms, end_ms)}
        if not kept:
            return recent
        views: list[SeriesView] = []
        for series in recent:
            old = kept.pop(series.labels, None)
            views.append(series if old is None else _View(old, series, tier.resolution_ms))
        return views + list(kept.values())

    def label_names(self) -> list[str]:
        """Every label name in use, sorted."""
        return sorted({name for samples in self._all() for name in samples.label_names()})

    def label_values(self, name: str) -> list[str]:
        """Every value of a label, sorted."""
        return sorted({value for samples in self._all() for value in samples.label_values(name)})

    def _all(self) -> "list[Samples]":
        return [self._memory, *(tier.samples for tier in self._past.tiers())]


class _View:
    """One series, of which the archive has the older part."""

    __slots__ = ("_old", "_recent", "_resolution_ms", "labels")

    def __init__(self, old: SeriesView, recent: SeriesView, resolution_ms: int) -> None:
        self.labels = recent.labels
        self._old, self._recent, self._resolution_ms = old, recent, resolution_ms

    def latest(self, after_ms: int, until_ms: int) -> tuple[int, float] | None:
        """The newest sample; memory's where it has one."""
        return self._recent.latest(after_ms, until_ms) or self._old.latest(after_ms, until_ms)

    def window(self, after_ms: int, until_ms: int) -> tuple[Sequence[int], Sequence[float]]:
        """All samples in the archive's resolution, up to the newest."""
        times, values = self._old.window(after_ms, until_ms)
        known = times[-1] if times else after_ms
        newer = self._recent.window(known, until_ms)
        if not newer[0]:
            return times, values
        counter = is_counter(dict(self.labels)["__name__"])
        before = values[-1] if values else float("nan")
        more, found = thin(*newer, self._resolution_ms, counter=counter, before=before)
        return [*times, *more], [*values, *found]
