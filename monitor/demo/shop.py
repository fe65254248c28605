"""The demo shop's own process: its pages, its payment stand-in, its shoppers and its backup job."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from monitor.demo import admin, backstage, breaking, browsing, catalogue, checkout
from monitor.demo.backups import BackupJob
from monitor.demo.database import Database
from monitor.demo.front import Keys, Shop
from monitor.demo.payment import payment_app
from monitor.demo.shoppers import seed_history, shop_for_ever
from monitor.demo.switches import Effect, Switches

_log = logging.getLogger(__name__)
_SLOWNESS = 3.0
#: By then whoever watches this shop listens, and hears of the first backup.
_WATCHER_STARTS = 8.0
#: What keeps working when the pages are broken, or nobody could look or mend.
_ALWAYS = ("/switches", "/admin/", "/metrics", "/shop.css")


def shop_app(shop: Shop) -> FastAPI:
    """The shop's pages, back office and switches as one application."""
    app = FastAPI(title="Two Leaves", openapi_url=None)
    for room in (browsing, checkout, admin, breaking):
        app.include_router(room.router(shop))

    @app.get("/shop.css")
    def style() -> FileResponse:
        return FileResponse(Path(__file__).with_name("shop.css"), media_type="text/css")

    @app.middleware("http")
    async def break_pages(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        breakable = not request.url.path.startswith(_ALWAYS)
        if breakable and shop.switches.broken("slow"):
            await asyncio.sleep(_SLOWNESS)
        failing = breakable and shop.switches.broken("error")
        response = HTMLResponse(_ERROR_PAGE, 500) if failing else await call_next(request)
        response.headers["X-Request-Id"] = uuid.uuid4().hex
        return response

    return app


_ERROR_PAGE = """<!doctype html><title>500 Internal Server Error</title>
<h1>Internal Server Error</h1><p>sqlalchemy.exc.OperationalError: could not connect to the database</p>"""


def open_shop(state: Path, payment_url: str, switches: Switches, clock: Callable[[], float] = time.time) -> Shop:
    """The shop with its database and keys in the folder `state`, filled on the first day."""
    state.mkdir(parents=True, exist_ok=True)
    database = Database(state / "shop.db")
    database.create()
    with database.writing() as connection:
        catalogue.fill(connection)
    backstage.import_stock(database, clock())
    seed_history(database, clock())
    keys = Keys(_key(state / "admin-token"), _key(state / "payment-key"), _key(state / "synthetic-key"))
    return Shop(database, switches, keys, payment_url, clock)


def wire_switches(shop: Shop, job: BackupJob) -> None:
    """What turning a switch does at once."""

    def sell_out() -> None:
        with shop.database.writing() as connection:
            catalogue.empty(connection)

    def restock() -> None:
        with shop.database.writing() as connection:
            catalogue.restock(connection)

    def back_up() -> None:
        job.run()

    shop.switches.add_effect("stock", Effect(sell_out, restock))
    shop.switches.add_effect("backup", Effect(job.truncate_newest, back_up))


async def serve(options: argparse.Namespace) -> None:
    """Run everything until standard input closes, which is when whoever started the shop is gone or wants it gone."""
    state = Path(options.state)
    shop_socket, payment_socket = _listen(options.port), _listen(options.payment_port)
    switches = Switches()
    shop = open_shop(state, _url(payment_socket), switches)
    job = BackupJob(shop.database, state / "backups", lambda: switches.broken("backup"), options.heartbeat)
    wire_switches(shop, job)
    await asyncio.to_thread(job.run)
    servers = [
        (_Server(_config(shop_app(shop))), shop_socket),
        (_Server(_config(payment_app(switches, shop.keys.payment))), payment_socket),
    ]
    _stop_with_parent([server for server, _ in servers])
    chores = [
        asyncio.create_task(_every(options.backup_every, lambda: asyncio.to_thread(job.run), _WATCHER_STARTS)),
        asyncio.create_task(
            _every(backstage.STOCK_EVERY, lambda: asyncio.to_thread(_import_stock, shop), backstage.STOCK_EVERY)
        ),
        asyncio.create_task(
            _every(
                backstage.MAILS_EVERY, lambda: asyncio.to_thread(backstage.send_mails, shop.database, shop.clock()), 0.0
            )
        ),
    ]
    if options.shopper_every:
        chores.append(asyncio.create_task(shop_for_ever(_url(shop_socket), shop.database, options.shopper_every)))
    print(json.dumps({"shop": _url(shop_socket), "payment": _url(payment_socket)}), flush=True)  # noqa: T201 - read by whoever started this process
    await asyncio.gather(*(server.serve(sockets=[listening]) for server, listening in servers))
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)


def _import_stock(shop: Shop) -> None:
    """The switch `stock` breaks the import: its figures are all zero, and no new ones come."""
    if not shop.switches.broken("stock"):
        backstage.import_stock(shop.database, shop.clock())


async def _every(seconds: float, work: Callable[[], Awaitable[object]], first: float) -> None:
    pause = first
    while True:
        await asyncio.sleep(pause)
        pause = seconds
        try:
            await work()
        except Exception:
            _log.exception("a chore of the shop failed; it is tried again in %g s", seconds)


class _Server(uvicorn.Server):
    """A server that leaves signals alone: there are two of them here, and the process ends by its standard input."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)


def _stop_with_parent(servers: list[_Server]) -> None:
    """End when standard input does: also after the parent was killed, so that no shop is left behind."""
    loop = asyncio.get_running_loop()

    def closed() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin)
            for server in servers:
                server.should_exit = True

    loop.add_reader(sys.stdin, closed)


def _listen(port: int) -> socket.socket:
    """A listening socket on this port of loopback, or on a free one when it is taken."""
    for candidate in (port, 0):
        # Named TCP, or asyncio leaves Nagle's algorithm on, and every page waits 40 ms for a delayed ACK.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", candidate))
        except OSError:
            listening.close()
            if candidate == 0:
                raise
        else:
            listening.listen(128)
            return listening
    raise AssertionError("unreachable: port 0 either binds or raises")


def _url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def _key(path: Path) -> str:
    """The key in this file, made on the first day, readable by its owner only."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24) + "\n")
    return path.read_text().strip()


def main() -> None:
    """`python -m monitor.demo.shop --state DIR`: prints one line of JSON with its addresses once it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--payment-port", type=int, default=0)
    parser.add_argument("--heartbeat", default="", help="URL to report each backup to")
    parser.add_argument("--backup-every", type=float, default=60.0, help="seconds")
    parser.add_argument("--shopper-every", type=float, default=8.0, help="seconds; 0 for no shoppers")
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
