"""Runs the migrations that a database lacks, with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from monitor.store.engine import StoreError

_PLACE = Path(__file__).parent / "migrations"


def scripts() -> ScriptDirectory:
    """Every migration that this version knows."""
    return ScriptDirectory.from_config(_config())


def upgrade(connection: Connection) -> None:
    """Run what is missing, in the caller's transaction. Raises StoreError for a schema that is unknown here."""
    _refuse_newer(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    return config


def _refuse_newer(connection: Connection) -> None:
    known = {script.revision for script in scripts().walk_revisions()}
    unknown = sorted(set(MigrationContext.configure(connection).get_current_heads()) - known)
    if unknown:
        place = connection.engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"store: {place} was written by a newer Shopwatch (schema {', '.join(unknown)}, unknown here); "
            "run that version, or restore the copy made before the upgrade"
        )
