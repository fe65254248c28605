"""The jobs' own reports, kept so that a restart neither forgets one nor calls our own absence a job's silence."""

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from monitor.store.schema import heartbeats
from probes.base import Beat


def expect(connection: Connection, probes: Iterable[str], now: float) -> None:
    """Begin to expect reports of these probes' jobs at `now`; of those that we expect already, since then."""
    known = set(connection.execute(select(heartbeats.c.probe)).scalars())
    new = [
        {"probe": name, "waiting_since": now, "deaf": 0.0, "heard_until": now} for name in probes if name not in known
    ]
    if new:
        connection.execute(heartbeats.insert(), new)


def listening(connection: Connection, now: float) -> None:
    """Until now a report would have been heard."""
    connection.execute(update(heartbeats).values(heard_until=now))


def resume(connection: Connection, now: float) -> None:
    """We are back: from when we last listened until now, no report could be heard."""
    gap = now - heartbeats.c.heard_until
    late = update(heartbeats).where(gap > 0)
    connection.execute(late.values(deaf=heartbeats.c.deaf + gap, heard_until=now))


def report(connection: Connection, probe: str, beat: Beat) -> None:
    """Keep a report of an expected probe's job in place of its last one."""
    said = {"reported_at": beat.at, "ok": beat.ok, "message": beat.message, "deaf": 0.0}
    connection.execute(update(heartbeats).where(heartbeats.c.probe == probe).values(said))


def read(connection: Connection) -> dict[str, tuple[float, Beat | None]]:
    """For each probe ever expected: since when (later by the time in which we were down), and its job's last report."""
    found = {}
    for row in connection.execute(select(heartbeats)):
        beat = None if row.reported_at is None else Beat(row.reported_at, row.ok, row.message, row.deaf)
        found[row.probe] = (row.waiting_since if beat else row.waiting_since + row.deaf, beat)
    return found
