"""Runs programs on a backup that nobody has checked yet: as an unprivileged user, without a network, never for ever."""

import contextlib
import ctypes
import json
import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, NamedTuple

from probes.backup.scratch import Account, Scratch
from probes.backup.verification import Broken, CouldNotLook

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_LARGEST_ANSWER = 16 * 1024 * 1024
_POLL = 0.5
_libc = ctypes.CDLL(None, use_errno=True)


class Ended(NamedTuple):
    """How a program ended, and what it said (the last part of it, where it said much)."""

    code: int
    out: str
    err: str


def account_for(user: str) -> Account:
    """Whom to run as: `user` where we are root, ourselves otherwise. Raises CouldNotLook."""
    uid = os.geteuid()
    if uid != 0:
        return Account(str(uid), uid, os.getegid())
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise CouldNotLook(f"there is no user {user!r} to restore as; name one in verify: user") from None
    if entry.pw_uid == 0:
        raise CouldNotLook(f"the user {user!r} is root; name an unprivileged one in verify: user")
    return Account(user, entry.pw_uid, entry.pw_gid)


def die_with_parent(parent: int, number: signal.Signals) -> None:
    """Ask the kernel to send us this signal when our parent dies, and obey at once if it already has."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def leave_network() -> bool:
    """Move this process into an empty network of its own; False where the kernel does not let us.

    As root a network namespace is enough; others need a user namespace, which many containers refuse. It is tried in a
    child first, because a half-entered user namespace cannot be left again.
    """
    if os.geteuid() == 0:
        return bool(_libc.unshare(_CLONE_NEWNET) == 0)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _enter_user_namespace() else 1)
    return os.waitpid(pid, 0)[1] == 0 and _enter_user_namespace()


def _enter_user_namespace() -> bool:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        return False
    return True


class Cell:
    """Where a scratch room's programs run. `reserve` bytes of the disk are never used up: we stop before.

    `offline` says that this process has left the network (see leave_network).
    """

    def __init__(self, scratch: Scratch, reserve: int, offline: bool = False) -> None:
        self.scratch = scratch
        self.offline = offline
        self._reserve = reserve
        self._parent = os.getpid()

    @property
    def work(self) -> Path:
        """The private folder of the scratch database."""
        return self.scratch.work

    @property
    def inbox(self) -> Path:
        """Where the fetched files lie, apart from what the scratch database makes."""
        return self.scratch.work / "in"

    def begin(
        self,
        command: Sequence[str],
        output: IO[bytes],
        errors: IO[bytes],
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        on_death: signal.Signals = signal.SIGKILL,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a program as the scratch account; it gets `on_death` when we die. Raises CouldNotLook."""
        account = self.scratch.account
        other = account.uid != os.geteuid()

        def prepare() -> None:
            # After the change of user, which would clear it again.
            die_with_parent(self._parent, on_death)

        try:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=output,
                stderr=errors,
                cwd=self.work,
                env=_ENVIRONMENT | {"HOME": str(self.work), "TMPDIR": str(self.work)} | dict(environment or {}),
                user=account.uid if other else None,
                group=account.gid if other else None,
                extra_groups=[] if other else None,
                umask=0o077,
                preexec_fn=prepare,  # noqa: PLW1509 - this process has one thread
            )
        except FileNotFoundError:
            raise CouldNotLook(f"the program {command[0]} is not installed here") from None
        except OSError as error:
            raise CouldNotLook(f"cannot start {command[0]}: {error.strerror}") from None

    def run(
        self,
        command: Sequence[str],
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        output: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run a program to its end, with an eye on the disk. Raises CouldNotLook when it cannot run or fills it."""
        root = self.scratch.root
        with (root / "stdout").open("w+b") as out, (root / "stderr").open("w+b") as err:
            process = self.begin(command, output or out, err, stdin=stdin, environment=environment)
            try:
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        code = process.wait(_POLL)
                        break
                    self.check_space()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            return Ended(code, tail(out, _LARGEST_ANSWER), tail(err, 4000))

    def call(self, function: Callable[[], Any]) -> Any:
        """Run our own Python as the scratch account in a forked child; its answer must be JSON.

        Raises Broken and CouldNotLook as the function does, and CouldNotLook when the child dies.
        """
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=self._child, args=(function, theirs))
        child.start()
        theirs.close()
        try:
            answer = self._receive(mine)
        finally:
            if child.is_alive() and child.exitcode is None:
                child.join(1)
                child.kill()
            child.join()
            mine.close()
        if answer is None:
            raise CouldNotLook(f"reading the backup ended our own process with code {child.exitcode}")
        # JSON, not pickle: what comes from a process that has read hostile data is data, never objects.
        kind, value = json.loads(answer)
        if kind == "broken":
            raise Broken(value)
        if kind == "error":
            raise CouldNotLook(value)
        return value

    def _receive(self, connection: Connection) -> bytes | None:
        while not connection.poll(_POLL):
            self.check_space()
        try:
            return connection.recv_bytes(_LARGEST_ANSWER)
        except (EOFError, OSError):
            return None

    def _child(self, function: Callable[[], Any], connection: Connection) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        try:
            self._drop_rights()
            answer = json.dumps(["answer", function()])
        except Broken as error:
            answer = json.dumps(["broken", str(error)])
        except Exception as error:  # whatever it is, the parent must hear of it
            answer = json.dumps(["error", f"{type(error).__name__}: {error}"])
        connection.send_bytes(answer.encode())

    def _drop_rights(self) -> None:
        account = self.scratch.account
        os.chdir(self.work)
        if account.uid != os.geteuid():
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        die_with_parent(self._parent, signal.SIGKILL)
        os.umask(0o077)

    def check_space(self, needed: int = 0) -> None:
        """Raises CouldNotLook when less than `needed` and the reserve is free where we restore."""
        free = shutil.disk_usage(self.scratch.root).free
        if free < needed + self._reserve:
            raise CouldNotLook(
                f"not enough disk in {self.scratch.root.parent}: {_mib(free)} free, "
                f"{_mib(needed)} needed and {_mib(self._reserve)} kept in reserve; "
                "free some, or name another folder in verify: scratch"
            )


#: Nothing of the service's own environment reaches a restored database, PG… and secrets least of all.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


def tail(stream: IO[bytes], limit: int) -> str:
    """The last part of what a program wrote."""
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - limit))
    return stream.read().decode(errors="replace")


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MiB"


def wait_for_end(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Wait so long for a program to end; True when it has."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            return True
        time.sleep(0.02)
    return process.poll() is not None
