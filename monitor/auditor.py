"""The auditor inside the pager: looks whether every open incident is being taken care of, and says what is not."""

import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection

from alerts.audit import Complaint, Fault, audit
from monitor.store import Store, StoreError, incidents, outbox

_log = logging.getLogger(__name__)

#: How often to look, in seconds.
EVERY = 30.0


class Auditor:
    """Looks every EVERY seconds when asked. An outside watcher should hear of us only while `trusted` answers true."""

    def __init__(self, store: Store, clock: Callable[[], float], registry: CollectorRegistry) -> None:
        self._store, self._clock = store, clock
        self._looked_at: float | None = None
        self._complaints: tuple[Complaint, ...] = ()
        self._faults = Gauge(
            "shopwatch_paging_faults",
            "What the auditor finds wrong with open incidents: overdue, untold, exhausted or undelivered.",
            ["fault"],
            registry=registry,
        )
        for fault in Fault:
            self._faults.labels(fault.value).set(0)

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """What was wrong at the last look."""
        return self._complaints

    @property
    def trusted(self) -> bool:
        """Whether we looked lately, and found that our own part is done. That nobody answers is not our failing."""
        late = self._looked_at is None or self._clock() - self._looked_at > 3 * EVERY
        return not late and all(complaint.fault is Fault.EXHAUSTED for complaint in self._complaints)

    def look(self) -> None:
        """Look, if it is time. What cannot be looked at is not trusted."""
        now = self._clock()
        if self._looked_at is not None and 0 <= now - self._looked_at < EVERY:
            return
        try:
            found = tuple(self._store.transaction(lambda connection: _audit(connection, now)))
        except StoreError as error:
            _log.error("the incidents cannot be audited: %s", error)
            return
        for complaint in found:
            if complaint not in self._complaints:
                _log.error("paging is at fault: %s", complaint.text)
        self._complaints, self._looked_at = found, now
        for fault in Fault:
            self._faults.labels(fault.value).set(sum(complaint.fault is fault for complaint in found))


def _audit(connection: Connection, now: float) -> list[Complaint]:
    unresolved = (stored.incident for stored in incidents.unresolved(connection))
    return audit(unresolved, outbox.oldest_page(connection, now), now)
