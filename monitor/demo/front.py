"""What the shop's pages share: its rooms, templates, the shopper's cookie, and forms as browsers send them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import parse_qsl

import httpx
from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from monitor.demo import catalogue
from monitor.demo.database import Database
from monitor.demo.sessions import Session, Sessions
from monitor.demo.switches import Switches

_COOKIE = "visit"
_FORM_LIMIT = 64 * 1024
#: Words of a form, by name, as the browser sent them.
Form = dict[str, str]


@dataclass(frozen=True, slots=True)
class Keys:
    """What the shop's machines know each other by. Made anew at each start, kept in the state folder."""

    admin: str
    payment: str
    synthetic: str


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything the pages need: the database, the visits, the switches, and the way to the payment provider."""

    database: Database
    switches: Switches
    keys: Keys
    payment_url: str
    clock: Callable[[], float] = time.time
    sessions: Sessions = field(default_factory=Sessions)
    provider: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=5.0))


_templates = Environment(loader=PackageLoader("monitor.demo"), autoescape=True, undefined=StrictUndefined)
_templates.filters["money"] = catalogue.money


async def read_form(request: Request) -> Form:
    """The fields of a posted form; a hostile length answers 413."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_LIMIT:
            raise HTTPException(413, "this form is too long")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


Posted = Annotated[Form, Depends(read_form)]


class Counter:
    """Where a request meets the shop: it finds the visit, renders pages and checks the forms' tokens."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def visit(self, request: Request) -> Session:
        """The visit this cookie belongs to, or a new one."""
        return self._shop.sessions.find(request.cookies.get(_COOKIE)) or self._shop.sessions.begin()

    def page(self, template: str, session: Session, status: int = 200, **words: Any) -> HTMLResponse:
        """One page, with a fresh token for its forms."""
        words = {"token": self._shop.sessions.token(session), "items": sum(session.cart.values()), "alert": "", **words}
        response = HTMLResponse(_templates.get_template(template).render(words), status)
        _set_cookie(response, session)
        return response

    def go(self, where: str, session: Session) -> RedirectResponse:
        """On to another page after a form, so that going back does not order twice."""
        response = RedirectResponse(where, 303)
        _set_cookie(response, session)
        return response

    def refused(self, session: Session, form: Form) -> Response | None:
        """The page for a form that did not come from this visit, or None when it did."""
        if self._shop.sessions.accepts(session, form.get("csrf", "")):
            return None
        return self.page("sorry.html", session, 403, alert="This form has expired. Go back, reload and try again.")


def _set_cookie(response: Response, session: Session) -> None:
    response.set_cookie(_COOKIE, session.key, httponly=True, samesite="lax")
