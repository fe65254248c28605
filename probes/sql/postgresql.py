"""Asks PostgreSQL, by psycopg: one statement in a read-only transaction that the server itself ends in time."""

import asyncio
import re
import socket
from contextlib import aclosing
from typing import Any

from probes.net.errors import NetError
from probes.sql.asking import Asking, Row, load_driver

#: Where in libpq's words stands what the server or the system said while connecting: behind the last such prefix.
_SAID = re.compile(r".*failed: (?:FATAL: +|ERROR: +)?(\S.*)")
#: Refusals that are about who we are. While connecting libpq gives no SQLSTATE, only these words.
_NOT_LET_IN = re.compile(
    r"password authentication failed|no password supplied|authentication failed|no pg_hba.conf entry|"
    r"role .* does not exist|permission denied|invalid (connection option|sslmode)|root certificate file|"
    r"certificate file .* does not exist|could not (open|read) certificate|Network is unreachable"
)
# SQLSTATEs of https://www.postgresql.org/docs/current/errcodes-appendix.html
_CANCELED = "57014"
_OURS = {
    "42501": "our user may not read that",
    "42601": "the query has an error",
    "25006": "the query writes, and a probe may only read",
    "28000": "we are not let in",
    "28P01": "we are not let in",
}


def prepare() -> Any:
    """Load the driver. Raises NetError."""
    return load_driver("psycopg", "psycopg[binary]", "PostgreSQL")


async def ask(asking: Asking) -> Row:
    """The first row of the query's answer. Raises NetError."""
    psycopg = prepare()
    connection = await _connect(psycopg, asking)
    cut = asyncio.get_running_loop().call_later(asking.left, _cut, connection.fileno())
    try:
        asking.ip = asking.ip and connection.info.hostaddr
        asking.server = connection.info.parameter_status("server_version") or ""
        # No `SET` and no start-up option: behind PgBouncer these outlive us, or are refused.
        limit = int(asking.server_seconds * 1000)
        await connection.execute(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}")
        asking.phases.enter("query")
        return await _first_row(connection, asking)
    except psycopg.Error as error:
        raise _explain(asking, error) from error
    finally:
        cut.cancel()
        await connection.close()


async def _connect(psycopg: Any, asking: Asking) -> Any:
    dsn, count = asking.dsn, len(asking.ips)
    words: dict[str, Any] = {"dbname": dsn.database, "application_name": "shopwatch", **dsn.options}
    words |= {"user": dsn.user} if dsn.user else {}
    words |= {"password": dsn.password} if dsn.password else {}
    if asking.ips:  # libpq tries them in this order
        words |= {"host": ",".join([dsn.host] * count), "hostaddr": ",".join(asking.ips), "port": dsn.port}
    try:
        async with asyncio.timeout_at(asking.deadline):
            return await psycopg.AsyncConnection.connect(autocommit=True, **words)
    except TimeoutError:
        raise asking.timed_out() from None
    except psycopg.Error as error:
        said = _SAID.findall(str(error)) or str(error).strip().splitlines() or [type(error).__name__]
        ours = isinstance(error, psycopg.ProgrammingError) or _NOT_LET_IN.search(said[-1])
        message = f"{dsn.shown} did not let us in: {said[-1]}"
        raise (asking.ours(message) if ours else asking.theirs(message)) from None


async def _first_row(connection: Any, asking: Asking) -> Row:
    first: Row = None
    # Streaming takes one statement only, so that none can end our transaction and begin another.
    async with aclosing(connection.cursor().stream(asking.query)) as rows:
        async for row in rows:
            if first is not None:
                break
            first = row
    asking.phases.stop()
    await connection.execute("ROLLBACK")
    return first


def _cut(descriptor: int) -> None:
    """Hang up from this side, so that the driver wakes up and says so: a stopped server would keep it for ever."""
    with socket.socket(fileno=descriptor) as connected:
        connected.shutdown(socket.SHUT_RDWR)
        connected.detach()


def _explain(asking: Asking, error: Any) -> NetError:
    if error.sqlstate == _CANCELED or asking.is_over:
        return asking.timed_out()
    said = (error.diag.message_primary or str(error)).strip().splitlines()[0]
    if error.sqlstate in _OURS:
        return asking.ours(f"{_OURS[error.sqlstate]} ({asking.dsn.shown} said: {said})")
    return asking.theirs(f"{asking.dsn.shown} said: {said}")
