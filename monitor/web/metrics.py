"""GET /metrics: what Prometheus reads."""

from fastapi import APIRouter, Request, Response

from monitor.metrics import CONTENT_TYPE, OPENMETRICS_TYPE, Exposition
from monitor.web.accept import prefers_openmetrics


def router(exposition: Exposition) -> APIRouter:
    """The route of the page; it is joined on the event loop, which takes milliseconds even for 100,000 series."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        accept = ",".join(request.headers.getlist("accept"))
        if prefers_openmetrics(accept):
            page, kind = exposition.openmetrics(), OPENMETRICS_TYPE
        else:
            page, kind = exposition.text(), CONTENT_TYPE
        return Response(page, media_type=kind, headers={"Vary": "Accept"})

    return routes
