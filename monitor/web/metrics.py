"""GET /metrics: what Prometheus reads."""

from fastapi import APIRouter, Response

from monitor.metrics import CONTENT_TYPE, Exposition


def router(exposition: Exposition) -> APIRouter:
    """The route of the page; it is joined on the event loop, which takes milliseconds even for 100,000 series."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(exposition.text(), media_type=CONTENT_TYPE)

    return routes
