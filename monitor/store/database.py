"""The database thread: whole transactions go in, results come out, one at a time."""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from monitor.store.engine import StoreError, damaged, open_engine
from monitor.store.migrate import migrate
from probes.settings import Secret, SecretUnreadable

_log = logging.getLogger(__name__)
T = TypeVar("T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]

#: A transaction that takes longer is stuck; a trouble that did not come back for so long is over (seconds).
_SLOW, _OVER = 5.0, 45.0
_REPLACED = "removed or replaced while we run: what we write is lost at our end; put it back or restart us"


class Store:
    """One thread that owns one connection. A transaction is a function of a Connection: it commits when the function
    returns and rolls back when it raises, so the function must do nothing else that cannot be undone.

    Opening migrates the schema. Raises StoreError with a sentence when the database is away, corrupt or newer than us.
    """

    def __init__(
        self, url: str, password: Secret | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = open_engine(url, password)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._opened = self._identity()
        self._gone = ""
        self._proof: Future[None] | None = None
        self._monotonic = monotonic
        self._began: float | None = None
        self._trouble: tuple[float, str] | None = None
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._thread.start()
        try:
            self.submit(migrate).result()
        except BaseException:
            self.close()
            raise

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    def inspect(self) -> None:
        """Look whether the file of SQLite is still the one that we opened, and have a write prove that it takes one.

        Waits for neither: what is wrong is said by `trouble`.
        """
        if self.dialect != "sqlite":
            return
        gone = "" if self._identity() == self._opened else f"store: {self._engine.url.database} was {_REPLACED}"
        if gone and not self._gone:
            _log.error("%s", gone)
        self._gone = gone
        if self._proof is None or self._proof.done():
            self._proof = self.submit(_write_something)

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = Path(self._engine.url.database or "").stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    @property
    def trouble(self) -> str:
        """Why it cannot be relied upon at this moment, in a sentence; empty when it can. Never waits."""
        if self._gone:
            return self._gone
        now, began, trouble = self._monotonic(), self._began, self._trouble
        if trouble is not None and now - trouble[0] < _OVER:
            return trouble[1]
        if began is not None and now - began > _SLOW:
            return f"store: a transaction has been running for {now - began:.0f} s"
        return ""

    def submit(self, transaction: Callable[[Connection], T]) -> "Future[T]":
        """Queue a transaction; its Future holds the answer after the commit, or the exception after the rollback."""
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise StoreError("the store is closed; Shopwatch is stopping")
            self._jobs.put((transaction, future))
        return future

    def transaction(self, transaction: Callable[[Connection], T]) -> T:
        """Run a transaction and wait for its commit. For threads; in the event loop use `atransaction`."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a transaction began another; pass the Connection on instead")
        return self.submit(transaction).result()

    async def atransaction(self, transaction: Callable[[Connection], T]) -> T:
        """Run a transaction and await its commit, without blocking the event loop."""
        return await asyncio.wrap_future(self.submit(transaction))

    def close(self) -> None:
        """Finish what is queued, then let go of the database. A second call does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            transaction, future = job
            if not future.set_running_or_notify_cancel():
                continue
            self._began = self._monotonic()
            try:
                answer = run(self._engine, transaction)
            except BaseException as error:  # whoever asked must hear of it, whatever it is
                if isinstance(error, StoreError):
                    self._trouble = self._monotonic(), str(error)
                future.set_exception(error)
            else:
                future.set_result(answer)
            self._began = None
            del job, future, transaction  # an idle thread must not keep the last answer alive
        self._engine.dispose()


def _write_something(connection: Connection) -> None:
    """Write the file's first page as it is: a full disk is to be known before there is a page to keep."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA user_version = {version}")


def run(engine: Engine, transaction: Callable[[Connection], T]) -> T:
    """One transaction on an engine, with the database's troubles told as StoreError.

    A broken constraint (IntegrityError) passes: it says something about the data, and its caller may expect it.
    """
    try:
        with engine.begin() as connection:
            return transaction(connection)
    except IntegrityError:
        raise
    except SecretUnreadable as error:
        raise StoreError(f"store: {error}") from None
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_sentence(engine, error)) from error


def _sentence(engine: Engine, error: BaseException) -> str:
    place = engine.url.database
    while "no such savepoint" in str(error) and error.__context__ is not None:
        error = error.__context__  # SQLite has undone the whole transaction already, for a reason that it told before
    cause = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
    if "not a database" in cause or "malformed" in cause:
        return damaged(place, cause)
    if "locked" in cause:
        return f"store: {place} is locked by another process ({cause}); is a second Shopwatch running?"
    if "is full" in cause:
        return f"store: no space left for {place} ({cause}); free some, we try again"
    return f"store: {engine.url.render_as_string(hide_password=True)} failed: {cause}"
