"""A shop for tests: real HTTP on loopback, every answer made by a function of the test."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from monitor.prober.look import look, new_run
from probes.base import Finding
from probes.journey import JourneyProbe
from probes.journey.settings import JourneySettings


@dataclass
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def cookies(self) -> dict[str, str]:
        pairs = [pair.strip().partition("=") for pair in self.headers.get("cookie", "").split(";") if "=" in pair]
        return {name: value for name, _, value in pairs}


@dataclass
class Answer:
    body: str | bytes = ""
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    type: str = "text/html; charset=utf-8"


def json_answer(body: str, status: int = 200) -> Answer:
    return Answer(body, status, type="application/json")


def redirect(where: str, status: int = 303, *headers: tuple[str, str]) -> Answer:
    return Answer("", status, [("Location", where), *headers])


Handler = Callable[[Asked], Answer | Awaitable[Answer]]


class Shop:
    """What was asked is kept in `asked`."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.asked: list[Asked] = []
        self.url = ""

    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                asked = Asked(method, target, headers, body)
                self.asked.append(asked)
                answer = self._handler(asked)
                writer.write(_encoded(await answer if inspect.isawaitable(answer) else answer))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _encoded(answer: Answer) -> bytes:
    body = answer.body.encode() if isinstance(answer.body, str) else answer.body
    headers = [("Content-Type", answer.type), ("Content-Length", str(len(body))), *answer.headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {answer.status} Said\r\n{head}\r\n".encode("utf-8", "surrogateescape") + body


@asynccontextmanager
async def open_shop(handler: Handler) -> AsyncIterator[Shop]:
    shop = Shop(handler)
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield shop
    finally:
        server.close()


def settings(url: str, steps: list[dict[str, Any]], **more: Any) -> JourneySettings:
    words = {"name": "walk", "url": url, "level": "checkout", "timeout": "10s", "every": "10s", "steps": steps, **more}
    return JourneySettings.model_validate(words)


async def walk(shop: Shop, steps: list[dict[str, Any]], **more: Any) -> Finding:
    """One walk, as a prober makes it."""
    journey = settings(shop.url, steps, **more)
    probe = JourneyProbe(journey)
    await probe.open()
    try:
        return await look(probe, new_run(journey.timeout, 1_790_000_000.123, "here"))
    finally:
        await probe.close()


def walk_through(handler: Handler, steps: list[dict[str, Any]], **more: Any) -> tuple[Finding, Shop]:
    """One walk through a shop of its own."""

    async def run() -> tuple[Finding, Shop]:
        async with open_shop(handler) as shop:
            return await walk(shop, steps, **more), shop

    return asyncio.run(run())
