"""/probe?target=&module=: the drop-in for blackbox_exporter, for scrape configs that already ask it."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from monitor.errands import ErrandFailed, Errands
from probes.blackbox.prober import patience
from probes.blackbox.settings import BlackboxSettings

_DEFAULT_MODULE = "http_2xx"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OFF = "probing on request is off; write blackbox: {modules: blackbox.yml, allow: [10.0.0.0/8]} in the config\n"


def router(errands: Errands, settings: Callable[[], BlackboxSettings | None]) -> APIRouter:
    """The route. Answers 404 without settings, 400 for a request that makes no sense, 503 when we could not look.

    `debug=true` says in words how the probe went, before its metrics.
    """
    routes = APIRouter()

    @routes.get("/probe", tags=["prometheus"])
    async def probe(
        request: Request, target: str = "", module: str = _DEFAULT_MODULE, hostname: str = "", debug: bool = False
    ) -> PlainTextResponse:
        known = settings()
        if known is None:
            return PlainTextResponse(_OFF, 404)
        wanted = known.module(module)
        if wanted is None:
            names = ", ".join(known.names)
            return PlainTextResponse(f"Unknown module {module[:100]!r}; known are {names}\n", 400)
        if not target:
            return PlainTextResponse("Target parameter is missing\n", 400)
        seconds = patience(wanted, _scrape_timeout(request))
        try:
            errand = await errands.run(known, module, target, seconds, hostname)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 400)
        except ErrandFailed as error:
            return PlainTextResponse(f"{error}\n", 503)
        if debug:
            return PlainTextResponse(f"# {errand.reason or 'as expected'}\n\n{errand.page}")
        return PlainTextResponse(errand.page, media_type=_TYPE)

    return routes


def _scrape_timeout(request: Request) -> float | None:
    """What Prometheus says of its patience; anything but a number is as if it had said nothing."""
    try:
        return float(request.headers.get("x-prometheus-scrape-timeout-seconds", ""))
    except ValueError:
        return None
