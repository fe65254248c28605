"""Verifies backups one at a time in a process of their own, and remembers every verdict."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from monitor.store import Store, StoreError, verifications
from probes.backup.launch import verify_in_child
from probes.backup.report import base_labels, evidence, samples
from probes.backup.settings import BackupSettings
from probes.backup.standing import Standing
from probes.backup.verification import Verdict, Verification
from probes.base import Evidence, Sample

LOG = logging.getLogger(__name__)
#: How often an idle worker looks into the store for verifications made by the command line or another replica.
_REFRESH_SECONDS = 30.0


class Verifications:
    """All backups of the config. `on_verified` is called in the worker's thread after each verification.

    Nothing here blocks: `request` queues, the worker's thread waits for the child process. One runs at a time, because
    on one disk a single reader is the fastest, and the shop may live on it.
    """

    def __init__(
        self,
        store: Store,
        backups: Iterable[BackupSettings] = (),
        clock: Callable[[], float] = time.time,
        on_verified: Callable[[Verification], None] = lambda verification: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_verified = on_verified
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._queue: deque[str] = deque()
        self._running: str | None = None
        self._settings: dict[str, BackupSettings] = {}
        self._standings: dict[str, Standing] = {}
        self._thread: threading.Thread | None = None
        self._applied = False
        self.apply(backups)
        self._refresh()

    def start(self) -> None:
        """End what a killed Shopwatch left without a verdict, then begin to work; what was missed is caught up."""
        self._store.transaction(lambda connection: verifications.close_interrupted(connection, self._clock()))
        self._refresh()
        self._catch_up(starting=True)
        self._thread = threading.Thread(target=self._work, name="verifications", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask a running verification to clean up and end, and wait for it."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def apply(self, backups: Iterable[BackupSettings]) -> None:
        """Know exactly these backups. What is known of those that stay is kept; new ones are verified soon."""
        with self._changed:
            self._settings = {settings.name: settings for settings in backups}
            since = self._clock()
            self._standings = {name: self._standings.get(name) or Standing(since) for name in self._settings}
            self._queue = deque(name for name in self._queue if name in self._settings)
            self._applied = True
            self._changed.notify_all()

    def request(self, name: str) -> None:
        """Verify this backup as soon as it is its turn; asking again while it waits or runs changes nothing."""
        with self._changed:
            if name in self._settings and name not in self._queue and name != self._running:
                self._queue.append(name)
                self._changed.notify_all()

    def run(self, name: str) -> Verification:
        """Verify this backup now, in the calling thread, and remember the verdict. Raises KeyError for other names."""
        settings = self._settings[name]
        began = self._clock()
        known = self.standing(name)
        row = self._begin(name, began)
        self._set(name, replace(known, running_since=began))
        verification = verify_in_child(settings, known.previous_rows, self._clock, self._stop, known.proved)
        self._set(name, known.after(verification))
        self._finish(row, verification, known.latest)
        return verification

    def names(self) -> list[str]:
        """Every backup of the config, in its order."""
        return list(self._settings)

    def settings(self, name: str) -> BackupSettings:
        """The settings of one backup. Raises KeyError."""
        return self._settings[name]

    def standing(self, name: str) -> Standing:
        """What is known about one backup. Raises KeyError for names that are not in the config."""
        return self._standings[name]

    def samples(self, now: float) -> list[Sample]:
        """Everything to expose about all backups at `now`, with the labels backup, type and the configured ones."""
        with self._changed:
            known = [(settings, self._standings[name]) for name, settings in self._settings.items()]
        return [
            sample._replace(labels=tuple(sorted({**dict(base_labels(settings)), **dict(sample.labels)}.items())))
            for settings, standing in known
            for sample in samples(settings, standing, now)
        ]

    def evidence(self, name: str) -> Evidence | None:
        """What a page about this backup shows, or None while nothing is known about it."""
        known = self._standings.get(name)
        return evidence(known.telling, known.passed) if known and known.telling else None

    def history(self, name: str, limit: int = 50) -> list[Verification]:
        """The newest verifications of one backup, newest first. Raises StoreError."""
        return self._store.transaction(lambda connection: verifications.history(connection, name, limit))

    def _work(self) -> None:
        while not self._stop.is_set():
            name = self._next()
            if name is None:
                self._refresh()
                self._catch_up()
                continue
            try:
                self._on_verified(self.run(name))
            except Exception:  # the next backup must be verified whatever this one did
                LOG.exception("the verification of backup %s failed by our own fault", name)
            finally:
                self._running = None

    def _next(self) -> str | None:
        """The next backup to verify, or None when it is time to look into the store."""
        with self._changed:
            if not (self._queue or self._applied or self._stop.is_set()):
                self._changed.wait(_REFRESH_SECONDS)
            if self._applied or self._stop.is_set() or not self._queue:
                self._applied = False
                return None
            self._running = self._queue.popleft()
            return self._running

    def _catch_up(self, starting: bool = False) -> None:
        """Request what is overdue by its own schedule: never verified, or not since its last scheduled time."""
        now = self._clock()
        for name in self.names():
            settings, known = self._settings.get(name), self._standings.get(name)
            if settings and known and known.is_wanted(settings, now, starting):
                self.request(name)

    def _refresh(self) -> None:
        """Take over what the store knows; where it cannot be asked, or knows less than we do, what we know stays."""
        for name in self.names():
            try:
                stored = self._store.transaction(partial(verifications.standing, backup=name, since=self._clock()))
            except StoreError as error:
                LOG.warning("what is known about backup %s cannot be read: %s", name, error)
                continue
            known = self._standings.get(name)
            if known is not None and _began(stored) >= _began(known):
                self._set(name, replace(stored, since=min(stored.since, known.since)))

    def _begin(self, name: str, at: float) -> int | None:
        try:
            return self._store.transaction(lambda connection: verifications.begin(connection, name, at))
        except StoreError as error:
            LOG.warning("the verification of backup %s cannot be recorded: %s", name, error)
            return None

    def _finish(self, row: int | None, verification: Verification, before: Verification | None) -> None:
        passed_again = before is not None and before.verdict is verification.verdict is Verdict.PASS
        level = logging.DEBUG if passed_again else logging.INFO
        told = ": ".join([verification.verdict, *verification.reasons[:1]])
        LOG.log(level, "backup %s: %s", verification.backup, told)
        if row is None:
            return
        try:
            self._store.transaction(lambda connection: verifications.finish(connection, row, verification))
        except StoreError as error:
            LOG.warning("the verdict on backup %s cannot be recorded: %s", verification.backup, error)

    def _set(self, name: str, standing: Standing) -> None:
        with self._changed:
            if name in self._settings:
                self._standings[name] = standing


def _began(standing: Standing) -> float:
    return standing.latest.started_at if standing.latest else 0.0
