"""Our own API for people and scripts: incidents, acks, silences, who is on call, a test page."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from sqlalchemy import Connection

from alerts.incident import Ack, Decision, Resolve
from alerts.oncall import Shift
from alerts.page import figure, runbook_url
from alerts.silence import Silence, begin
from monitor.case import NotKnown
from monitor.desk import Busy, Desk
from monitor.silenced import matched
from monitor.store import Store, StoreError, incidents, outbox, silences
from monitor.store.incidents import Stored
from probes.base import Labels

T = TypeVar("T")
_LONGEST_NAME = 100
_VIA = "the API"


def only_json(request: Request) -> None:
    """A browser sends JSON to another site only after asking, and we never agree: no page can act for its reader."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send application/json")


async def decided(begin: Callable[[], "Future[T]"]) -> T:
    """The answer of the desk, with its troubles as HTTP's: 404 not known, 503 busy or not stored."""
    try:
        return await asyncio.wrap_future(begin())
    except NotKnown as error:
        raise HTTPException(404, str(error)) from None
    except (Busy, StoreError) as error:
        raise HTTPException(503, str(error), {"Retry-After": "1"}) from None


def router(
    desk: Desk,
    store: Store,
    external_url: Callable[[], str] = lambda: "",
    clock: Callable[[], float] = time.time,
    watched: Callable[[], Mapping[str, Labels]] = dict,
) -> APIRouter:
    """/api/v1/incidents, /silences, /oncall, /page-test. `watched` answers the labels of what is watched, by name."""
    routes = APIRouter(prefix="/api/v1", tags=["incidents"])
    json_only = [Depends(only_json)]

    async def read(transaction: Callable[[Connection], T]) -> T:
        try:
            return await store.atransaction(transaction)
        except StoreError as error:
            raise HTTPException(503, str(error)) from None

    @routes.get("/incidents")
    async def listed(all: bool = False, limit: int = 50) -> dict[str, Any]:
        """Open incidents, or with `all` the newest ones whatever their state."""
        count = min(max(limit, 1), 500)
        found = await read(
            lambda connection: incidents.recent(connection, count) if all else incidents.unresolved(connection)
        )
        return {"incidents": [incident_json(one, external_url()) for one in found]}

    @routes.get("/incidents/{key}")
    async def one(key: str) -> dict[str, Any]:
        """One incident with its story, and what was told by which notifier."""
        found = await read(lambda connection: _whole(connection, key, external_url()))
        if found is None:
            raise HTTPException(404, f"there is no incident {key}")
        return found

    @routes.post("/incidents/{key}/ack", dependencies=json_only)
    async def ack(key: str, by: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        """Take an incident: its escalation stops."""
        return _decision_json(await decided(lambda: desk.act(key, Ack(_person(by), _VIA))))

    @routes.post("/incidents/{key}/resolve", dependencies=json_only)
    async def resolve(key: str, by: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        """Say that an incident is over. A source that still says otherwise after five minutes opens it again."""
        return _decision_json(await decided(lambda: desk.act(key, Resolve(_person(by), _VIA))))

    @routes.post("/page-test", dependencies=json_only)
    async def page_test(by: Annotated[str, Body()], to: Annotated[str, Body()] = "") -> dict[str, Any]:
        """Send a test page to a notifier or a person, or to every notifier."""
        return _decision_json(await decided(lambda: desk.drill(to, _person(by))))

    @routes.get("/silences")
    async def silenced() -> dict[str, Any]:
        """Every silence, ended ones too."""
        now = clock()
        return {"silences": [silence_json(one, now) for one in await read(silences.every)]}

    @routes.post("/silences", dependencies=json_only)
    async def silence(
        matchers: Annotated[str, Body()],
        duration: Annotated[str, Body(alias="for")],
        reason: Annotated[str, Body()],
        by: Annotated[str, Body()],
    ) -> dict[str, Any]:
        """Silence what matches for a while, such as {"matchers": "shop=main", "for": "2h", ...}.

        `matches` of the answer names what that is at present.
        """
        now = clock()
        try:
            new = begin(matchers, duration, reason, _person(by), now)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        open_ones = [stored.incident for stored in await read(incidents.unresolved)]
        made = silence_json(await decided(lambda: desk.silence(new)), now)
        return made | {"matches": matched(new, watched(), open_ones)}

    @routes.delete("/silences/{silence_id}")
    async def unsilence(silence_id: str) -> dict[str, Any]:
        """End a silence now."""
        return silence_json(await decided(lambda: desk.unsilence(silence_id)), clock())

    @routes.get("/oncall")
    async def oncall(at: float | None = None) -> dict[str, Any]:
        """Who is on call now, or at a moment (seconds since 1970)."""
        moment = clock() if at is None else at
        return {"oncall": [shift_json(shift) for shift in desk.duty.roster.now(moment)]}

    return routes


def incident_json(stored: Stored, external_url: str) -> dict[str, Any]:
    """An incident as our API tells it; times are seconds since 1970."""
    incident, lead = stored.incident, stored.incident.lead
    return {
        "key": incident.key,
        "state": incident.state,
        "severity": incident.severity,
        "headline": (lead.annotations.get("summary") or lead.name) if lead else "",
        "description": lead.annotations.get("description", "") if lead else "",
        "labels": dict(incident.labels),
        "started_at": incident.started_at,
        "opened_at": incident.opened_at,
        "acked_by": incident.ack.by if incident.ack else None,
        "acked_at": incident.ack.at if incident.ack else None,
        "resolved_by": incident.resolved.by if incident.resolved else None,
        "resolved_at": incident.resolved.at if incident.resolved else None,
        "silenced_until": incident.hush.until if incident.hush else None,
        "silenced_by": incident.hush.by if incident.hush else None,
        "silenced_because": incident.hush.reason if incident.hush else None,
        "evidence": incident.evidence.summary if incident.evidence else None,
        "values": [figure(alert.value) for alert in incident.firing if alert.value is not None],
        "told": [{"notifier": told.notifier, "people": list(told.people)} for told in incident.told],
        "runbook_url": runbook_url(lead, external_url),
    }


def silence_json(silence: Silence, now: float) -> dict[str, Any]:
    """A silence as our API tells it."""
    return {
        "id": silence.id,
        "matchers": ", ".join(map(str, silence.matchers)),
        "state": silence.state(now),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "reason": silence.reason,
        "by": silence.by,
    }


def shift_json(shift: Shift) -> dict[str, Any]:
    """A shift as our API tells it."""
    return {
        "rotation": shift.rotation,
        "person": shift.person.name,
        "starts_at": shift.starts_at,
        "ends_at": shift.ends_at,
        "reason": shift.reason,
    }


def _whole(connection: Connection, key: str, external_url: str) -> dict[str, Any] | None:
    stored = incidents.by_key(connection, key)
    if stored is None:
        return None
    tellings = outbox.of_incident(connection, stored.id)
    return incident_json(stored, external_url) | {
        "story": [
            {"at": line.at, "kind": line.kind, "text": line.text, "who": line.who}
            for line in incidents.story(connection, stored.id)
        ],
        "outbox": [
            {"notifier": notifier, "kind": kind, "state": state, "error": error}
            for notifier, kind, state, error in tellings
        ],
    }


def _decision_json(decision: Decision) -> dict[str, Any]:
    incident = decision.incident
    return {
        "key": incident.key if incident else None,
        "state": incident.state if incident else None,
        "reason": decision.reason,
    }


def _person(name: str) -> str:
    name = " ".join(name.split())[:_LONGEST_NAME]
    if not name or not name.isprintable():
        raise HTTPException(400, "say who you are: `by` is empty")
    return name
