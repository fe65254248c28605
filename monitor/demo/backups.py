"""The shop's backup job: a copy of the database every minute with a record beside it, and a report that it ran."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from monitor.demo.database import Database
from probes.backup import record
from probes.backup.sqlite_take import take_copy

_log = logging.getLogger(__name__)
#: Copies kept; older ones are deleted.
_KEEP = 5


class BackupJob:
    """Copies the database to `folder`. `report_to` is told after each copy, as a real job tells Shopwatch's heartbeat.

    While `cut_off` says so each new copy loses its second half, as happens where a disk fills up or a transfer breaks;
    the record beside it still says what should be there.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        cut_off: Callable[[], bool],
        report_to: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._folder = folder
        self._cut_off = cut_off
        self._report_to = report_to
        self._clock = clock
        self._one_at_a_time = threading.Lock()

    def run(self) -> Path | None:
        """Make one copy, drop the oldest, report. Answers the copy, or None (logged, and reported) when it failed."""
        with self._one_at_a_time:
            try:
                made = self._copy()
                self._drop_oldest()
            except (OSError, sqlite3.Error) as error:
                _log.warning("the backup failed: %s", error)
                self._report(ok=False)
                return None
        self._report(ok=True)
        return made

    def truncate_newest(self) -> None:
        """Cut the newest copy in half, behind the back of its record."""
        with self._one_at_a_time:
            for path in self.copies()[-1:]:
                _cut(path)

    def copies(self) -> list[Path]:
        """Every copy there is, the newest last."""
        return sorted(self._folder.glob("shop-*.db"))

    def _copy(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        moment = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = self._folder / f"shop-{moment}.db"
        take_copy(self._database.path, target, {"orders": "created_at"}, self._clock)
        if self._cut_off():
            _cut(target)
        return target

    def _drop_oldest(self) -> None:
        for path in self.copies()[:-_KEEP]:
            path.unlink(missing_ok=True)
            record.path_of(path).unlink(missing_ok=True)

    def _report(self, ok: bool) -> None:
        """Tell the heartbeat; a watcher that is not there (yet) must not stop a backup."""
        if not self._report_to:
            return
        try:
            httpx.post(self._report_to, params={} if ok else {"status": "fail"}, timeout=2.0, trust_env=False)
        except httpx.HTTPError as error:
            _log.debug("nobody heard of the backup: %s", error)


def _cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)
