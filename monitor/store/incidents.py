"""Incidents in the store: opened, changed, found again, each with its story."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from alerts.incident import Audit, Incident
from monitor.store.schema import incident_events, incidents

_BODY = TypeAdapter(Incident)


@dataclass(frozen=True, slots=True)
class Stored:
    """An incident with its place in the store."""

    id: int
    incident: Incident


def add(connection: Connection, incident: Incident) -> int:
    """Store a new incident; answers its id. Raises IntegrityError when its key or its open identity is taken."""
    answer = connection.execute(insert(incidents).values(**_columns(incident)).returning(incidents.c.id))
    return int(answer.scalar_one())


def change(connection: Connection, incident_id: int, incident: Incident) -> None:
    """Store what became of an incident."""
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(**_columns(incident)))


def note(connection: Connection, incident_id: int, lines: Iterable[Audit]) -> None:
    """Add lines to an incident's story."""
    rows = [
        {
            "incident_id": incident_id,
            "at": line.at,
            "kind": line.kind,
            "who": text(line.who)[:100],
            "text": text(line.text),
        }
        for line in lines
    ]
    if rows:
        connection.execute(insert(incident_events), rows)


def get(connection: Connection, incident_id: int) -> Stored | None:
    """The incident of this id."""
    return _first(connection, _stored().where(incidents.c.id == incident_id))


def by_key(connection: Connection, key: str) -> Stored | None:
    """The incident of this key, in whatever case it was typed."""
    return _first(connection, _stored().where(incidents.c.key == key.strip().upper()))


def find(connection: Connection, identity: str, since: float) -> Stored | None:
    """The newest incident of this identity that is open, or was resolved after `since`."""
    alive = or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at >= since)
    query = _stored().where(incidents.c.identity == identity, alive)
    return _first(connection, query.order_by(incidents.c.resolved_at.is_(None).desc(), incidents.c.id.desc()))


def unresolved(connection: Connection) -> list[Stored]:
    """Every open incident, the oldest first."""
    return _all(connection, _stored().where(incidents.c.resolved_at.is_(None)).order_by(incidents.c.id))


def recent(connection: Connection, limit: int = 50) -> list[Stored]:
    """The newest incidents, open or not, the newest first."""
    return _all(connection, _stored().order_by(incidents.c.id.desc()).limit(limit))


def due(connection: Connection, now: float, limit: int = 100) -> list[Stored]:
    """Incidents that want to be looked at again, the longest overdue first."""
    query = _stored().where(incidents.c.next_at <= now).order_by(incidents.c.next_at).limit(limit)
    return _all(connection, query)


def next_due(connection: Connection) -> float | None:
    """When the first incident wants to be looked at again (seconds UTC)."""
    moment: float | None = connection.scalar(select(func.min(incidents.c.next_at)))
    return moment


def census(connection: Connection) -> dict[tuple[str, str], int]:
    """How many incidents are unresolved, by state and severity."""
    of = incidents.c
    query = select(of.state, of.severity, func.count()).where(of.resolved_at.is_(None)).group_by(of.state, of.severity)
    return {(state, severity): count for state, severity, count in connection.execute(query)}


def story(connection: Connection, incident_id: int) -> tuple[Audit, ...]:
    """What happened, in order."""
    of = incident_events.c
    query = select(of.at, of.kind, of.text, of.who).where(of.incident_id == incident_id).order_by(of.id)
    return tuple(Audit(*row) for row in connection.execute(query))


def taken(connection: Connection, key: str) -> bool:
    """Whether a key was given to an incident before."""
    return connection.scalar(select(incidents.c.id).where(incidents.c.key == key)) is not None


def forget(connection: Connection, before: float) -> int:
    """Delete incidents resolved before a moment, with all that belongs to them; answers how many."""
    return connection.execute(delete(incidents).where(incidents.c.resolved_at < before)).rowcount


def text(value: str) -> str:
    """A text that every database takes: PostgreSQL refuses NUL, and lone surrogates are no UTF-8."""
    return value.replace("\0", "\ufffd").encode(errors="replace").decode()


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "key": incident.key,
        "identity": incident.identity,
        "state": incident.state.value,
        "severity": text(incident.severity)[:32],
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved.at if incident.resolved else None,
        "next_at": incident.next_at,
        "version": incident.version,
        # json escapes what is not ASCII and knows NaN and Infinity, which a rule's value can be.
        "body": json.dumps(_BODY.dump_python(incident, mode="json")),
    }


def _stored() -> Select[int, str]:
    return select(incidents.c.id, incidents.c.body)


def _read(row: Row[int, str]) -> Stored:
    return Stored(row[0], _BODY.validate_python(json.loads(row[1])))


def _first(connection: Connection, query: Select[int, str]) -> Stored | None:
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _read(row)


def _all(connection: Connection, query: Select[int, str]) -> list[Stored]:
    return [_read(row) for row in connection.execute(query)]
