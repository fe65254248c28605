"""Empties the outbox: every page is sent, proved by a receipt, or handed to another channel with the reason why."""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import Connection

from alerts.incident import Kind
from alerts.notifiers import CHANNELS, IMPLIED
from alerts.notifiers.base import AnyNotifier, NotifyError, Receipt
from alerts.oncall import Roster
from alerts.page import Page, compose
from monitor.auditor import Auditor
from monitor.fallback import hand_over
from monitor.lasting import Lasting
from monitor.store import Store, StoreError, incidents, outbox, receipts
from monitor.store.outbox import Backlog, Parcel

_log = logging.getLogger(__name__)

_FIRST_RETRY, _LONGEST_RETRY = 1.0, 300.0
#: Beyond a notifier's own patience; a page whose sender died is sent again after that.
_LEASE_MARGIN = 15.0
#: How often to look without being woken: another process may have decided something.
_LOOK_SECONDS = 5.0
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Pager:
    """Leases what waits in the outbox, sends it from each notifier's own threads, and keeps the receipts.

    At least once: a page that may not have arrived is sent again. Each notifier has its own threads, so that a slow one
    holds up no other. `roster` answers the people of the present config.
    """

    def __init__(
        self,
        store: Store,
        notifiers: Sequence[AnyNotifier],
        *,
        roster: Callable[[], Roster],
        external_url: str,
        command_url: str = "",
        clock: Callable[[], float],
        registry: CollectorRegistry,
    ) -> None:
        self._store, self._roster, self._clock = store, roster, clock
        self.external_url, self._command_url = external_url, command_url
        self._notifiers: dict[str, AnyNotifier] = {}
        self._retired: list[AnyNotifier] = []
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="pager", daemon=True)
        self._backlog = Backlog(0, None)
        self._unreadable = Lasting(_log, "the outbox cannot be read")
        self.auditor = Auditor(store, clock, registry)
        self._sent = Counter(
            "shopwatch_pages_sent",
            "Messages to channels by outcome: sent, retried (tried again later) or failed (handed to another).",
            ["notifier", "outcome"],
            registry=registry,
        )
        self._delivery = Histogram(
            "shopwatch_page_delivery_seconds",
            "From the decision to tell until the channel's receipt.",
            ["notifier"],
            buckets=_BUCKETS,
            registry=registry,
        )
        pending = Gauge("shopwatch_outbox_pending", "What is decided but not yet told.", registry=registry)
        pending.set_function(lambda: self._backlog.pending)
        oldest = Gauge("shopwatch_outbox_oldest_seconds", "How long the oldest of it waits.", registry=registry)
        oldest.set_function(lambda: self._backlog.age(self._clock()))
        self.replace(notifiers)

    def start(self) -> None:
        """Begin to send. Whatever a pager before us was sending when it died is sent again."""
        if self._store.dialect == "sqlite":  # nobody else uses the file; on PostgreSQL leases expire by themselves
            self._store.transaction(outbox.release)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish what is being sent, and leave the rest in the outbox."""
        self._stopping = True
        self._awake.set()
        self._thread.join()
        for pool in self._pools.values():
            pool.shutdown(wait=True)
        for notifier in (*self._retired, *self._notifiers.values()):
            notifier.close()

    @property
    def notifiers(self) -> tuple[AnyNotifier, ...]:
        """The channels of the present config, the console last where it names none."""
        return tuple(self._notifiers.values())

    def wake(self) -> None:
        """There is something to tell."""
        self._awake.set()

    def replace(self, notifiers: Sequence[AnyNotifier]) -> None:
        """Use these notifiers from now on (a reload). What waits for one that is gone goes to the next."""
        named = {notifier.name: notifier for notifier in notifiers}
        if IMPLIED not in named:  # the last resort, after all that the config names
            kind = CHANNELS.get(IMPLIED)
            named[IMPLIED] = kind(kind.settings_model(name=IMPLIED, type=IMPLIED))
        with self._lock:
            self._retired += self._notifiers.values()  # they may be sending; they are closed at the end
            self._notifiers = named
            for notifier in named.values():
                self._busy.setdefault(notifier.name, 0)
                if notifier.name not in self._pools:
                    self._pools[notifier.name] = ThreadPoolExecutor(notifier.workers, f"notify-{notifier.name}")
        self._awake.set()

    def _work(self) -> None:
        while not self._stopping:
            self._awake.clear()
            try:
                patience = self._dispatch()
                self._unreadable.over()
            except Exception as error:
                self._unreadable.again(error, StoreError)
                patience = _FIRST_RETRY
            self.auditor.look()
            self._awake.wait(patience)

    def _dispatch(self) -> float:
        """Hand out all that can be sent now; answers in how many seconds to look again."""
        while True:
            with self._lock:
                notifiers = dict(self._notifiers)
                free = [name for name, one in notifiers.items() if self._busy[name] < one.workers]
            parcels, next_due = self._store.transaction(partial(self._lease, notifiers, free))
            for parcel in parcels:
                self._hand_out(notifiers[parcel.notifier], parcel)
            if not parcels:
                now = self._clock()
                return min(max(0.0, next_due - now) if next_due is not None else _LOOK_SECONDS, _LOOK_SECONDS)

    def _lease(
        self, notifiers: dict[str, AnyNotifier], free: list[str], connection: Connection
    ) -> tuple[list[Parcel], float | None]:
        now = self._clock()
        for name in outbox.orphans(connection, list(notifiers)):
            parcel = outbox.lease(connection, name, str(uuid.uuid4()), now, _LEASE_MARGIN)
            if parcel is not None:
                reason = "it is not in the config any more"
                hand_over(connection, parcel, list(notifiers), reason, now)
                outbox.finish(connection, parcel, now, reason)
        parcels = []
        for name in free:
            seconds = notifiers[name].patience + _LEASE_MARGIN
            parcel = outbox.lease(connection, name, str(uuid.uuid4()), now, seconds)
            if parcel is not None:
                parcels.append(parcel)
        self._backlog = outbox.backlog(connection)
        return parcels, outbox.next_due(connection, free) if free else None

    def _hand_out(self, notifier: AnyNotifier, parcel: Parcel) -> None:
        with self._lock:
            self._busy[notifier.name] += 1
            self._pools[notifier.name].submit(self._deliver, notifier, parcel)

    def _deliver(self, notifier: AnyNotifier, parcel: Parcel) -> None:
        try:
            self._send(notifier, parcel)
        except Exception as error:  # its lease ends by itself: the page is sent again
            log = _log.error if isinstance(error, StoreError) else _log.exception
            log("what %s answered could not be kept; it will be told again: %s", notifier.name, error)
        finally:
            with self._lock:
                self._busy[notifier.name] -= 1
            self._awake.set()

    def _send(self, notifier: AnyNotifier, parcel: Parcel) -> None:
        page, previous = self._store.transaction(lambda connection: self._compose(connection, parcel))
        try:
            receipt = notifier.send(page, previous)
        except NotifyError as error:
            self._failed(notifier, parcel, error)
        except Exception as error:
            _log.exception("%s failed in a way that it should not", notifier.name)
            self._failed(notifier, parcel, NotifyError(f"{type(error).__name__}: {error}"))
        else:
            self._succeeded(notifier, parcel, receipt)

    def _compose(self, connection: Connection, parcel: Parcel) -> tuple[Page, Receipt | None]:
        stored = incidents.get(connection, parcel.incident_id)
        assert stored is not None  # its outbox rows would have gone with it
        roster = self._roster()
        people = [person for name in parcel.people if (person := roster.person(name)) is not None]
        page = compose(
            stored.incident,
            parcel.kind,
            ". ".join(line.rstrip(".") for line in parcel.lines),
            people,
            incidents.story(connection, parcel.incident_id),
            self._clock(),
            self.external_url,
            parcel.attempts,
            self._command_url,
        )
        return page, receipts.newest(connection, parcel.incident_id, parcel.notifier)

    def _succeeded(self, notifier: AnyNotifier, parcel: Parcel, receipt: Receipt) -> None:
        def keep(connection: Connection) -> None:
            receipts.add(connection, parcel.incident_id, parcel.ids[-1], receipt)
            outbox.finish(connection, parcel, self._clock())

        self._store.transaction(keep)
        self._sent.labels(notifier.name, "sent").inc()
        self._delivery.labels(notifier.name).observe(max(0.0, self._clock() - parcel.created_at))

    def _failed(self, notifier: AnyNotifier, parcel: Parcel, error: NotifyError) -> None:
        now = self._clock()
        backoff = min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(parcel.attempts, 20))
        due = now + max(backoff, error.retry_after or 0.0)

        def put_back(connection: Connection) -> tuple[str | None, bool]:
            instead = None
            if error.permanent or error.elsewhere or parcel.waits_too_long(now):
                instead = hand_over(connection, parcel, list(self._notifiers), str(error), now)
            over = error.permanent and not self._must_arrive(connection, parcel)
            if over:
                outbox.finish(connection, parcel, now, str(error))
            else:
                outbox.postpone(connection, parcel, due, str(error))
            return instead, over

        instead, over = self._store.transaction(put_back)
        self._sent.labels(notifier.name, "failed" if over else "retried").inc()
        after = "giving up" if over else f"trying again in {due - now:.0f} s"
        also = f"; {instead} is told instead" if instead else ""
        _log.error("%s cannot be told: %s; %s%s", notifier.name, error, after, also)

    def _must_arrive(self, connection: Connection, parcel: Parcel) -> bool:
        """Whether a page is never given up: its incident is open, and only the console is left. A drill may fail."""
        stored = incidents.get(connection, parcel.incident_id)
        if parcel.kind is not Kind.PAGE or stored is None or stored.incident.over or stored.incident.severity == "test":
            return False
        consoles = {name for name, one in self._notifiers.items() if IMPLIED in (name, one.settings.type)}
        return parcel.notifier not in consoles and not self._notifiers.keys() - consoles - set(parcel.tried)
