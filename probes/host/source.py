"""Reads the kernel's own files: what is missing is said in a sentence, and the rest goes on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from probes.base import Sample


class Missing(Exception):
    """Something cannot be measured here; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the kernel's files are: /proc and /sys, or the host's own, mounted into a container as /host/proc."""

    proc: Path
    sys: Path
    root: Path = Path("/")

    def proc_text(self, name: str) -> str:
        """A file below /proc. Raises Missing."""
        return read_text(self.proc / name)

    def cgroup_text(self, name: str) -> str | None:
        """A file of the cgroup that this container is, or None. A machine's root cgroup has no limits and no such
        files, so that they tell a container from a machine."""
        try:
            return read_text(self.sys / "fs/cgroup" / name)
        except Missing:
            return None


def read_text(path: Path) -> str:
    """A kernel file's text. Raises Missing with the reason."""
    try:
        return path.read_text(errors="replace")
    except OSError as error:
        raise Missing(f"{path} cannot be read: {error.strerror}") from None


def pairs(text: str) -> dict[str, int]:
    """`name 12` lines, as in /proc/vmstat and cgroup's *.stat files; what is no such line is left out."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[name] = int(value)
    return found


def gauges(name: str, label: str, values: Iterable[tuple[str, float]]) -> list[Sample]:
    """Samples of one metric that differ in one label."""
    return [Sample(name, value, ((label, key),)) for key, value in values]
