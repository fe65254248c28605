"""Where results enter the service: shown on /metrics, remembered as samples, a reason to look at the rules again."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from monitor.latest import Latest
from monitor.metrics import Exposition, Reading
from monitor.prober.slots import Missed
from monitor.samples import Columns
from probes.base import Labels, Result


class Memory(Protocol):
    """Where samples are remembered."""

    def append(self, labels: Labels, at_ms: int, value: float) -> bool:
        """Remember one sample, `labels` being sorted and with __name__; answers whether it was taken."""

    def append_row(self, columns: Columns, at_ms: int, values: Sequence[float]) -> bool:
        """Remember samples of series that always come together; answers whether all were taken."""


class Intake:
    """Takes in what probers find. Everything happens on the event loop, in the order of arrival.

    `changed` is called once for a batch in which some probe's outcome is another than before.
    """

    def __init__(
        self,
        exposition: Exposition,
        memory: Memory,
        latest: Latest,
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._exposition, self._memory, self._latest = exposition, memory, latest
        self._changed, self._clock = changed, clock

    def take(self, results: list[Result]) -> None:
        """Take in a batch of results."""
        now = self._clock()
        changed = False
        for result in results:
            self.remember(self._exposition.update(result, now), now)
            changed |= self._latest.put(result)
        if changed:
            self._changed()

    def missed(self, missed: list[Missed]) -> None:
        """Count slots that ended without a look."""
        now = self._clock()
        for some in missed:
            self.remember(self._exposition.missed(some, now), now)

    def refresh(self) -> None:
        """Remember again what nothing has refreshed, as a scrape would, and how Shopwatch itself is."""
        now = self._clock()
        self.remember(self._exposition.refresh(now), now)

    def remember(self, readings: Iterable[Reading], now: float) -> None:
        """Append readings to the samples in memory."""
        at = round(now * 1000)
        for columns, values, last in readings:
            if last:
                for labels, value in zip(columns.labels, values, strict=True):
                    self._memory.append(labels, at, value)
            else:
                self._memory.append_row(columns, at, values)
