"""Silences in the store."""

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from alerts.silence import Matcher, Silence
from monitor.store.incidents import text
from monitor.store.schema import silences


def put(connection: Connection, silence: Silence) -> None:
    """Add a silence, or change the one of the same id."""
    values = {
        "matchers": [[each.name, text(each.value), each.negated, each.regex] for each in silence.matchers],
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "reason": text(silence.reason),
        "by": text(silence.by)[:200],
        "updated_at": silence.updated_at,
    }
    if not connection.execute(update(silences).where(silences.c.id == silence.id).values(values)).rowcount:
        connection.execute(insert(silences).values(id=silence.id, **values))


def get(connection: Connection, silence_id: str) -> Silence | None:
    """The silence of this id."""
    row = connection.execute(select(silences).where(silences.c.id == silence_id)).first()
    return None if row is None else _read(row)


def every(connection: Connection) -> list[Silence]:
    """All silences, ended ones too, the newest first."""
    return [_read(row) for row in connection.execute(select(silences).order_by(silences.c.starts_at.desc()))]


def active(connection: Connection, now: float) -> tuple[Silence, ...]:
    """The silences that hold at this moment."""
    rows = connection.execute(select(silences).where(silences.c.starts_at <= now, silences.c.ends_at > now))
    return tuple(_read(row) for row in rows)


def forget(connection: Connection, before: float) -> int:
    """Delete silences that ended before a moment; answers how many."""
    return connection.execute(delete(silences).where(silences.c.ends_at < before)).rowcount


def _read(row: Row[Any]) -> Silence:
    matchers = tuple(Matcher(*each) for each in row.matchers)
    return Silence(row.id, matchers, row.starts_at, row.ends_at, row.reason, row.by, row.updated_at)
