"""Asks a SQLite file, opened so that nothing can be written, in a thread."""

import asyncio
import sqlite3
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from probes.net.errors import NetError
from probes.sql.asking import Asking, Row

#: So many steps of SQLite's machine between two looks at the clock: well under a millisecond.
_STEPS = 2000


def prepare() -> None:
    """SQLite comes with Python."""


async def ask(asking: Asking) -> Row:
    """The first row of the query's answer. Raises NetError."""
    end = monotonic() + asking.left
    try:
        return await asyncio.get_running_loop().run_in_executor(asking.thread, _ask, asking, end)
    except sqlite3.Error as error:
        raise _explain(asking, error, monotonic() >= end) from error


def _ask(asking: Asking, end: float) -> Row:
    path = asking.dsn.database
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None, timeout=max(0.0, end - monotonic())
    )
    try:
        connection.set_progress_handler(lambda: monotonic() >= end, _STEPS)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # ATTACH and VACUUM INTO would make files
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA schema_version").fetchone()  # the file is opened with the first read
        asking.server = f"SQLite {sqlite3.sqlite_version}"
        asking.phases.enter("query")
        row: Row = connection.execute(asking.query).fetchone()
        asking.phases.stop()
        return row
    finally:
        connection.close()


def _explain(asking: Asking, error: sqlite3.Error, late: bool) -> NetError:
    path, said = Path(asking.dsn.database), str(error)
    if "locked" in said:
        return asking.theirs(f"{asking.dsn.shown} stayed locked for {asking.patience:.3g}s")
    if late or said == "interrupted":
        return asking.timed_out()
    if "unable to open" in said:
        try:
            there = path.is_file()
        except OSError:
            there = True
        return asking.ours(f"cannot read {path}: {said}") if there else asking.theirs(f"there is no file {path}")
    if "readonly" in said or "attached databases" in said or "authorized" in said:
        return asking.ours(f"the query writes, and a probe may only read ({said})")
    if "syntax" in said or "incomplete input" in said or isinstance(error, sqlite3.ProgrammingError):
        return asking.ours(f"the query has an error: {said}")
    return asking.theirs(f"{asking.dsn.shown}: {said}")
