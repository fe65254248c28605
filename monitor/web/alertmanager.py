"""Where Prometheus and Alertmanager tell us of alerts, and where amtool, karma and Grafana look."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from alerts.alert import Alert, Status
from alerts.incident import Decision
from alerts.silence import BadMatcher, Matcher, Silence, parse_matchers
from alerts.standby import WATCHDOG
from monitor.desk import Desk
from monitor.selfwatch import VERSION
from monitor.store import Store, StoreError, incidents, silences
from monitor.web.alertmanager_format import (
    BadAlert,
    read_alert,
    read_silence,
    sender,
    unreadable,
    write_alert,
    write_silence,
    write_time,
)
from monitor.web.incidents import decided, only_json

_log = logging.getLogger(__name__)

_LARGEST = 8 << 20
#: The release of Alertmanager whose API v2 this is: tools look for the version that they know.
_SPEAKS = "0.27.0"
Filters = Annotated[list[str] | None, Query(alias="filter")]


@dataclass(frozen=True)
class _Group:
    """An incident with its alerts as Alertmanager writes them."""

    labels: dict[str, str]
    receiver: str
    alerts: list[dict[str, Any]]


def router(
    desk: Desk,
    store: Store,
    watchdog: Callable[[Alert], None] = lambda alert: None,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """/api/v2/…, as far as its users go, and /webhooks/alertmanager.

    `watchdog` is told whenever an alert called Watchdog arrives: its sender is alive.
    """
    routes = APIRouter(tags=["alertmanager"])
    json_only = [Depends(only_json)]
    started = clock()

    async def take(alerts: list[Alert]) -> None:
        for alert in alerts:
            if alert.name == WATCHDOG:
                watchdog(alert)
        real = [alert for alert in alerts if alert.name != WATCHDOG]
        answers: list[Decision | Exception] = await decided(lambda: desk.submit(*real)) if real else []
        failed = [answer for answer in answers if isinstance(answer, Exception)]
        if failed:  # 5xx is what a webhook's sender tries again
            raise HTTPException(500, f"{len(failed)} of {len(answers)} alerts could not be decided; our log says why")

    @routes.post("/api/v2/alerts", dependencies=json_only)
    async def post_alerts(request: Request) -> JSONResponse:
        """Alerts as Prometheus posts them. Those that can be read are stored, even when others make the answer 400."""
        given = await _json(request)
        if not isinstance(given, list):
            raise HTTPException(400, "send a list of alerts")
        source, now = sender(request.headers.get("user-agent", "")), clock()
        found, problems = [], []
        for one in given:
            try:
                found.append(read_alert(one, source, now))
            except BadAlert as error:
                problems.append(str(error))
        await take(found)
        if problems:
            return JSONResponse("; ".join(problems[:10]), 400)
        return JSONResponse({})

    @routes.post("/webhooks/alertmanager", dependencies=json_only)
    async def webhook(request: Request) -> JSONResponse:
        """Alertmanager's webhook, version 4. 200 only after the commit; what a group leaves out says nothing.

        What cannot be read becomes an incident of its own: its sender would not tell it again.
        """
        given = await _json(request)
        if not isinstance(given, dict) or given.get("version") != "4" or not isinstance(given.get("alerts"), list):
            raise HTTPException(400, "send Alertmanager's webhook message, version 4")
        now, found = clock(), []
        for one in given["alerts"]:
            try:
                found.append(read_alert(_without_end(one), "alertmanager", now, ends=False))
            except BadAlert as error:
                _log.warning("an alert from Alertmanager cannot be read: %s", error)
                found.append(unreadable(one, str(error), "alertmanager", now))
        await take(found)
        return JSONResponse({})

    @routes.get("/api/v2/status")
    async def status() -> dict[str, Any]:
        """Who we are, as far as Alertmanager's tools want to know."""
        return {
            "cluster": {"status": "disabled", "peers": []},
            "config": {"original": "route: {receiver: shopwatch}\nreceivers: [{name: shopwatch}]\n"},
            "uptime": write_time(started),
            "versionInfo": {
                "version": _SPEAKS,
                "revision": f"shopwatch {VERSION}",
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
            },
        }

    @routes.get("/api/v2/receivers")
    async def receivers() -> list[dict[str, str]]:
        """Our escalations and notifiers."""
        duty = desk.duty
        names = dict.fromkeys([*(plan.name for plan in duty.escalations), *duty.notifiers])
        return [{"name": name} for name in names]

    @routes.get("/api/v2/alerts")
    async def get_alerts(
        filter: Filters = None, active: bool = True, silenced: bool = True, receiver: str = ""
    ) -> list[dict[str, Any]]:
        """The alerts of open incidents."""
        groups = await _groups(desk, store, _parse(filter), active, silenced, receiver, clock())
        return [alert for group in groups for alert in group.alerts]

    @routes.get("/api/v2/alerts/groups")
    async def get_groups(
        filter: Filters = None, active: bool = True, silenced: bool = True, receiver: str = ""
    ) -> list[dict[str, Any]]:
        """Open incidents as groups of alerts."""
        groups = await _groups(desk, store, _parse(filter), active, silenced, receiver, clock())
        return [
            {"labels": group.labels, "receiver": {"name": group.receiver}, "alerts": group.alerts} for group in groups
        ]

    @routes.get("/api/v2/silences")
    async def get_silences(filter: Filters = None) -> list[dict[str, Any]]:
        """Every silence whose matchers meet the filters."""
        matchers, now = _parse(filter), clock()
        found = await _read(store, silences.every)
        return [write_silence(one, now) for one in found if _is_about(one, matchers)]

    @routes.get("/api/v2/silence/{silence_id}")
    async def get_silence(silence_id: str) -> dict[str, Any]:
        """One silence."""
        found = await _read(store, lambda connection: silences.get(connection, silence_id))
        if found is None:
            raise HTTPException(404, f"silence {silence_id} not found")
        return write_silence(found, clock())

    @routes.post("/api/v2/silences", dependencies=json_only)
    async def post_silence(request: Request) -> dict[str, str]:
        """Begin a silence, or change the one of the same id."""
        try:
            silence = read_silence(await _json(request), clock())
        except BadAlert as error:
            raise HTTPException(400, str(error)) from None
        stored = await decided(lambda: desk.silence(silence))
        return {"silenceID": stored.id}

    @routes.delete("/api/v2/silence/{silence_id}")
    async def delete_silence(silence_id: str) -> JSONResponse:
        """End a silence now."""
        await decided(lambda: desk.unsilence(silence_id))
        return JSONResponse({})

    return routes


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413, f"more than {_LARGEST >> 20} MiB at once")
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"this is not JSON: {str(error)[:200]}") from None


