"""Reads and writes the bundles of the archive: the samples that long windows need, many series in one row."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select

from monitor.store.lock import take_turns
from monitor.store.schema import archive_bundles


class Row(NamedTuple):
    """One bundle. Times are milliseconds; `body` is packed. It replaces those that end after `replaces_after_ms`."""

    resolution_ms: int
    start_ms: int
    end_ms: int
    samples: int
    body: bytes
    replaces_after_ms: int | None = None


def save(
    connection: Connection, location: str, writer: str, rows: Iterable[Row], alive: tuple[float, float]
) -> int | None:
    """Write bundles; one that stands for a whole span takes the place of the pieces that were written of it.

    Answers None, or, when another process has written for this location between the two moments of `alive` (seconds),
    up to when it has (milliseconds), and writes nothing: the counters of two processes must not be mixed.
    """
    take_turns(connection)
    table = archive_bundles.c
    others = and_(table.location == location, table.writer != writer, table.ends_at.between(*alive))
    kept: float | None = connection.scalar(select(func.max(table.ends_at)).where(others))
    if kept is not None:
        return round(kept * 1000)
    for row in rows:
        if row.replaces_after_ms is not None:
            inside = and_(table.ends_at > row.replaces_after_ms / 1000, table.ends_at <= row.end_ms / 1000)
            mine = and_(table.location == location, table.resolution == row.resolution_ms / 1000)
            connection.execute(delete(archive_bundles).where(mine, inside))
        connection.execute(
            insert(archive_bundles).values(
                location=location,
                resolution=row.resolution_ms / 1000,
                starts_at=row.start_ms / 1000,
                ends_at=row.end_ms / 1000,
                samples=row.samples,
                body=row.body,
                writer=writer,
            )
        )
    return None


def load(connection: Connection, location: str, resolution_ms: int, since_ms: int) -> list[Row]:
    """The bundles of one resolution that end after a time, the oldest first."""
    table = archive_bundles.c
    mine = and_(table.location == location, table.resolution == resolution_ms / 1000)
    query = select(archive_bundles).where(mine, table.ends_at > since_ms / 1000).order_by(table.ends_at, table.id)
    return [
        Row(resolution_ms, round(row.starts_at * 1000), round(row.ends_at * 1000), row.samples, row.body)
        for row in connection.execute(query)
    ]


def retire(connection: Connection, location: str, resolution_ms: int, before_ms: int) -> int:
    """Forget the bundles of one resolution that end before a time; answers how many."""
    table = archive_bundles.c
    mine = and_(table.location == location, table.resolution == resolution_ms / 1000)
    return connection.execute(delete(archive_bundles).where(mine, table.ends_at < before_ms / 1000)).rowcount
