"""Opens the database that a URL names, with the settings that keep a page from being lost in a power cut."""

import contextlib
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from probes.settings import Secret

#: How long a transaction waits for another process (the CLI's, say) to finish its own.
BUSY_SECONDS = 10.0
_CONNECT_SECONDS = 10


class StoreError(Exception):
    """The store cannot be opened or used; the message says where, why and what to do, and holds no password."""


def damaged(place: str | None, cause: str) -> str:
    """What to say of a database file that cannot be trusted."""
    return f"store: {place} is damaged ({cause}); stop us, move it away, and restore a copy or start anew"


def open_engine(url: str, password: Secret | None = None) -> Engine:
    """An engine with one connection for `sqlite:///var/lib/x.db` (absolute), `sqlite:x.db` or `sqlite:///./x.db`
    (relative to the working folder) or `postgresql://user@host/name`. Raises StoreError.

    `password` is read again at each connection, so that a rotated secret file is picked up.
    """
    if url.startswith("sqlite:"):
        return _sqlite(sqlite_path(url))
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in ("postgresql", "postgres"):
        scheme = url.partition(":")[0][:20]
        raise StoreError(f"store: {scheme!r} is no kind of store; write sqlite:///path or postgresql://user@host/name")
    return _postgres(parsed, password)


def sqlite_path(url: str) -> Path:
    """The file that a sqlite: URL names. Three slashes and a name begin at the root, as in any URL."""
    rest = url.removeprefix("sqlite:").partition("?")[0]
    if rest.startswith("//"):
        rest = rest[2:]
        rest = rest[1:] if rest.startswith(("/./", "/../")) else "/" + rest.lstrip("/")
    if not rest.strip("/") or rest.endswith("/"):
        raise StoreError(f"store: {url!r} names no file; write sqlite:///var/lib/shopwatch/state.db")
    return Path(rest)


def _sqlite(path: Path) -> Engine:
    _create_private(path)
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver's own transactions begin too late (at the first write): two processes would then read the same
        # state and both decide. We begin ourselves, below.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _create_private(path: Path) -> None:
    """Alert labels and acks are nobody else's business: the file, and with it its -wal and -shm, is 0600."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with contextlib.suppress(PermissionError):  # another user's file that we may write is theirs to protect
            path.chmod(0o600)
    except OSError as error:
        raise StoreError(
            f"store: cannot open {path}: {error.strerror}; give the folder to the user who runs us"
        ) from None


def _postgres(url: URL, password: Secret | None) -> Engine:
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,  # a restarted server must cost one reconnect, not one lost decision
            connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": "shopwatch"},
        )
    except ModuleNotFoundError:
        remedy = f"run {sys.executable} -m pip install 'psycopg[binary]'"
        raise StoreError(f"store: PostgreSQL needs the driver psycopg; {remedy}") from None

    @event.listens_for(engine, "do_connect")
    def give_password(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        if password is not None:
            parameters["password"] = password.read()

    return engine
