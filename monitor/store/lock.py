"""Makes those who change the same things take turns, in one process or in several."""

from sqlalchemy import Connection, text

#: What is locked. Any numbers will do, as long as every replica has the same ones.
DECIDING, SENDING = 20260, 20261
#: Ends with its transaction, so that it works behind PgBouncer too.
_LOCK = text("SELECT pg_advisory_xact_lock(:what)")


def take_turns(connection: Connection, what: int = DECIDING) -> None:
    """Wait until no other transaction decides about incidents, or hands out what is to be sent.

    On SQLite, BEGIN IMMEDIATE has done so already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"what": what})
