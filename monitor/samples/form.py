"""A form: what alike sheets have in common, which is everything but their rows and the labels of their probe."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING

from alerts.promql import Matcher
from probes.base import Labels

if TYPE_CHECKING:
    from monitor.samples.sheet import Sheet

NAME, PROBE = "__name__", "probe"


class Form:
    """The series of a sheet by their own labels, `__name__` among them, beside the labels `beside` of their probe.

    Kept once for all sheets that look so, as labels of 250,000 series would weigh more than a minute of their samples.
    """

    __slots__ = ("_merges", "beside", "names", "own", "places", "probes", "sheets", "width")

    def __init__(self, own: Sequence[Labels], beside: tuple[str, ...]) -> None:
        self.own = tuple([tuple(one) for one in own])
        self.width = len(self.own)
        self.beside = beside
        #: Where each series is, and the places of each metric.
        self.places = {tuple(sorted(one)): place for place, one in enumerate(self.own)}
        self.names: dict[str, list[int]] = {}
        #: The probes whose series these are, where the sheet itself does not say so.
        self.probes = () if PROBE in beside else tuple({dict(one).get(PROBE, ""): None for one in self.own})
        self._merges = [_merge((*beside, *(name for name, _ in one))) for one in self.own]
        for place, one in enumerate(self.own):
            self.names.setdefault(dict(one).get(NAME, ""), []).append(place)
        #: Every sheet of this form that is in use, in the order of their beginnings.
        self.sheets: dict[Sheet, None] = {}

    def labels(self, base: Labels, place: int) -> Labels:
        """All labels of one series, sorted; `base` are those of the sheet."""
        return self._merges[place](base + self.own[place])

    def probes_of(self, base: Labels) -> tuple[str, ...]:
        """The probes whose series are on a sheet; an empty text stands for none."""
        return self.probes or tuple([value for name, value in base if name == PROBE])

    def place(self, base: Labels, labels: Labels) -> int | None:
        """Where the series with these labels is on a sheet, if it is."""
        own = tuple([pair for pair in labels if pair not in base])
        return self.places.get(own) if len(own) + len(base) == len(labels) else None

    def fitting(self, matchers: Iterable[Matcher], places: Collection[int]) -> tuple[list[int], list[Matcher]]:
        """Those places that may fit, and what is still to be asked of the labels of each sheet."""
        asked: list[Matcher] = []
        rest: list[Matcher] = []
        for matcher in matchers:
            (rest if matcher.name in self.beside else asked).append(matcher)
        return [place for place in places if all(m.matches_labels(self.own[place]) for m in asked)], rest


@lru_cache(maxsize=4096)
def _merge(names: tuple[str, ...]) -> Callable[[Labels], Labels]:
    """Puts labels of these names into their order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    return itemgetter(*order) if len(order) > 1 else lambda labels: labels
