"""The process in which one verification runs, so that whatever a backup does to it, the pager does not notice."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from probes.backup import ENGINES
from probes.backup.isolation import die_with_parent, leave_network
from probes.backup.settings import BackupSettings
from probes.backup.verification import Verification
from probes.backup.verify import Interrupted, verify

#: After being told to stop we have this long to clean up, then the kernel ends us.
_LAST_SECONDS = 60


def main() -> int:
    """Read a job (JSON) from stdin, verify, and write the Verification (JSON) to stdout."""
    job = json.load(sys.stdin)
    kind = ENGINES.get(job["settings"]["type"])
    settings: BackupSettings = kind.settings_model.model_validate_json(json.dumps(job["settings"]))
    _obey_signals(settings.verify.timeout)
    die_with_parent(job["parent"], signal.SIGTERM)
    os.nice(10)
    network = "none (a network namespace of its own)" if leave_network() else "the host's: this kernel gave us no other"
    verification = _verify(kind, settings, job, (("network while restoring", network),))
    sys.stdout.write(verification.to_json())
    return 0


def _verify(
    kind: Callable[[BackupSettings], "object"],
    settings: BackupSettings,
    job: dict[str, object],
    facts: tuple[tuple[str, str], ...],
) -> Verification:
    offset = float(job["now"]) - time.time()  # type: ignore[arg-type]  # written by launch()
    return verify(kind(settings), job["previous"], lambda: time.time() + offset, facts=facts)  # type: ignore[arg-type]


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
