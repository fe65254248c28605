"""What the shop does behind the counter: mails that follow an order, and the warehouse's figures."""

import sqlite3
from datetime import UTC, datetime

from monitor.demo.database import Database
from monitor.demo.shoppers import keep_shelves

#: How often the warehouse's figures come, and mails go out, in seconds.
STOCK_EVERY, MAILS_EVERY = 60.0, 5.0


def import_stock(database: Database, at: float) -> None:
    """Take over the warehouse's figures, and write down when that ended well."""
    keep_shelves(database)
    with database.writing() as connection:
        connection.execute(
            "insert into syncs (name, ended_at) values ('stock', ?)"
            " on conflict (name) do update set ended_at = excluded.ended_at",
            (_moment(at),),
        )


def send_mails(database: Database, at: float) -> None:
    """Send whatever confirmation waits. Nothing leaves the demo: it is written down as sent."""
    with database.writing() as connection:
        connection.execute("update mails set sent_at = ? where sent_at is null", (_moment(at),))


def waiting_mails(connection: sqlite3.Connection, at: float) -> tuple[int, float]:
    """How many mails wait, and for how many seconds the oldest does."""
    count, oldest = connection.execute(
        "select count(*), min(unixepoch(created_at)) from mails where sent_at is null"
    ).fetchone()
    return count, max(0.0, at - oldest) if oldest is not None else 0.0


def syncs(connection: sqlite3.Connection) -> list[tuple[str, float]]:
    """Each import or export, and when it last ended well (seconds UTC)."""
    rows = connection.execute("select name, unixepoch(ended_at) from syncs").fetchall()
    return [(row[0], float(row[1])) for row in rows]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
