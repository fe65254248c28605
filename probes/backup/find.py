"""Finds the backup files in their folder, and which of them is the newest by what it says itself."""

import contextlib
import gzip
import os
import re
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from probes.backup import record
from probes.backup.isolation import account_for
from probes.backup.record import Counted, Record, RecordUnreadable
from probes.backup.scratch import Account
from probes.backup.settings import BackupSettings
from probes.backup.verification import Broken, CouldNotLook

#: What lies beside a backup and is none itself.
_COMPANIONS = (record.SUFFIX, "-wal", "-shm", "-journal")
_HEAD = 4096
_IN_NAME = re.compile(r"(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?:[T_. -]?(\d\d)[-:_.]?(\d\d)(?:[-:_.]?(\d\d))?)?")

#: Tells from the first bytes of a backup when it was made, or None where the format does not say. Raises Broken.
Teller = Callable[[bytes], float | None]


class NotRegular(Broken):
    """A pipe, a device or a socket lies where a backup should."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file that may be the newest backup. `order` is the moment to sort by; `taken_at` only what may be believed:
    its record or what is inside, never its name. `trouble` says why it cannot be a good backup."""

    path: Path
    size: int
    record: Record | None = None
    taken_at: float | None = None
    order: float | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The newest backup, and what was seen on the way to it."""

    candidate: Candidate
    notes: tuple[str, ...] = ()


def choose(settings: BackupSettings, tell: Teller, now: float) -> Choice:
    """The newest backup. Raises Broken when there is none, or when one that may be newer is no backup at all."""
    paths, notes = _paths(settings)
    candidates = []
    for path in paths:
        try:
            candidate, written = _look(path, settings, tell), path.stat().st_mtime
        except FileNotFoundError:
            continue  # the shop has just deleted its oldest
        if candidate.record is None and 0 <= now - written < settings.settle:
            notes.append(f"{path.name} was left out: it has no record and was still being written a moment ago")
            continue
        candidates.append(candidate)
    if not candidates and paths:
        raise CouldNotLook(f"the only files are still being written: {', '.join(path.name for path in paths)}")
    if not candidates:
        raise Broken(f"there is no file {settings.files} in {settings.folder}")
    newest = max((c for c in candidates if not c.trouble), key=_newness, default=None)
    for candidate in candidates:
        if candidate.trouble and (newest is None or candidate.order is None or candidate.order >= (newest.order or 0)):
            raise Broken(f"{candidate.path.name} {candidate.trouble}")
        if candidate.trouble:
            notes.append(f"an older backup is bad: {candidate.path.name} {candidate.trouble}")
    assert newest is not None
    return Choice(newest, tuple(notes))


def _newness(candidate: Candidate) -> tuple[float, str]:
    return candidate.order if candidate.order is not None else float("-inf"), candidate.path.name


def _paths(settings: BackupSettings) -> tuple[list[Path], list[str]]:
    """The files that match, links resolved, each once. A link that leads out of the folder is no backup of ours."""
    try:
        folder = settings.folder.resolve(strict=True)
        matches = sorted(folder.glob(settings.files))
    except OSError as error:
        raise CouldNotLook(f"cannot look into the folder {settings.folder}: {error.strerror}") from None
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CouldNotLook(f"cannot look into the folder {settings.folder}: Permission denied")
    found: dict[Path, None] = {}
    for match in matches:
        if match.name.endswith(_COMPANIONS) or match.is_dir():
            continue
        try:
            real = match.resolve(strict=True)
        except (OSError, RuntimeError):
            raise Broken(f"{match.name} is a link that leads nowhere") from None
        if not real.is_relative_to(folder):
            raise CouldNotLook(f"{match.name} is a link that leads out of {folder}; we do not follow it")
        found[real] = None
    return list(found), []


def _look(path: Path, settings: BackupSettings, tell: Teller) -> Candidate:
    """What one file says about itself."""
    size = path.stat().st_size
    by_name = _told_by_name(path.name, settings.timezone)
    try:
        kept = record.read(path)
    except RecordUnreadable as error:
        return Candidate(path, size, order=by_name, trouble=f"has no usable record: {error}")
    recorded = None if kept is None else kept.taken_at.timestamp()
    try:
        inside = tell(read_head(path, settings.verify.user))
    except Broken as error:
        return Candidate(path, size, kept, order=recorded or by_name, trouble=str(error))
    taken_at = inside if recorded is None else recorded
    if kept is not None and kept.counted is not Counted.SNAPSHOT and inside is not None:
        taken_at = min(inside, kept.taken_at.timestamp())  # recorded afterwards: what is inside may be older
    return Candidate(path, size, kept, taken_at, order=taken_at if taken_at is not None else by_name)


def _told_by_name(name: str, timezone: str) -> float | None:
    match = _IN_NAME.search(name)
    if match is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in match.groups()), tzinfo=ZoneInfo(timezone)).timestamp()  # type: ignore[arg-type,misc]  # six parts, in order
    except ValueError:
        return None


def read_head(path: Path, user: str) -> bytes:
    """The first bytes of a backup, decompressed; by `user` where we are root. Raises Broken and CouldNotLook."""
    with open_file(path) as raw:
        if os.fstat(raw.fileno()).st_size == 0:
            raise Broken("is empty")
        if path.suffix == ".zst":
            head = _zstd_head(raw, account_for(user))
        elif path.suffix == ".gz":
            head = _gzip_head(raw)
        else:
            head = raw.read(_HEAD)
    if not head:
        raise Broken(f"is the {path.suffix[1:]} of nothing")
    return head


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, opened without following a link that was put there meanwhile. Raises NotRegular and CouldNotLook,
    and FileNotFoundError where it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CouldNotLook(f"cannot read {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegular("is not a regular file")
        yield stream


def _gzip_head(raw: IO[bytes]) -> bytes:
    try:
        with gzip.GzipFile(fileobj=raw) as stream:
            return stream.read(_HEAD)
    except (EOFError, OSError, zlib.error) as error:
        raise Broken(f"is no whole gzip file: {error}") from None


def _zstd_head(raw: IO[bytes], account: Account) -> bytes:
    other = account.uid != os.geteuid()
    try:
        with subprocess.Popen(
            ["zstd", "--decompress", "--stdout", "--quiet"],
            stdin=raw,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            user=account.uid if other else None,
            group=account.gid if other else None,
            extra_groups=[] if other else None,
        ) as program:
            assert program.stdout is not None
            head = program.stdout.read(_HEAD)
            program.kill()
    except FileNotFoundError:
        raise CouldNotLook("the program zstd is not installed here, and the backup is a .zst file") from None
    return head
