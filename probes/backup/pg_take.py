"""Records what is in a live PostgreSQL at backup time, and dumps it in the very same snapshot."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from probes.backup import record
from probes.backup.moment import parse_moment
from probes.backup.pg_questions import TABLES, count_rows, newest_row
from probes.backup.record import Counted, Record
from probes.backup.verification import CouldNotLook

_END = "shopwatch: that is all"


class Session:
    """One transaction in psql, held open: everything it is asked is about the same moment.

    `live` is what psql and pg_dump take as a database: a name, a URL or `service=shop`. Passwords come from where
    libpq looks for them (.pgpass, a service file, PGPASSWORD), never from a command line that others can read.
    """

    def __init__(self, programs: Path, live: str) -> None:
        command = [str(programs / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "--no-password", "-d", live]
        self._psql = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"},
        )

    def ask(self, statements: str) -> list[str]:
        """The lines that SQL answers. Raises CouldNotLook with psql's words."""
        assert self._psql.stdin is not None
        assert self._psql.stdout is not None
        lines: list[str] = []
        try:
            self._psql.stdin.write(f"{statements}\n\\echo {_END}\n")
            self._psql.stdin.flush()
            for line in self._psql.stdout:
                if line.strip() == _END:
                    return lines
                lines.append(line.rstrip("\n"))
        except BrokenPipeError:
            pass
        raise CouldNotLook(f"the live database cannot be asked: {self._last_words()}")

    def ask_json(self, statement: str) -> Any:
        """The JSON value that SQL answers. Raises CouldNotLook."""
        return json.loads("\n".join(self.ask(statement)))

    def close(self) -> None:
        """End the transaction."""
        if self._psql.poll() is None:
            self._psql.kill()
        self._psql.communicate()

    def _last_words(self) -> str:
        assert self._psql.stderr is not None
        lines = self._psql.stderr.read().strip().splitlines()
        return lines[0] if lines else "psql ended without a word"


@contextmanager
def snapshot(programs: Path, live: str) -> Iterator[Session]:
    """A session whose questions are all about one moment of the live database."""
    try:
        session = Session(programs, live)
    except OSError as error:
        raise CouldNotLook(f"cannot start {programs / 'psql'}: {error.strerror}") from None
    try:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;")
        yield session
    finally:
        session.close()


def take_record(programs: Path, live: str, target: Path, newest: Mapping[str, str], zone: str, dump: bool) -> Record:
    """Count the live database's rows and write the record of `target` beside it.

    With `dump`, `target` is made first, by pg_dump -Fc in the same snapshot, so that the record is exact. Without, it
    must exist, and the counts are of now. Raises CouldNotLook and OSError.
    """
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with snapshot(programs, live) as session:
            tables: dict[str, str] = dict(session.ask_json(TABLES))
            taken_at = float(session.ask("SELECT extract(epoch FROM now());")[0])
            size = int(session.ask("SELECT pg_database_size(current_database());")[0])
            rows = dict(json.loads(line) for line in session.ask(count_rows(tables)))
            moments = _newest(session, tables, newest, zone)
            if dump:
                _dump(programs, live, session.ask("SELECT pg_export_snapshot();")[0], unfinished)
        counted = Counted.SNAPSHOT if dump else Counted.LIVE
        file = unfinished if dump else target
        made = record.make([file], taken_at, rows, counted, moments, size, name=target.name)
        record.write(made, target)
        if dump:
            unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return made


def _newest(session: Session, tables: dict[str, str], columns: Mapping[str, str], zone: str) -> dict[str, float]:
    found = {}
    for table, column in columns.items():
        if table not in tables:
            raise CouldNotLook(f"the live database has no table {table}; is this the right database?")
        value = session.ask_json(newest_row(tables[table], column))
        if value is not None:
            found[table] = parse_moment(value, zone)
    return found


def _dump(programs: Path, live: str, snapshot_id: str, file: Path) -> None:
    command = [str(programs / "pg_dump"), "--format=custom", "--no-password", f"--snapshot={snapshot_id}"]
    ended = subprocess.run([*command, "--file", file, "-d", live], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise CouldNotLook(f"pg_dump failed: {ended.stderr.strip()[-500:]}")
