"""Makes a safe copy of a shop's SQLite database, with a record of what was in it at that very moment."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from probes.backup import record
from probes.backup.moment import parse_moment
from probes.backup.record import Counted, Record


def take_copy(
    database: Path,
    target: Path,
    newest: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    zone: str = "UTC",
) -> Record:
    """Copy a live database to `target`, whole or not at all, and write its record beside it.

    Rows are counted in the same read transaction that is copied, so that the record is exact. `newest` names a time
    column by table, such as {"orders": "created_at"}. Raises sqlite3.Error and OSError.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with closing(open_readonly(database)) as live:
            live.execute("BEGIN")
            taken_at = clock()
            rows = count_rows(live)
            moments = newest_rows(live, newest or {}, zone)
            with closing(sqlite3.connect(unfinished)) as copy:
                live.backup(copy)
                # A copy that still says WAL looks like one whose -wal was forgotten.
                copy.execute("PRAGMA journal_mode=DELETE")
        _flush(unfinished)
        size = database.stat().st_size
        made = record.make([unfinished], taken_at, rows, Counted.SNAPSHOT, moments, size, name=target.name)
        record.write(made, target)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return made


def record_copy(
    database: Path,
    target: Path,
    newest: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    zone: str = "UTC",
) -> Record:
    """Write the record of a copy that was made by other means, from what the live database holds now."""
    with closing(open_readonly(database)) as live:
        live.execute("BEGIN")
        taken_at, rows = clock(), count_rows(live)
        moments = newest_rows(live, newest, zone)
    beside = [target.with_name(target.name + suffix) for suffix in ("-wal", "-journal")]
    files = [target, *(path for path in beside if path.exists())]
    made = record.make(files, taken_at, rows, Counted.LIVE, moments, database.stat().st_size)
    record.write(made, target)
    return made


def open_readonly(database: Path) -> sqlite3.Connection:
    """A connection that cannot write, in autocommit mode. Raises sqlite3.Error."""
    return sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, isolation_level=None, timeout=30)


def tables(connection: sqlite3.Connection) -> list[str]:
    """The ordinary tables, without SQLite's own, virtual ones and their shadows."""
    rows = connection.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY 1")
    return [name for (name,) in rows if not name.startswith("sqlite_")]


def count_rows(connection: sqlite3.Connection, names: Iterable[str] | None = None) -> dict[str, int]:
    """The rows of every table, each read in full."""
    names = tables(connection) if names is None else names
    # NOT INDEXED: the table itself is counted, not an index that may remember rows that are gone.
    return {
        name: connection.execute(f"SELECT count(*) FROM {identifier(name)} NOT INDEXED").fetchone()[0]  # noqa: S608 - identifier() quotes it
        for name in names
    }


def newest_rows(connection: sqlite3.Connection, columns: Mapping[str, str], zone: str = "UTC") -> dict[str, float]:
    """Wall-clock seconds of each table's newest row; an empty table is left out. Raises ValueError for other values."""
    found = {}
    for table, column in columns.items():
        statement = f"SELECT max({column_of(table, column)}) FROM {identifier(table)}"  # noqa: S608 - column_of() quotes it
        value = connection.execute(statement).fetchone()[0]
        if value is not None:
            found[table] = parse_moment(value, zone)
    return found


def identifier(name: str) -> str:
    """A table or column name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def column_of(table: str, column: str) -> str:
    """A column with its table: without it, SQLite takes a misspelt name in quotes for a text."""
    return f"{identifier(table)}.{identifier(column)}"


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