def _without_end(given: Any) -> Any:
    """A firing alert of a webhook: its endsAt, where there is one, is when Prometheus would be disbelieved."""
    if isinstance(given, dict) and given.get("status") != "resolved":
        return {key: value for key, value in given.items() if key != "endsAt"}
    return given


def _parse(filters: list[str] | None) -> tuple[Matcher, ...]:
    try:
        return tuple(matcher for text in filters or () for matcher in parse_matchers(text))
    except BadMatcher as error:
        raise HTTPException(400, str(error)) from None


def _receiver(pattern: str) -> Matcher | None:
    try:
        return Matcher("receiver", pattern, regex=True) if pattern else None
    except BadMatcher as error:
        raise HTTPException(400, str(error)) from None


def _is_about(silence: Silence, filters: tuple[Matcher, ...]) -> bool:
    values = {matcher.name: matcher.value for matcher in silence.matchers}
    return all(matcher.matches(values) for matcher in filters)


async def _read(store: Store, transaction: Callable[[Connection], Any]) -> Any:
    try:
        return await store.atransaction(transaction)
    except StoreError as error:
        raise HTTPException(503, str(error)) from None


async def _groups(
    desk: Desk, store: Store, filters: tuple[Matcher, ...], active: bool, silenced: bool, receiver: str, now: float
) -> list[_Group]:
    """Open incidents with those of their alerts that are asked for; none without an alert."""
    found, quieted = await _read(
        store, lambda connection: (incidents.unresolved(connection), silences.active(connection, now))
    )
    quieted += desk.duty.planned(now)
    wanted = _receiver(receiver)
    groups = []
    for stored in found:
        incident = stored.incident
        name = desk.duty.assign(incident.lead.labels if incident.lead else incident.labels).plan.name
        if wanted is not None and not wanted.matches({"receiver": name}):
            continue
        alerts = []
        for alert in {one.labels: one for one in incident.unsettled if one.status is not Status.RESOLVED}.values():
            values = dict(alert.labels)
            if not all(matcher.matches(values) for matcher in filters):
                continue
            written = write_alert(alert, incident, name, quieted, now)
            if active if written["status"]["state"] == "active" else silenced:
                alerts.append(written)
        if alerts:
            groups.append(_Group(dict(incident.labels), name, alerts))
    return groups
