"""The operators' page: `/` for people on call, made on the server, kept true by a few lines of script."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.types import Receive, Scope, Send

from monitor.web import words
from monitor.web.bell import Bell
from monitor.web.overview import Overview

STATIC = Path(__file__).parent / "static"
#: A proxy drops a stream that says nothing; a comment line keeps it open.
_KEEP_ALIVE = 10.0
#: Pages that are told at once when something happens; whoever opens one more asks every few seconds, as all do.
MOST_STREAMS = 100


def templates() -> Environment:
    """The pages' templates; a name that is missing is an error, not an empty string."""
    environment = Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock": words.clock, "day": words.day, "ago": words.ago, "short": words.short}
    return environment


def router(overview: Callable[[], Awaitable[Overview]], bell: Bell, environment: Environment) -> APIRouter:
    """GET /, its changing part at /live, and the stream at /events that says when to ask for it."""
    routes = APIRouter(include_in_schema=False)
    streams: set[_Stream] = set()
    page, live = environment.get_template("operators.html"), environment.get_template("live.html")

    @routes.get("/", response_class=HTMLResponse)
    async def operators() -> str:
        return page.render(view=await overview())

    @routes.get("/live", response_class=HTMLResponse)
    async def part() -> str:
        return live.render(view=await overview())

    @routes.get("/events")
    async def events(request: Request) -> StreamingResponse:
        return _Stream(_stream(request, bell), streams)

    return routes


class _Stream(StreamingResponse):
    """One page's stream of events, among those that are open. Each costs a file descriptor, which pages need too."""

    def __init__(self, content: AsyncIterator[bytes], among: "set[_Stream]") -> None:
        super().__init__(content, media_type="text/event-stream")
        self._among = among

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until either side ends it, or say that there are too many."""
        if len(self._among) >= MOST_STREAMS:
            sentence = f"{MOST_STREAMS} pages listen already; ask for /live now and then instead\n"
            await PlainTextResponse(sentence, 503, {"Retry-After": "60"})(scope, receive, send)
            return
        self._among.add(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._among.discard(self)


async def _stream(request: Request, bell: Bell) -> AsyncIterator[bytes]:
    yield b": hello\n\n"
    while not (bell.closed or await request.is_disconnected()):
        yield b"data: changed\n\n" if await bell.wait(_KEEP_ALIVE) else b": still here\n\n"
