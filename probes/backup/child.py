"""The process in which one verification runs, so that whatever a backup does to it, the pager does not notice."""

import os
import pickle
import signal
import sys
import time
from types import FrameType

from probes.backup import ENGINES
from probes.backup.engine import Engine
from probes.backup.isolation import die_with_parent, leave_network
from probes.backup.job import Job
from probes.backup.settings import BackupSettings
from probes.backup.verify import Interrupted, verify

#: After being told to stop we have this long to clean up, then the kernel ends us.
_LAST_SECONDS = 60


def main() -> int:
    """Read a Job from stdin, verify, and write the Verification (JSON) to stdout."""
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by our own parent, see launch.py
    _obey_signals(job.settings.verify.timeout)
    die_with_parent(job.parent, signal.SIGTERM)
    os.nice(10)
    offline = leave_network()
    offset = job.now - time.time()
    engine: Engine[BackupSettings] = ENGINES.get(job.settings.type)(job.settings)
    verification = verify(engine, job.previous, lambda: time.time() + offset, offline=offline, proved=job.proved)
    sys.stdout.write(verification.to_json())
    return 0


def _obey_signals(timeout: float) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _LAST_SECONDS)
        if number == signal.SIGALRM:
            raise Interrupted(f"it was not done within {timeout:.0f} s (verify: timeout)")
        raise Interrupted("Shopwatch was stopped before it was done")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, timeout)


if __name__ == "__main__":
    sys.exit(main())
