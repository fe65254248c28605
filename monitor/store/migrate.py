"""Brings the database to the schema that this version knows, and refuses one that a newer version has changed."""

from sqlalchemy import Connection, inspect, text

from monitor.store.engine import StoreError, damaged

#: Any number will do, as long as every replica takes the same one: only one may migrate at a time.
_LOCK = 0x5107_3A7C
#: The ends of the chains in migrations/versions: a database that is there needs nothing done.
HEADS = frozenset({"archive_writers", "heartbeats", "verifications"})


def migrate(connection: Connection) -> None:
    """Run what is missing of migrations/versions, in the caller's transaction. Raises StoreError."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    else:
        _check_sound(connection)
    if _heads(connection) != HEADS:
        from monitor.store.upgrade import upgrade  # Alembic takes 10 MiB, and most starts do not need it

        upgrade(connection)


def _heads(connection: Connection) -> set[str]:
    """Where the database stands, as Alembic has noted it."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def _check_sound(connection: Connection) -> None:
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise StoreError(damaged(connection.engine.url.database, str(verdict)))
