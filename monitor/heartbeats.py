"""The jobs that report by themselves: since when we expect each, and what it said last."""

import threading
import time
from collections.abc import Callable, Iterable

from monitor.store import Store, heartbeats
from probes.base import Beat

#: Since when we expect a job (wall clock, UTC), and its newest report.
Heard = tuple[float, Beat | None]

_BURST = 10.0


class Heartbeats:
    """The newest report of every expected job, in memory for the probes and in the store for the next start.

    A job may report once a second, ten times in a burst; what is over that is refused, for each report is a write.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._beats: dict[str, Heard] = {}
        self._lock = threading.Lock()
        self._listens = False
        self._allowance: dict[str, tuple[float, float]] = {}

    def expect(self, probes: Iterable[str]) -> None:
        """Expect reports of these probes' jobs. Waits for the store: call it at start, or in a thread."""
        names, now = list(probes), self._clock()
        if not self._listens:
            self._store.transaction(lambda connection: heartbeats.resume(connection, now))
            self._listens = True
        self._store.transaction(lambda connection: heartbeats.expect(connection, names, now))
        stored = self._store.transaction(heartbeats.read)
        with self._lock:  # a report may have come in since the store was read
            self._beats = {name: _newer(stored[name], self._beats.get(name)) for name in names}

    def listening(self) -> None:
        """We are up and could hear a report: call it every few seconds, it does not wait for the store."""
        if self._beats:
            now = self._clock()
            self._store.submit(lambda connection: heartbeats.listening(connection, now))

    def of(self, probe: str) -> Heard:
        """Since when we expect this probe's job (wall clock, UTC), and its newest report."""
        return self._beats.get(probe, (self._clock(), None))

    async def report(self, probe: str, ok: bool, message: str) -> bool:
        """Take in a job's report, and return when it is on disk; False if the job reports too often.

        Raises KeyError for a job that is not expected, and StoreError.
        """
        self._beats[probe]  # a job that is not expected is refused before anything is written
        if not self._may(probe):
            return False
        beat = Beat(self._clock(), ok, message)
        await self._store.atransaction(lambda connection: heartbeats.report(connection, probe, beat))
        with self._lock:
            since, _ = self._beats.get(probe, (beat.at, None))
            self._beats[probe] = (since, beat)
        return True

    def _may(self, probe: str) -> bool:
        now = self._clock()
        left, at = self._allowance.get(probe, (_BURST, now))
        left = min(_BURST, left + max(0.0, now - at))
        self._allowance[probe] = (max(0.0, left - 1.0), now)
        return left >= 1.0


def _newer(stored: Heard, held: Heard | None) -> Heard:
    beat = held[1] if held else None
    return stored if held is None or beat is None or (stored[1] and stored[1].at >= beat.at) else held
