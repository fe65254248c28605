"""Measures what is usual for the orders at this time of the week: /metrics shows it, and rules compare with it.

The counts themselves are recorded by a rule of the pack `orders` and kept by the archive; asked for at the same time on
the wall clock of past weeks, they are what no PromQL can say: `offset 1w` knows neither clocks nor holidays.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from alerts.baseline import MOST, expected, floor
from alerts.calendar import Calendar
from alerts.rule import Query, RuleFailed, milliseconds
from probes.base import Labels

_log = logging.getLogger(__name__)

#: What the pack `orders` records: orders in the last half hour.
COUNTED = "shop:orders:increase30m"
EVERY = 60.0


class Usual(NamedTuple):
    """What is usual for one series of counts now: the count itself, and the least that chance explains."""

    labels: Labels
    expected: float
    floor: float


class Baseline:
    """Looks once a minute. `query` answers PromQL at a time (milliseconds), months back; `clock` is seconds UTC."""

    def __init__(self, query: Query, clock: Callable[[], float]) -> None:
        self._query, self._clock = query, clock
        self.calendar = Calendar()  # a reload replaces it
        self._usual: tuple[Usual, ...] = ()

    @property
    def usual(self) -> tuple[Usual, ...]:
        """What the last look found; nothing on a holiday, and for what is younger than two weeks."""
        return self._usual

    async def run(self) -> None:
        """Look again and again, outside the event loop."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except Exception:  # one bad look must not end the looks; what cannot be compared is not shown
                self._usual = ()
                _log.exception("what is usual for the orders could not be measured")
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """Measure now."""
        now = self._clock()
        if self.calendar.holiday(now):
            self._usual = ()
            return
        counts: dict[Labels, list[float]] = {}
        for moment in self.calendar.same_time(now, MOST):
            for labels, count in self._ask(moment):
                counts.setdefault(labels, []).append(count)
        found = ((labels, expected(series)) for labels, series in sorted(counts.items()))
        self._usual = tuple(Usual(labels, mean, floor(mean)) for labels, mean in found if mean is not None)

    def _ask(self, moment: float) -> list[tuple[Labels, float]]:
        try:
            found = self._query(COUNTED, milliseconds(moment))
        except RuleFailed as failed:
            _log.warning("the orders of an earlier week could not be read: %s", failed)
            return []
        return [(_own(labels), value) for labels, value in found if value >= 0]


def _own(labels: Labels) -> Labels:
    return tuple((name, value) for name, value in labels if name != "__name__")
