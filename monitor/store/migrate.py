"""Brings the database to the schema that this version knows, and refuses one that a newer version has changed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.store.engine import StoreError, damaged

_PLACE = Path(__file__).parent / "migrations"
#: Any number will do, as long as every replica takes the same one: only one may migrate at a time.
_LOCK = 0x5107_3A7C


def migrate(connection: Connection) -> None:
    """Run what is missing of migrations/versions, in the caller's transaction. Raises StoreError."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    else:
        _check_sound(connection)
    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    config.attributes["connection"] = connection
    _refuse_newer(connection, ScriptDirectory.from_config(config))
    command.upgrade(config, "heads")


def _check_sound(connection: Connection) -> None:
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise StoreError(damaged(connection.engine.url.database, str(verdict)))


def _refuse_newer(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    unknown = sorted(set(MigrationContext.configure(connection).get_current_heads()) - known)
    if unknown:
        place = connection.engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"store: {place} was written by a newer Shopwatch (schema {', '.join(unknown)}, unknown here); "
            "run that version, or restore the copy made before the upgrade"
        )
