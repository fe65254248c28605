"""Where Slack tells us of clicks: signed requests only, each once, answered at once."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from alerts.incident import Ack, Resolve
from alerts.silence import Matcher, Silence
from monitor.case import NotKnown
from monitor.desk import Busy, Desk
from monitor.store import Store, StoreError, incidents, signatures
from probes.settings import Secret

_log = logging.getLogger(__name__)

#: A request older or newer than this many seconds is not believed, whoever signed it.
WINDOW = 300.0
#: Slack shows a warning to whoever clicked when it waits longer than 3 s.
_PATIENCE = 2.0
_LARGEST = 1 << 20
_SILENCE_SECONDS = 3600.0
_VIA = "Slack"


def router(
    desk: Desk,
    store: Store,
    secrets: Callable[[], Iterable[Secret]],
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """POST /slack/events, for both "Event Subscriptions" and "Interactivity" of a Slack app.

    `secrets` answers the signing secrets of the present config; a request signed with any of them is believed.
    """
    routes = APIRouter(tags=["slack"])

    @routes.post("/slack/events")
    async def events(request: Request) -> Response:
        body = await _body(request)
        signature = request.headers.get("x-slack-signature", "")
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not await asyncio.to_thread(is_signed, body, stamp, signature, secrets(), clock):
            raise HTTPException(401, "this is not signed by Slack with a signing_secret of our config, or too late")
        try:
            if not await store.atransaction(lambda c: signatures.remember(c, signature, clock(), 2 * WINDOW)):
                raise HTTPException(401, "this request was made before")
            return await _answer(_payload(body, request.headers.get("content-type", "")), desk, store, clock)
        except (StoreError, Busy) as error:
            raise HTTPException(503, str(error)) from None

    return routes


def is_signed(
    body: bytes, stamp: str, signature: str, secrets: Iterable[Secret], clock: Callable[[], float] = time.time
) -> bool:
    """Whether the raw bytes of a request are signed with one of the secrets, within WINDOW of now.

    The library raises four kinds of errors on hostile headers instead of answering; each of them is a no.
    """

    from slack_sdk.signature import Clock, SignatureVerifier  # only a service that Slack speaks to needs it

    class _Clock(Clock):
        def now(self) -> float:
            return clock()

    for secret in secrets:
        try:
            if SignatureVerifier(secret.read(), _Clock()).is_valid(body, stamp, signature):
                return True
        except Exception as error:  # whatever goes wrong in judging a stranger's request: it is not believed
            _log.debug("a request to /slack/events cannot be judged: %s", type(error).__name__)
    return False


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413, "Slack sends nothing as large as that")
    return bytes(body)


def _payload(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON of an event, or of a form's field `payload`; empty when there is none that we could read."""
    try:
        text = body.decode()
        if not content_type.startswith("application/json"):
            text = parse_qs(text).get("payload", [""])[0]
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def _answer(payload: dict[str, Any], desk: Desk, store: Store, clock: Callable[[], float]) -> Response:
    if payload.get("type") == "url_verification":
        return PlainTextResponse(str(payload.get("challenge", ""))[:1000])
    if payload.get("type") == "block_actions":
        who = _who(payload.get("user"), desk)
        actions = payload.get("actions")
        for action in actions if isinstance(actions, list) else ():
            if isinstance(action, dict):
                await _act(str(action.get("action_id", "")), str(action.get("value", ""))[:20], who, desk, store, clock)
    return Response()


async def _act(action: str, key: str, who: str, desk: Desk, store: Store, clock: Callable[[], float]) -> None:
    try:
        if action == "ack":
            reason = await _soon(desk.act(key, Ack(who, _VIA)))
        elif action == "resolve":
            reason = await _soon(desk.act(key, Resolve(who, _VIA)))
        elif action == "silence":
            stored = await store.atransaction(lambda connection: incidents.by_key(connection, key))
            if stored is None:
                raise NotKnown(f"there is no incident {key}")
            matchers = tuple(Matcher(name, value) for name, value in stored.incident.labels)
            now = clock()
            silence = Silence("", matchers, now, now + _SILENCE_SECONDS, f"{key}, from Slack", who)
            reason = await _soon(desk.silence(silence))
        else:
            return  # a button that is only a link tells us of its click too
    except NotKnown as error:
        reason = error
    _log.info("%s clicked %s on %s: %s", who, action, key, getattr(reason, "reason", reason))


async def _soon(future: Any) -> Any:
    """The desk's answer, or nothing when it takes too long: the event is in its queue, and the click was heard."""
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), _PATIENCE)
    except TimeoutError:
        return "it waits to be decided"


def _who(user: Any, desk: Desk) -> str:
    """The person behind a Slack user: by the member ID in the config, or else Slack's own name for them."""
    given = user if isinstance(user, dict) else {}
    member = str(given.get("id", ""))
    known = next((person.name for person in desk.duty.roster.people if member and person.slack == member), None)
    name = known or str(given.get("name") or given.get("username") or member or "someone in Slack")
    return "".join(letter for letter in name if letter.isprintable())[:100] or "someone in Slack"
