"""Brings a backup into the scratch room: copied, checked against its record byte for byte, and unpacked."""

import contextlib
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from probes.backup.find import NotRegular, open_file
from probes.backup.isolation import Cell
from probes.backup.newest import Candidate
from probes.backup.record import RecordedFile
from probes.backup.verification import Broken, CouldNotLook

_BLOCK = 1024 * 1024
_CHECK_EVERY = 64


class Fetched(NamedTuple):
    """A backup in the scratch room, unpacked, and the SHA-256 in hex of the file it came from."""

    file: Path
    sha256: str


def fetch(candidate: Candidate, companions: Iterable[str], cell: Cell) -> Fetched:
    """Copy the backup and its companions (files beside it, by suffix) into the room.

    With a record, exactly the recorded files are taken, and each must be what was recorded. What is hashed is what is
    restored. Raises Broken and CouldNotLook.
    """
    if candidate.record is None:
        beside = [Path(f"{candidate.path}{suffix}") for suffix in companions]
        wanted: dict[str, RecordedFile | None] = {
            path.name: None for path in (candidate.path, *beside) if path.exists()
        }
    else:
        wanted = {file.name: file for file in candidate.record.files}
    digests = {name: _fetch(candidate.path.with_name(name), cell, promised) for name, promised in wanted.items()}
    file = _unpack(cell.inbox / candidate.path.name, cell)
    return Fetched(file, digests[candidate.path.name])


def _fetch(source: Path, cell: Cell, promised: RecordedFile | None) -> str:
    if not source.exists():
        raise Broken(f"{source.name} is missing; it was recorded at backup time")
    with _open(source) as stream, (cell.inbox / source.name).open("xb") as copy:
        before = os.fstat(stream.fileno())
        digest = _copy(stream, copy, cell)
        after = os.fstat(stream.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise CouldNotLook(f"{source.name} was written to while we read it")
        _give(copy, cell)
    if promised is not None and after.st_size != promised.bytes:
        raise Broken(f"{source.name} has {after.st_size} bytes, {promised.bytes} were recorded at backup time")
    if promised is not None and digest != promised.sha256:
        raise Broken(
            f"{source.name} is not what was recorded at backup time: "
            f"its SHA-256 is {digest[:12]}…, recorded was {promised.sha256[:12]}…"
        )
    return digest


@contextlib.contextmanager
def _open(source: Path) -> Iterator[IO[bytes]]:
    try:
        with open_file(source) as stream:
            yield stream
    except NotRegular:
        raise Broken(f"{source.name} is not a regular file") from None


def _copy(stream: IO[bytes], copy: IO[bytes], cell: Cell) -> str:
    digest = hashlib.sha256()
    for block in _blocks(stream, cell):
        digest.update(block)
        copy.write(block)
    return digest.hexdigest()


def _blocks(stream: IO[bytes] | gzip.GzipFile, cell: Cell) -> Iterator[bytes]:
    """The blocks of a stream, with an eye on the disk: what is compressed may be a bomb."""
    count = 0
    while block := stream.read(_BLOCK):
        if count % _CHECK_EVERY == 0:
            cell.check_space(_BLOCK * _CHECK_EVERY)
        count += 1
        yield block


def _give(file: IO[bytes], cell: Cell) -> None:
    file.flush()
    if cell.scratch.account.uid != os.geteuid():
        os.fchown(file.fileno(), cell.scratch.account.uid, cell.scratch.account.gid)


def _unpack(copy: Path, cell: Cell) -> Path:
    if copy.suffix not in (".gz", ".zst"):
        return copy
    plain = copy.with_suffix("")
    with copy.open("rb") as packed, plain.open("xb") as target:
        if copy.suffix == ".gz":
            _gunzip(packed, target, cell)
        else:
            ended = cell.run(["zstd", "--decompress", "--stdout", "--quiet"], stdin=packed, output=target)
            if ended.code != 0:
                raise Broken(f"zstd cannot unpack it: {ended.err.strip()[-300:]}")
        _give(target, cell)
    copy.unlink()
    return plain


def _gunzip(packed: IO[bytes], target: IO[bytes], cell: Cell) -> None:
    try:
        with gzip.GzipFile(fileobj=packed) as stream:
            for block in _blocks(stream, cell):
                target.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Broken(f"gzip cannot unpack it: {error}") from None
