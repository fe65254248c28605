"""What a verifying child process is told by the service that starts it."""

from collections.abc import Mapping
from typing import NamedTuple

from probes.backup.proved import Proved
from probes.backup.settings import BackupSettings


class Job(NamedTuple):
    """One verification to do: of which backup, the rows of the last good one, the time (wall clock, UTC), the pid of
    the parent, whose death ends the child, and the file of the last good one."""

    settings: BackupSettings
    previous: Mapping[str, int]
    now: float
    parent: int
    proved: Proved | None = None
