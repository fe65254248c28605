"""Makes those who change incidents take turns, in one process or in several."""

from sqlalchemy import Connection, text

#: Ends with its transaction, so that it works behind PgBouncer too. Any number will do.
_LOCK = text("SELECT pg_advisory_xact_lock(20260)")


def take_turns(connection: Connection) -> None:
    """Wait until no other transaction decides about incidents. SQLite's BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
