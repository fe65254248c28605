"""Asks MariaDB or MySQL, by PyMySQL in a thread: one statement in a read-only transaction, with a limit on its time."""

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from probes.net.errors import NetError, from_os_error
from probes.sql.asking import Asking, Row, load_driver

# Error codes of https://mariadb.com/kb/en/mariadb-error-codes/
_CANCELED = (1969, 3024, 1317)
_OPTIONAL = ("disable", "prefer")
_MODES = (*_OPTIONAL, "require", "verify-ca", "verify-full")
#: `cut` comes first; what PyMySQL itself waits for is longer by so many seconds.
_SPARE = 1.0
_OURS = {
    1045: "we are not let in",
    1044: "our user may not use that database",
    1142: "our user may not read that",
    1143: "our user may not read that",
    1370: "our user may not call that",
    1227: "our user may not do that",
    1064: "the query has an error",
    1792: "the query writes, and a probe may only read",
    1290: "the query writes, and a probe may only read",
}


def prepare() -> Any:
    """Load the driver. Raises NetError."""
    return load_driver("pymysql", "pymysql", "MariaDB")


async def ask(asking: Asking) -> Row:
    """The first row of the query's answer. Raises NetError."""
    call = _Call(prepare(), asking)
    loop = asyncio.get_running_loop()
    cut = loop.call_later(asking.left, call.cut)
    try:
        return await loop.run_in_executor(asking.thread, call.run)
    except call.driver.Error as error:
        raise _explain(asking, error) from error
    except OSError as error:
        raise _unreached(asking, error) from error
    except ValueError as error:
        raise asking.ours(str(error)) from None
    finally:
        cut.cancel()
        call.cut()


class _Call:
    """The conversation, in its thread. `cut` ends it from outside: PyMySQL's own limits are for each read."""

    def __init__(self, driver: Any, asking: Asking) -> None:
        self.driver = driver
        self.was_cut = False
        self._asking = asking
        self._patience = max(0.0, asking.left) + _SPARE
        self._limit = asking.server_seconds
        self._handle: socket.socket | None = None

    def cut(self) -> None:
        """Hang up."""
        self.was_cut = True
        if self._handle is not None:
            with suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)
            self._handle.close()

    def run(self) -> Row:
        """Connect, ask, say goodbye."""
        dsn = self._asking.dsn
        connected = self._connect()
        # TLS takes the socket over; this is the same connection by another descriptor.
        self._handle = socket.socket(fileno=os.dup(connected.fileno()))
        if self.was_cut:
            self.cut()
        mode, context = _tls(dsn.options)
        connection = self.driver.connect(
            **{"host": dsn.host, "user": dsn.user or None, "password": dsn.password, "database": dsn.database},
            **{"read_timeout": self._patience, "write_timeout": self._patience, "connect_timeout": self._patience},
            ssl=context if mode not in _OPTIONAL else None,
            ssl_disabled=mode in _OPTIONAL,
            charset="utf8mb4",
            autocommit=True,
            program_name="shopwatch",
            defer_connect=True,
        )
        if mode == "prefer":  # PyMySQL would do so by itself, with a new context each time: 20 ms of CPU
            connection.ssl, connection.ctx = True, context
        connection.connect(connected)
        try:
            return self._ask(connection)
        finally:
            with suppress(self.driver.Error):  # already closed
                connection.close()

    def _connect(self) -> socket.socket:
        asking, path = self._asking, self._asking.dsn.options.get("unix_socket")
        if path:
            connected = socket.socket(socket.AF_UNIX)
            connected.settimeout(self._patience)
            connected.connect(path)
            return connected
        error: OSError | None = None
        for ip in asking.ips:
            asking.ip = ip
            try:
                return socket.create_connection((ip, asking.dsn.port), self._patience)
            except OSError as trouble:
                error = trouble
        raise error or OSError(f"{asking.dsn.host} has no address")

    def _ask(self, connection: Any) -> Row:
        asking = self._asking
        asking.server = connection.get_server_info()
        seconds = f"max_statement_time = {self._limit:.3f}"
        if "mariadb" not in asking.server.lower():  # MySQL counts milliseconds
            seconds = f"max_execution_time = {self._limit * 1000:.0f}"
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {seconds}, SESSION sql_select_limit = 1")
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("START TRANSACTION READ ONLY")
            asking.phases.enter("query")
            cursor.execute(asking.query)
            row: Row = cursor.fetchone()
            asking.phases.stop()
            connection.rollback()
        return row


def _tls(options: dict[str, str]) -> tuple[str, ssl.SSLContext | None]:
    """libpq's words: `sslmode=prefer` (the default) encrypts where the server can, `require` insists, `verify-ca` and
    `verify-full` check who it is, against `sslrootcert` where it is given. Raises OSError or ValueError.
    """
    mode, root = options.get("sslmode", "prefer"), options.get("sslrootcert", "")
    if mode not in _MODES:
        raise ValueError(f"sslmode={mode} is not one of {', '.join(_MODES)}")
    if mode == "disable":
        return mode, None
    try:
        return mode, _context(mode, root, Path(root).stat().st_mtime_ns if root else 0)
    except ssl.SSLError as error:
        raise ValueError(f"sslrootcert={root} is no PEM file of certificates: {error}") from None


@lru_cache(maxsize=64)
def _context(mode: str, root: str, stamp: int) -> ssl.SSLContext:
    """Made once, and again when the file has changed: with the system's authorities it costs milliseconds."""
    if mode in ("prefer", "require"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    context = ssl.create_default_context(cafile=root or None)
    context.check_hostname = mode == "verify-full"
    return context


def _unreached(asking: Asking, error: OSError) -> NetError:
    if isinstance(error, TimeoutError) or asking.is_over:
        return asking.timed_out()
    if isinstance(error, ssl.SSLError):
        return asking.theirs(f"the TLS handshake with {asking.dsn.shown} failed: {error}")
    if error.filename is not None:  # that of `sslrootcert`
        return asking.ours(f"cannot read {error.filename}: {error.strerror}")
    return from_os_error(error, asking.dsn.shown, asking.phases.current)


def _explain(asking: Asking, error: Any) -> NetError:
    cause = getattr(error, "original_exception", None)
    if isinstance(cause, OSError):
        return _unreached(asking, cause)
    code, said = (*error.args, 0, "")[:2]
    if code in _CANCELED or asking.is_over:
        return asking.timed_out()
    if code in _OURS:
        return asking.ours(f"{_OURS[code]} ({asking.dsn.shown} said: {said})")
    return asking.theirs(f"{asking.dsn.shown} said: {said or code}")
