"""The timer heap: which probes are due, in order, and how many of their slots have gone by unserved."""

from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import NamedTuple

from monitor.prober.slots import Cadence


class Turn(NamedTuple):
    """A probe whose slot is due now, and how many older slots were overtaken before anybody asked."""

    probe: str
    due: float
    skipped: int


class _Plan:
    """A probe's next slot. One that is dropped stays in the heap until it surfaces."""

    __slots__ = ("cadence", "dropped", "due", "index", "probe")

    def __init__(self, probe: str, cadence: Cadence, index: int) -> None:
        self.probe, self.cadence = probe, cadence
        self.dropped = False
        self.put(index)

    def put(self, index: int) -> None:
        self.index, self.due = index, self.cadence.due(index)


class TimerHeap:
    """Every probe's next slot. The caller passes the schedule's time in, which never goes back."""

    def __init__(self) -> None:
        self._plans: dict[str, _Plan] = {}
        self._heap: list[tuple[float, int, _Plan]] = []
        self._numbers = count()  # no two entries are equal, so plans are never compared

    def __len__(self) -> int:
        return len(self._plans)

    def put(self, probe: str, cadence: Cadence, now: float) -> float | None:
        """Schedule a probe from its first slot on, and return when that is due.

        A probe that already runs at this cadence goes on undisturbed, and None is returned.
        """
        if probe in self._plans:
            if self._plans[probe].cadence == cadence:
                return None
            self.drop(probe)
        plan = self._plans[probe] = _Plan(probe, cadence, cadence.first(now))
        heappush(self._heap, self._entry(plan))
        return plan.due

    def drop(self, probe: str) -> None:
        """Forget a probe."""
        self._plans.pop(probe).dropped = True

    def due(self, probe: str) -> float:
        """When this probe's next slot is due."""
        return self._plans[probe].due

    def next_due(self) -> float | None:
        """When the next slot is due; None when there are no probes."""
        heap = self._heap
        while heap and heap[0][2].dropped:
            heappop(heap)
        return heap[0][0] if heap else None

    def take(self, now: float) -> list[Turn]:
        """The probes that are due, each once: with its newest due slot, and a count of those overtaken."""
        heap, turns = self._heap, []
        while heap and heap[0][0] <= now:
            due, _, plan = heap[0]
            if plan.dropped:
                heappop(heap)
                continue
            skipped = 0
            plan.put(plan.index + 1)
            if plan.due <= now:
                latest = plan.cadence.latest(now)
                due, skipped = plan.cadence.due(latest), latest + 1 - plan.index
                plan.put(latest + 1)
            turns.append(Turn(plan.probe, due, skipped))
            heapreplace(heap, self._entry(plan))
        return turns

    def _entry(self, plan: _Plan) -> tuple[float, int, _Plan]:
        return plan.due, next(self._numbers), plan
