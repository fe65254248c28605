"""The page with the switches, and what the command line calls to turn them. For this machine only."""

import ipaddress
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import Response

from monitor.demo.front import Counter, Posted, Shop
from monitor.demo.switches import NAMES, UnknownSwitch


def router(shop: Shop) -> APIRouter:
    """`/switches` with a button for each, `/switches/NAME/break`, `/switches/NAME/mend` and `/switches/mend`."""

    def from_this_machine(request: Request) -> None:
        """Neither another machine nor a page of another site in this machine's browser may break the shop."""
        if not (_loopback(request.client.host if request.client else "") and _loopback(request.url.hostname or "")):
            raise HTTPException(403, "the switches can be turned from the shop's own machine only")

    pages, counter = APIRouter(dependencies=[Depends(from_this_machine)]), Counter(shop)

    @pages.get("/switches")
    def switches(request: Request) -> Response:
        return counter.page("switches.html", counter.visit(request), names=NAMES, state=shop.switches.state())

    @pages.get("/switches.json")
    def state() -> dict[str, bool]:
        return shop.switches.state()

    def allowed(request: Request, form: Posted, authorization: Annotated[str, Header()] = "") -> None:
        by_key = secrets.compare_digest(authorization.encode(), f"Bearer {shop.keys.admin}".encode())
        if not by_key and not shop.sessions.accepts(counter.visit(request), form.get("csrf", "")):
            raise HTTPException(403, "this button has expired; reload the page of switches")

    @pages.post("/switches/mend", dependencies=[Depends(allowed)])
    def mend_all(request: Request) -> Response:
        shop.switches.mend()
        return counter.go("/switches", counter.visit(request))

    @pages.post("/switches/{name}/{action}", dependencies=[Depends(allowed)])
    def turn(request: Request, name: str, action: str) -> Response:
        actions = {"break": shop.switches.set_broken, "mend": shop.switches.mend}
        if action not in actions:
            raise HTTPException(404, "a switch can be told to break or to mend")
        try:
            actions[action](name)
        except UnknownSwitch as error:
            raise HTTPException(404, str(error)) from None
        return counter.go("/switches", counter.visit(request))

    return pages


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
