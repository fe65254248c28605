"""Reads what a pg_dump archive says about itself, and what of it may be restored by an unprivileged role."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from probes.backup.verification import Broken

_MAGIC = b"PGDMP"
_CUSTOM = 1
#: Since 1.15 (PostgreSQL 16) the compression is one byte that names an algorithm; before it is a whole integer.
_COMPRESSION_BYTE = (1, 15)
_TOC_LINE = re.compile(r"\d+; \d+ \d+ (.*)")
_EXTENSION = re.compile(
    r'^CREATE EXTENSION IF NOT EXISTS (?P<name>"(?:[^"]|"")+"|[a-z0-9_]+)'
    r'(?: WITH SCHEMA (?P<schema>"(?:[^"]|"")+"|[a-z0-9_]+))?;$',
    re.MULTILINE,
)
_ENCODING = re.compile(r"^SET client_encoding = '([A-Za-z0-9_]+)';$", re.MULTILINE)
#: Only a superuser may make these, and none holds the shop's data. Subscriptions would call the shop's other servers.
_LEFT_OUT = (
    "EVENT TRIGGER - ",
    "SUBSCRIPTION - ",
    "PUBLICATION - ",
    "PUBLICATION TABLE",
    "EXTENSION - ",
    "COMMENT - EVENT TRIGGER ",
    "COMMENT - SUBSCRIPTION ",
    "COMMENT - PUBLICATION ",
    "COMMENT - EXTENSION ",
)


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of an archive: its format's version, and when it was made by the clock of the host that did."""

    version: tuple[int, int, int]
    made: datetime


def read_header(head: bytes) -> Header:
    """The header of a custom-format archive (pg_backup_archiver.c, ReadHead). Raises Broken with a sentence."""
    if not head.startswith(_MAGIC):
        raise Broken(f"is no pg_dump -Fc archive: it begins with {head[:12]!r}")
    try:
        return _header(head)
    except (IndexError, ValueError):
        raise Broken("is a damaged or truncated pg_dump archive: its header makes no sense") from None


def _header(head: bytes) -> Header:
    major, minor, revision, int_size, offset_size, kind = head[5:11]
    if kind != _CUSTOM:
        raise Broken("is a pg_dump archive of another format; make it with pg_dump -Fc")
    if int_size not in (4, 8) or offset_size not in (4, 8):
        raise ValueError
    at = 11
    at += 1 if (major, minor) >= _COMPRESSION_BYTE else int_size + 1
    numbers = []
    for _ in range(6):
        sign, raw = head[at], head[at + 1 : at + 1 + int_size]
        if len(raw) < int_size:
            raise IndexError
        numbers.append(-int.from_bytes(raw, "little") if sign else int.from_bytes(raw, "little"))
        at += int_size + 1
    second, minute, hour, day, month, year = numbers
    made = datetime(year + 1900, month + 1, day, hour, minute, min(second, 59))
    return Header((major, minor, revision), made)


def made_at(header: Header, timezone: str) -> float:
    """Wall-clock seconds (UTC) of a header, made on a host in this time zone."""
    return header.made.replace(tzinfo=ZoneInfo(timezone)).timestamp()


def restorable(listing: str, made: Iterable[str] = ()) -> tuple[str, list[str]]:
    """`pg_restore --list` without what is left out on purpose, and what that was. `made` are schemas already there."""
    left = (*_LEFT_OUT, *(f"SCHEMA - {schema} " for schema in made))
    kept, left_out = [], []
    for line in listing.splitlines():
        match = _TOC_LINE.fullmatch(line)
        if match and match[1].startswith(left):
            left_out.append(match[1])
        else:
            kept.append(line)
    return "\n".join(kept) + "\n", left_out


def extensions(schema: str) -> list[tuple[str, str]]:
    """The extensions (name, schema; both as quoted in SQL) that the schema's SQL asks for, in its order."""
    return [(match["name"], match["schema"] or "public") for match in _EXTENSION.finditer(schema)]


def encoding(schema: str) -> str:
    """The encoding of the dumped database."""
    match = _ENCODING.search(schema)
    return match[1] if match else "UTF8"
