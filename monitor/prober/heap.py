"""The timer heap: which probes are due, in order, and how many of their slots have gone by unserved."""

from heapq import heappop, heappush
from typing import NamedTuple

from monitor.prober.slots import Cadence


class Turn(NamedTuple):
    """A probe whose slot is due now, and how many older slots were overtaken before anybody asked."""

    probe: str
    due: float
    skipped: int


class TimerHeap:
    """Every probe's next slot. The caller passes the schedule's time in, which never goes back."""

    def __init__(self) -> None:
        self._next: dict[str, tuple[Cadence, int]] = {}
        self._heap: list[tuple[float, str, int]] = []

    def __len__(self) -> int:
        return len(self._next)

    def put(self, probe: str, cadence: Cadence, now: float) -> float | None:
        """Schedule a probe from its first slot on, and return when that is due.

        A probe that already runs at this cadence goes on undisturbed, and None is returned.
        """
        if probe in self._next and self._next[probe][0] == cadence:
            return None
        return self._push(probe, cadence, cadence.first(now))

    def drop(self, probe: str) -> None:
        """Forget a probe."""
        del self._next[probe]

    def due(self, probe: str) -> float:
        """When this probe's next slot is due."""
        cadence, index = self._next[probe]
        return cadence.due(index)

    def next_due(self) -> float | None:
        """When the next slot is due; None when there are no probes."""
        while self._heap and not self._is_current(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[Turn]:
        """The probes that are due, each once: with its newest due slot, and a count of those overtaken."""
        turns = []
        while self._heap and self._heap[0][0] <= now:
            entry = heappop(self._heap)
            if not self._is_current(entry):
                continue
            _, probe, index = entry
            cadence = self._next[probe][0]
            latest = max(index, cadence.latest(now))
            turns.append(Turn(probe, cadence.due(latest), latest - index))
            self._push(probe, cadence, latest + 1)
        return turns

    def _push(self, probe: str, cadence: Cadence, index: int) -> float:
        due = cadence.due(index)
        self._next[probe] = (cadence, index)
        heappush(self._heap, (due, probe, index))
        return due

    def _is_current(self, entry: tuple[float, str, int]) -> bool:
        """Entries of a dropped or rescheduled probe stay in the heap until they surface."""
        due, probe, index = entry
        kept = self._next.get(probe)
        return kept is not None and kept[1] == index and kept[0].due(index) == due
