"""Opens a connection to a server by one of its addresses, as browsers do: the next is tried when one dawdles."""

import asyncio
from collections.abc import Sequence

from probes.net.address import Address, bracketed
from probes.net.errors import NetError, from_os_error
from probes.net.source import connect_from
from probes.net.wire import Wire

#: RFC 8305 (Happy Eyeballs): how long, in seconds, an address may take before the next one is tried beside it.
_HEAD_START = 0.25


async def connect(addresses: Sequence[str], port: int, host: str, source: str = "") -> Wire:
    """A connection to the first of `addresses` that takes one; the next is tried when one fails or dawdles.

    `source` is the address of this machine to go out from, where it matters. Raises NetError when none takes it; it is
    ours only if none could even be tried.
    """
    if len(addresses) == 1:
        return await _connect(addresses[0], port, host, source)
    waiting = list(addresses)
    running: set[asyncio.Task[Wire]] = set()
    errors: list[NetError] = []
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0), port, host, source)))
            done, running = await asyncio.wait(
                running, timeout=_HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            winners = [task.result() for task in done if task.exception() is None]
            for late in winners[1:]:
                late.abort()
            if winners:
                return winners[0]
            errors += [_net_error(task.exception()) for task in done]
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_hang_up)
    raise next((error for error in errors if not error.ours), errors[0])


def _net_error(error: BaseException | None) -> NetError:
    if isinstance(error, NetError):
        return error
    raise error or AssertionError("a failed task has an error")


def _hang_up(task: "asyncio.Task[Wire]") -> None:
    """A connection that came second is closed, and its error has been overtaken."""
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


async def _connect(ip: str, port: int, host: str, source: str) -> Wire:
    loop = asyncio.get_running_loop()
    try:
        if source:
            opened = await connect_from(source, Address(ip, port), _where(ip, port, host), "connect")
            _, wire = await loop.create_connection(Wire, sock=opened)
        else:
            _, wire = await loop.create_connection(Wire, ip, port)
    except OSError as error:
        raise from_os_error(error, _where(ip, port, host), "connect") from error
    wire.ip, wire.loop = ip, loop
    return wire


def _where(ip: str, port: int, host: str) -> str:
    return f"{bracketed(ip)}:{port}" if ip == host else f"{host} ({bracketed(ip)}:{port})"
