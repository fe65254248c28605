"""Verifies copies of a SQLite database: opened, checked page by page, rewritten in full, and questioned."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Literal

from probes.backup.engine import Engine
from probes.backup.isolation import Cell
from probes.backup.judge import Answer, Found
from probes.backup.moment import parse_moment
from probes.backup.record import Record
from probes.backup.settings import BackupSettings
from probes.backup.sqlite_take import column_of, count_rows, identifier, record_copy, take_copy
from probes.backup.verification import Broken, CouldNotLook

_MAGIC = b"SQLite format 3\0"
_RESTORED = "restored.db"
_WAL_HEADER = 32


class SqliteSettings(BackupSettings):
    """A folder of copies, made by `VACUUM INTO`, `.backup` or `shopwatch backup record`."""

    type: Literal["sqlite"]


class SqliteCopy(Engine[SqliteSettings]):
    """`integrity_check` alone calls a 0-byte file and a copy without its -wal ok: the rows must be counted too."""

    settings_model: ClassVar[type[BackupSettings]] = SqliteSettings
    companions = ("-wal", "-journal")

    def taken_at(self, head: bytes) -> float | None:
        """SQLite does not write down when a copy was made; a file that is no SQLite database is told apart here."""
        if not head.startswith(_MAGIC) or len(head) < 100:
            raise Broken(f"is no SQLite database: it begins with {head[:16]!r}")
        return None

    def needed_bytes(self, size: int, record: Record | None) -> int:
        """The copy, and the same again rewritten."""
        return 2 * max(size, record.database_bytes or 0 if record else 0) + 1024 * 1024

    def start(self, cell: Cell) -> None:
        """SQLite needs no server."""

    def restore(self, cell: Cell, file: Path) -> None:
        """Check every page, then rewrite the whole database, so that every row is read once."""
        self._doubts = _doubts(file)
        self._restored = cell.work / _RESTORED
        facts = cell.call(lambda: _restore(file, self._restored))
        self.log.facts |= facts
        self.log.restored_size = self._restored.stat().st_size

    def question(self, cell: Cell, answered: Callable[[], None]) -> Found:
        """Count every table, find the newest rows, ask the user's queries."""
        cell.call(lambda: _first_answer(self._restored))
        answered()
        answers: dict[str, Any] = cell.call(lambda: _ask(self._restored, self.settings))
        return Found(
            rows=answers["rows"],
            newest=answers["newest"],
            newest_errors=answers["newest_errors"],
            answers={query: Answer(**answer) for query, answer in answers["answers"].items()},
            doubts=self._doubts,
        )

    def record(self, live: str | None, target: Path, make: bool) -> Record:
        """Record a copy's live database (its path), and with `make` copy it in the same read transaction."""
        if live is None:
            raise CouldNotLook("name the live database with --live, such as /var/lib/shop/shop.db")
        columns, zone = self.settings.newest_columns, self.settings.timezone
        try:
            if make:
                return take_copy(Path(live), target, columns, zone=zone)
            return record_copy(Path(live), target, columns, zone=zone)
        except (sqlite3.Error, ValueError) as error:
            raise CouldNotLook(f"the live database {live} cannot be asked: {error}") from None


def _doubts(file: Path) -> tuple[str, ...]:
    """A file in WAL mode without its -wal may be the half of a database; nothing inside tells."""
    with file.open("rb") as stream:
        head = stream.read(20)
    if head[18:20] == b"\x02\x02" and not Path(f"{file}-wal").exists():
        return (
            "it is in WAL mode and has no -wal beside it: the newest rows may be missing, and only a record could "
            "tell; make copies with VACUUM INTO, or record them (shopwatch backup record)",
        )
    return ()


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode(errors="replace")
    # The schema comes from an unchecked file: it may call no function that does more than compute.
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


def _restore(file: Path, target: Path) -> dict[str, str]:
    wal = Path(f"{file}-wal")
    expected = wal.exists() and wal.stat().st_size > _WAL_HEADER
    try:
        with closing(_open(file)) as copy:
            _check_size(copy, file, expected or Path(f"{file}-journal").exists())
            _, frames, _ = copy.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if expected and frames <= 0:
                raise Broken("the -wal beside it does not belong to it or is damaged: none of it could be used")
            troubles = [row[0] for row in copy.execute("PRAGMA integrity_check(20)")]
            if troubles != ["ok"]:
                raise Broken(f"SQLite's integrity_check found: {'; '.join(troubles)[:500]}")
            orphans = sum(1 for _ in copy.execute("PRAGMA foreign_key_check"))
            copy.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.DatabaseError as error:
        raise _classified(error) from None
    return {"integrity_check": "ok", "rows without their parent (foreign_key_check)": str(orphans)}


def _check_size(connection: sqlite3.Connection, file: Path, unfinished: bool) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    if not unfinished and pages * size != file.stat().st_size:
        raise Broken(f"it has {file.stat().st_size} bytes, its header says {pages} pages of {size}")


def _classified(error: sqlite3.DatabaseError) -> Exception:
    """SQLite's own words; a full disk is our trouble, anything else the copy's."""
    if error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_NOMEM", "SQLITE_CANTOPEN") or "disk I/O" in str(error):
        return OSError(f"SQLite could not work: {error}")
    return Broken(f"SQLite cannot read it: {error}")


def _first_answer(file: Path) -> int:
    with closing(_open(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def _ask(file: Path, settings: BackupSettings) -> dict[str, Any]:
    with closing(_open(file)) as connection:
        connection.execute("PRAGMA query_only=ON")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # a question opens no other file
        try:
            rows = count_rows(connection)
        except sqlite3.DatabaseError as error:
            raise _classified(error) from None
        newest, errors = _newest(connection, settings)
        answers = {query: _answer(connection, query) for query in settings.expect.query}
    return {"rows": rows, "newest": newest, "newest_errors": errors, "answers": answers}


def _newest(connection: sqlite3.Connection, settings: BackupSettings) -> tuple[dict[str, float], dict[str, str]]:
    newest, errors = {}, {}
    for table, column in settings.newest_columns.items():
        try:
            statement = f"SELECT max({column_of(table, column)}) FROM {identifier(table)}"  # noqa: S608 - identifier() quotes it
            value = connection.execute(statement).fetchone()[0]
            if value is not None:
                newest[table] = parse_moment(value, settings.timezone)
        except (sqlite3.Error, ValueError) as error:
            errors[table] = str(error)
    return newest, errors


def _answer(connection: sqlite3.Connection, query: str) -> dict[str, Any]:
    try:
        rows = connection.execute(query).fetchmany(2)
    except sqlite3.Error as error:
        return {"error": str(error)}
    if len(rows) != 1 or len(rows[0]) != 1:
        return {"error": "it must answer one row of one column"}
    value = rows[0][0]
    return {"value": value.hex() if isinstance(value, bytes) else value}
