"""/heartbeat/NAME: where a job reports that it ran, or that it failed."""

import hmac
from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from monitor.heartbeats import Heartbeats
from monitor.store import StoreError
from probes.base import ProbeSettings
from probes.settings import Secret, SecretUnreadable

_LONGEST_BODY = 10_000
_LONGEST_MESSAGE = 500
_STATUSES = {"ok": True, "fail": False}


class _Refused(Exception):
    """A report that cannot be taken; the message tells its job's author why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def router(
    heartbeats: Heartbeats,
    settings: Callable[[str], ProbeSettings | None],
    reported: Callable[[str], None],
    elsewhere: Callable[[str], str] = lambda name: "",
) -> APIRouter:
    """The route for jobs. `settings` finds a passive probe by name; `reported` is called after each report;
    `elsewhere` says which other machine a probe is on, or nothing.

    GET or POST, `?status=fail` for a failure, `?message=` or the body to say what happened.
    """
    routes = APIRouter()

    @routes.get("/heartbeat/{name}", tags=["heartbeat"])  # one route each: an operation of the API has one method
    @routes.post("/heartbeat/{name}", tags=["heartbeat"])
    async def heartbeat(name: str, request: Request) -> Response:
        try:
            probe = settings(name)
            if probe is None and (other := elsewhere(name)):  # it would be lost here: whoever judges the job is there
                raise _Refused(421, f"{name!r} reports to {other}")
            if probe is None:
                raise _Refused(404, f"no heartbeat is called {name[:100]!r}")
            _check_token(getattr(probe, "token", None), request)
            ok, message = await _read(request)
            if not await heartbeats.report(name, ok, message):
                raise _Refused(429, "more than one report a second")
        except _Refused as refused:
            return PlainTextResponse(f"{refused}\n", refused.code)
        except StoreError as error:
            return PlainTextResponse(f"{error}\n", 503)
        reported(name)
        return PlainTextResponse("ok\n")

    return routes


def _check_token(token: Secret | None, request: Request) -> None:
    """A token in the URL would end up in every proxy's log, so it is taken from the header only."""
    if token is None:
        return
    try:
        expected = token.read()
    except SecretUnreadable as error:
        raise _Refused(503, str(error)) from None
    given = request.headers.get("authorization", "")
    if not expected or not hmac.compare_digest(given.encode(), f"Bearer {expected}".encode()):
        raise _Refused(401, "this heartbeat wants its token, as the header Authorization: Bearer TOKEN")


async def _read(request: Request) -> tuple[bool, str]:
    unknown = set(request.query_params) - {"status", "message"}
    if unknown:
        raise _Refused(400, f"unknown parameter {min(unknown)[:100]!r}; status and message are known")
    status = request.query_params.get("status", "ok")
    if status not in _STATUSES:
        raise _Refused(400, f"status is {status[:100]!r}; it must be ok or fail")
    message = request.query_params.get("message") or await _body(request)
    return _STATUSES[status], " ".join(message.replace("\0", "").split())[:_LONGEST_MESSAGE]


async def _body(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise _Refused(413, f"the message is longer than {_LONGEST_BODY} bytes")
    return body.decode(errors="replace")
