"""The room in which a backup is restored: private, unprivileged, and emptied afterwards whatever happens."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from probes.backup.verification import CouldNotLook

PREFIX = "shopwatch-verify-"
_OWNER = "owner.json"
_ABANDONED_SECONDS = 3600.0
_ATTEMPTS = 20


class Account(NamedTuple):
    """Whom a scratch database runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Scratch:
    """One folder for one verification. `root` holds our own notes, `work` is the scratch database's and private.

    `lock` is held as long as the owner lives: the kernel lets go of it after a kill -9 too, and in any container.
    """

    root: Path
    work: Path
    account: Account
    lock: IO[str]


def scratch_base(configured: Path | None) -> Path:
    """The folder below which scratch rooms are made."""
    return configured or Path(tempfile.gettempdir())


def make_scratch(base: Path, account: Account) -> Scratch:
    """A new room owned by this process. Raises CouldNotLook."""
    _check_way(base, account)
    try:
        root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base.absolute()))
        lock = _sign(root, account)
        root.chmod(0o711)  # the account may pass through to its own folder, and list nothing
        work = root / "work"
        for folder in (work, work / "in"):
            folder.mkdir(mode=0o700)
            if account.uid != os.geteuid():
                os.chown(folder, account.uid, account.gid)
    except OSError as error:
        raise CouldNotLook(f"cannot make a scratch folder in {base}: {error.strerror}") from None
    return Scratch(root, work, account, lock)


def _check_way(base: Path, account: Account) -> None:
    """An unprivileged account must be able to walk to its room."""
    if account.uid == os.geteuid():
        return
    with contextlib.suppress(OSError):  # a folder that is not there is told by whoever uses it
        for folder in (base.resolve(), *base.resolve().parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                raise CouldNotLook(
                    f"the user {account.name} may not enter {folder}; name another folder in verify: scratch"
                )


def _sign(root: Path, account: Account) -> IO[str]:
    """Put the owner's note into the room, locked before it can be seen."""
    unfinished = root / "owner.new"
    note = unfinished.open("w")
    fcntl.flock(note, fcntl.LOCK_EX)
    note.write(json.dumps({"uid": account.uid}))
    note.flush()
    unfinished.rename(root / _OWNER)
    return note


def remove_scratch(scratch: Scratch) -> None:
    """End what still runs in the room, then remove it. Raises OSError when something cannot be removed."""
    try:
        _end_processes(scratch.root, scratch.account.uid)
        _remove(scratch.root)
    finally:
        scratch.lock.close()


def clean_leftovers(base: Path, now: float | None = None) -> list[str]:
    """Remove the rooms below `base` whose owner is dead, with what still runs in them; answers what was cleaned.

    A room is ours by its folder's user and its owner note, abandoned when nobody holds the note's lock; its processes
    are known by their working folder in /proc and their user: never by name, and never in a room whose owner lives.
    """
    cleaned = []
    for root in sorted(base.glob(PREFIX + "*")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if root.is_symlink() or root.stat().st_uid != os.geteuid():
                continue
            if _clean(root, time.time() if now is None else now):
                cleaned.append(root.name)
    return cleaned


def _clean(root: Path, now: float) -> bool:
    try:
        note = (root / _OWNER).open()
    except FileNotFoundError:
        # Its owner died before signing it, or is about to sign it.
        if now - root.stat().st_ctime < _ABANDONED_SECONDS:
            return False
        shutil.rmtree(root)
        return True
    with note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        _end_processes(root, int(json.load(note)["uid"]))
        _remove(root)
    return True


def _remove(root: Path) -> None:
    """Remove a room; what a dying process takes away or puts there meanwhile is no trouble."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OSError):
            shutil.rmtree(root)
            return
        time.sleep(0.1)
    shutil.rmtree(root)


def _end_processes(root: Path, uid: int) -> None:
    """SIGKILL to every process of this user whose working folder is in the room, and wait until they are gone."""
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(pid)
            try:
                # Looked at after the descriptor is held: the pid cannot be given to another process in between.
                if _is_inside(pid, root) and Path(f"/proc/{pid}").stat().st_uid == uid:
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                    select.select([descriptor], [], [], 5)
            finally:
                os.close(descriptor)


def _is_inside(pid: int, root: Path) -> bool:
    folder = str(Path(f"/proc/{pid}/cwd").readlink()).removesuffix(" (deleted)")
    return Path(folder).is_relative_to(root)
