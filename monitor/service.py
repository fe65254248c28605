"""Runs the service in the foreground: binds the port, starts every room, and stops them at a signal."""

import asyncio
import logging
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import uvicorn
import uvloop

from monitor.allocator import give_memory_back
from monitor.app import Shopwatch
from monitor.config import Config, ConfigError, load, share
from monitor.logformat import PlainFormatter
from monitor.store import StoreError
from monitor.web.app import create
from monitor.web.connection import Connection, Waiting

log = logging.getLogger(__name__)

#: File descriptors that are enough for anything; some systems would allow a billion.
_MOST_DESCRIPTORS = 65_536
#: Connections to us at once, so that pages can still be sent; beyond, those that ask for nothing give way to newer ones
#: (and if all ask for something, the newer ones get 503).
_MOST_CONNECTIONS = 1000


def run(path: Path, instead: Mapping[str, str] | None = None) -> int:
    """Watch what the config at `path` says until SIGINT or SIGTERM; answers the exit code. Raises ConfigError.

    `instead` holds settings that the command line gave in place of the config's (listen, store).
    """
    give_memory_back()
    config = share(load(path).model_copy(update=dict(instead or {})))
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_stderr])
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it names whole addresses, and some of ours are secrets
    connections = min(_MOST_CONNECTIONS, _raise_descriptors() // 2)
    try:
        with _listen(config) as listener:
            return uvloop.run(_serve(config, path, listener, instead, connections))
    except (StoreError, _PortTaken) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the last word of a command
        return 3


class _PortTaken(Exception):
    """Somebody else listens where we should."""


@contextmanager
def _listen(config: Config) -> Iterator[socket.socket]:
    host, port = config.address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            hint = "is Shopwatch running there already?"
            raise _PortTaken(f"cannot listen on {config.listen}: {error.strerror}; {hint}") from None
        yield listener


class _Server(uvicorn.Server):
    """A server whose signals are ours to handle."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process' signal handlers alone."""
        yield


def _raise_descriptors() -> int:
    """Take as many file descriptors as we may: the usual 1024 are for a shell. Answers how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    limit = soft if soft == resource.RLIM_INFINITY else max(soft, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return _MOST_DESCRIPTORS if limit == resource.RLIM_INFINITY else limit


async def _serve(
    config: Config, path: Path, listener: socket.socket, instead: Mapping[str, str] | None, connections: int
) -> int:
    shop = Shopwatch(config, path, instead)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(_reload(shop)))
    server = _Server(
        uvicorn.Config(
            create(shop),
            lifespan="off",
            log_level="warning",
            access_log=False,
            http=partial(Connection, waiting=Waiting(connections)),  # type: ignore[arg-type]  # it is only called
            limit_concurrency=connections + 1,  # the one that asks counts as well
            timeout_graceful_shutdown=1,
        )
    )
    try:
        await shop.start()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        part = "" if config.part.alone else f" of {len(config.probes) + len(config.elsewhere)}, as shard {config.part}"
        log.info("Shopwatch watches %d probes%s; its page is %s", len(config.probes), part, config.url)
        await asyncio.wait([serving, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
        shop.bell.close()  # open pages end their streams
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        await shop.stop()
    return 0


async def _reload(shop: Shopwatch) -> None:
    try:
        await shop.reload()
    except ConfigError as error:
        for line in ("the config on disk has mistakes, the old one goes on:", *str(error).splitlines()):
            log.error("%s", line)
