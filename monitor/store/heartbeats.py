"""The jobs' own reports, kept so that a restart neither forgets one nor excuses a silence."""

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from monitor.store.schema import heartbeats
from probes.base import Beat


def expect(connection: Connection, probes: Iterable[str], now: float) -> None:
    """Begin to expect reports of these probes' jobs at `now`; of those that we expect already, since then."""
    known = set(connection.execute(select(heartbeats.c.probe)).scalars())
    new = [{"probe": name, "waiting_since": now} for name in probes if name not in known]
    if new:
        connection.execute(heartbeats.insert(), new)


def report(connection: Connection, probe: str, beat: Beat) -> None:
    """Keep a report of an expected probe's job in place of its last one."""
    said = {"reported_at": beat.at, "ok": beat.ok, "message": beat.message}
    connection.execute(update(heartbeats).where(heartbeats.c.probe == probe).values(said))


def read(connection: Connection) -> dict[str, tuple[float, Beat | None]]:
    """For each probe ever expected: since when, and the last report of its job."""
    found = {}
    for row in connection.execute(select(heartbeats)):
        beat = None if row.reported_at is None else Beat(row.reported_at, row.ok, row.message)
        found[row.probe] = (row.waiting_since, beat)
    return found
