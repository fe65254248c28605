"""Finds the backup files in their folder, and what each says about itself."""

import contextlib
import gzip
import hashlib
import os
import re
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from probes.backup import record
from probes.backup.isolation import account_for
from probes.backup.newest import SKEW, Candidate, Choice, may_be_newer, pick
from probes.backup.record import Counted, RecordUnreadable
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


def choose(settings: BackupSettings, tell: Teller, now: float) -> Choice:
    """The newest backup. Raises Broken when there is none, or when one that may be newer is no backup at all."""
    paths = matching(settings)
    candidates, notes = [], []
    for path in paths:
        try:
            candidate = _look(path, settings, tell)
        except FileNotFoundError:
            continue  # the shop has just deleted its oldest
        if candidate.record is None and _unfinished(candidate, settings.settle, now):
            notes.append(f"{path.name} was left out: it has no record and was still being written a moment ago")
            continue
        candidates.append(candidate)
    if not candidates and paths:
        raise CouldNotLook(f"the only files are still being written: {', '.join(path.name for path in paths)}")
    if not candidates:
        raise Broken(f"there is no file {settings.files} in {settings.folder}")
    whole = [candidate for candidate in candidates if not candidate.trouble]
    choice = pick(whole, settings.settle, now, _same) if whole else None
    for bad in candidates:
        if bad.trouble and (choice is None or may_be_newer(bad, choice.candidate, settings.settle)):
            raise Broken(f"{bad.path.name} {bad.trouble}")
        if bad.trouble:
            notes.append(f"an older backup is bad: {bad.path.name} {bad.trouble}")
    assert choice is not None
    return replace(choice, notes=(*notes, *choice.notes))


def _unfinished(candidate: Candidate, settle: float, now: float) -> bool:
    """A file server's clock may be a little ahead of ours; what says more than that is wrong, not unfinished."""
    return settle > 0 and -SKEW <= now - candidate.written < settle


def _same(one: Candidate, other: Candidate) -> bool:
    """Whether two files hold the same bytes; one that is gone or is no file is like no other."""
    digests = []
    for candidate in (one, other):
        try:
            with open_file(candidate.path) as stream:
                digests.append(hashlib.file_digest(stream, "sha256").digest())  # type: ignore[arg-type]  # IO is a BufferedReader here
        except (NotRegular, FileNotFoundError):
            return False
    return digests[0] == digests[1]


def matching(settings: BackupSettings) -> list[Path]:
    """The files that match, links resolved, each once. A link that leads out of the folder is no backup of ours.
    Raises Broken and CouldNotLook."""
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
    return list(found)


def _look(path: Path, settings: BackupSettings, tell: Teller) -> Candidate:
    """What one file says about itself."""
    seen = path.stat()
    named = _told_by_name(path.name, settings.timezone, seen.st_mtime)
    plain = Candidate(path, seen.st_size, order=named, written=seen.st_mtime)
    try:
        kept = record.read(path)
    except RecordUnreadable as error:
        return replace(plain, trouble=f"has no usable record: {error}")
    recorded = None if kept is None else kept.taken_at.timestamp()
    if recorded is not None:
        plain = replace(plain, record=kept, taken_at=recorded, order=recorded)
    try:
        inside = tell(read_head(path, settings.verify.user))
    except Broken as error:
        return replace(plain, trouble=str(error))
    if inside is None:
        return plain
    taken_at = inside if recorded is None else recorded
    if kept is not None and kept.counted is not Counted.SNAPSHOT:
        taken_at = min(inside, taken_at)  # recorded afterwards: what is inside may be older
    return replace(plain, taken_at=taken_at, order=taken_at)


def _told_by_name(name: str, timezone: str, written: float) -> float | None:
    """The moment in a name; where that is only a day or a minute, the mtime if it lies within."""
    match = _IN_NAME.search(name)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        begins = datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo(timezone)).timestamp()
    except ValueError:
        return None
    lasts = 86400.0 if match[4] is None else 60.0 if match[6] is None else 1.0
    return written if begins <= written < begins + lasts else begins


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
