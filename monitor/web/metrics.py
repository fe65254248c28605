"""GET /metrics: what Prometheus reads."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from monitor.metrics import CONTENT_TYPE, OPENMETRICS_TYPE, Exposition
from monitor.web.accept import prefers_openmetrics


def router(exposition: Exposition) -> APIRouter:
    """The route of the page; it is written on the event loop family by family, which takes about a millisecond each."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        accept = ",".join(request.headers.getlist("accept"))
        vary = {"Vary": "Accept"}
        if prefers_openmetrics(accept):
            return Response(exposition.openmetrics(), media_type=OPENMETRICS_TYPE, headers=vary)
        return StreamingResponse(_in_turns(exposition.parts()), media_type=CONTENT_TYPE, headers=vary)

    return routes


async def _in_turns(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts, with a turn for everybody else between them."""
    for part in parts:
        yield part
        await asyncio.sleep(0)
