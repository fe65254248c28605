"""What was true when a backup was made, written beside it: its checksum, its rows, its newest order.

The record of `orders.dump` is `orders.dump.record.json` in the same folder:

    {"version": 1,
     "taken_at": "2026-11-21T04:00:00Z",            when the data was read, with a zone
     "files": [{"name": "orders.dump", "bytes": 5312, "sha256": "…"}],   the backup itself first, then its -wal if any
     "counted": "snapshot",                         see Counted
     "tables": {"orders": {"rows": 1200, "newest": "2026-11-21T03:59:58Z"}},
     "database_bytes": 8388608}                     size of the live database; optional
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

SUFFIX = ".record.json"
_LARGEST = 8 * 1024 * 1024
_BLOCK = 1024 * 1024

Rows = Annotated[int, Field(ge=0)]


class RecordUnreadable(Exception):
    """There is a record, but it cannot be believed; the message says why."""


class Counted(StrEnum):
    """Where the rows were counted: in the very snapshot that was dumped, in the live database around that time, or
    only in the backup afterwards, which cannot tell whether the right database was dumped."""

    SNAPSHOT = "snapshot"
    LIVE = "live"
    BACKUP = "backup"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class RecordedFile(_Part):
    """One file of the backup: its name without a folder, its size and its SHA-256 in hex."""

    name: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\x00]+$")]
    bytes: Rows
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RecordedTable(_Part):
    """How many rows a table had, and when its newest row was made, where a column says so."""

    rows: Rows
    newest: AwareDatetime | None = None


class Record(_Part):
    """The whole record; `files` begins with the backup file itself. Tables outside `public` are `schema.table`."""

    version: Literal[1] = 1
    taken_at: AwareDatetime
    files: Annotated[tuple[RecordedFile, ...], Field(min_length=1)]
    counted: Counted
    tables: dict[str, RecordedTable]
    database_bytes: Rows | None = None


def path_of(backup: Path) -> Path:
    """Where the record of this backup file is kept."""
    return backup.with_name(backup.name + SUFFIX)


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hex, read in blocks. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def make(
    files: Iterable[Path],
    taken_at: float,
    rows: Mapping[str, int],
    counted: Counted,
    newest: Mapping[str, float] | None = None,
    database_bytes: int | None = None,
    name: str = "",
) -> Record:
    """A record of these finished files. `taken_at` and `newest` are wall-clock seconds, UTC. Raises OSError.

    `name` is what the first file will be called, where it is not in its place yet: a job writes the record first and
    then moves the backup into place, so that nobody ever sees one without the other.
    """
    newest = newest or {}
    entries = [RecordedFile(name=file.name, bytes=file.stat().st_size, sha256=sha256(file)) for file in files]
    if name:
        entries[0] = entries[0].model_copy(update={"name": name})
    return Record(
        taken_at=_moment(taken_at),
        files=tuple(entries),
        counted=counted,
        tables={
            table: RecordedTable(rows=count, newest=_moment(newest[table]) if table in newest else None)
            for table, count in rows.items()
        },
        database_bytes=database_bytes,
    )


def write(record: Record, backup: Path) -> Path:
    """Put the record beside its backup, whole or not at all, and answer its path. Raises OSError."""
    target = path_of(backup)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("w") as stream:
            stream.write(record.model_dump_json(indent=1, exclude_none=True) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def read(backup: Path) -> Record | None:
    """The record beside this backup, or None when there is none. Raises RecordUnreadable."""
    path = path_of(backup)
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordUnreadable(f"the record {path.name} cannot be read: {error.strerror}") from None
    if len(text) > _LARGEST:
        raise RecordUnreadable(f"the record {path.name} is larger than {_LARGEST // 1024 // 1024} MiB")
    try:
        record = Record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise RecordUnreadable(f"the record {path.name} is damaged: {place}: {first['msg']}") from None
    if record.files[0].name != backup.name:
        raise RecordUnreadable(f"the record {path.name} is about {record.files[0].name!r}, not about {backup.name!r}")
    return record


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
