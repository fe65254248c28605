"""Whether Shopwatch lives and is ready, and the order to read its config again."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from monitor.config import ConfigError
from monitor.soundness import standstill

if TYPE_CHECKING:
    from monitor.app import Shopwatch


def router(shop: "Shopwatch") -> APIRouter:
    """GET /-/healthy and /-/ready, POST /-/reload."""
    routes = APIRouter(tags=["state"])

    @routes.get("/-/healthy", response_class=PlainTextResponse)
    async def healthy() -> str:
        return "Shopwatch is healthy.\n"

    @routes.get("/-/ready", response_class=PlainTextResponse)
    async def ready() -> Response:
        missing = [*standstill(shop), *filter(None, [shop.missing()])]
        if missing:
            return PlainTextResponse(f"Not ready: {'; '.join(missing)}\n", 503)
        return PlainTextResponse("Shopwatch is ready.\n")

    @routes.post("/-/reload", response_class=PlainTextResponse)
    async def reload() -> Response:
        try:
            changes = await shop.reload()
        except ConfigError as error:
            return PlainTextResponse(f"The config on disk has mistakes; the old one goes on.\n{error}\n", 400)
        return PlainTextResponse(f"{changes}\n")

    return routes
