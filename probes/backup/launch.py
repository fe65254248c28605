"""Starts a verification in its own process, waits for its answer, and ends it when it must."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping

from probes.backup.job import Job
from probes.backup.proved import Proved
from probes.backup.scratch import clean_leftovers, scratch_base
from probes.backup.settings import BackupSettings
from probes.backup.verification import Verdict, Verification

#: Beyond its own timeout a child has this long to clean up and answer.
_GRACE = 90.0
_POLL = 0.2


def verify_in_child(
    settings: BackupSettings,
    previous: Mapping[str, int] | None = None,
    clock: Callable[[], float] = time.time,
    stop: threading.Event | None = None,
    proved: Proved | None = None,
) -> Verification:
    """Verify the newest backup in a child process. Blocks the calling thread, which must live until this returns:
    the kernel stops the child when the thread that started it ends. `stop` asks it to clean up and answer early.
    `previous` are the rows of the last good backup, `proved` is its file.
    """
    started_at, stop = clock(), stop or threading.Event()
    job = Job(settings, dict(previous or {}), started_at, os.getpid(), proved)
    child = subprocess.Popen(
        [sys.executable, "-m", "probes.backup.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,  # a Ctrl-C on our terminal is ours to pass on, in order
    )
    try:
        _send(child, pickle.dumps(job))
        out, err = _answer(child, settings.verify.timeout + _GRACE, stop)
    finally:
        if _end(child):
            clean_leftovers(scratch_base(settings.verify.scratch))
    try:
        return Verification.from_json(out)
    except (ValueError, TypeError, KeyError):
        lines = err.decode(errors="replace").strip().splitlines()
        reason = f"the process that verified ended with code {child.returncode}" + (f": {lines[-1]}" if lines else "")
        return _inconclusive(settings, started_at, clock(), reason)


def _send(child: "subprocess.Popen[bytes]", job: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError), child.stdin:  # a child that is gone already says why on stderr
        child.stdin.write(job)
    child.stdin = None  # or communicate() would flush it again


def _answer(child: "subprocess.Popen[bytes]", limit: float, stop: threading.Event) -> tuple[bytes, bytes]:
    deadline, told = time.monotonic() + limit, False
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=_POLL)
        if stop.is_set() and not told:
            child.terminate()
            told, deadline = True, time.monotonic() + _GRACE
        if time.monotonic() > deadline:
            _end(child)


def _end(child: "subprocess.Popen[bytes]") -> bool:
    """SIGTERM for a child that still runs, then SIGKILL for its whole session; True when it had to be killed."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
    killed = child.poll() is None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return killed or child.returncode < 0


def _inconclusive(settings: BackupSettings, started_at: float, finished_at: float, reason: str) -> Verification:
    return Verification(
        settings.name, settings.type, Verdict.INCONCLUSIVE, started_at, finished_at, (f"{reason}; please report it",)
    )
