"""Counts the named processes that a shop needs: nginx, the database, the workers."""

import contextlib
import os
from collections.abc import Iterable, Iterator

from probes.base import Metric, Sample
from probes.host.source import Missing, Source, read_text

METRICS = (
    Metric("host_processes", "gauge", "Running processes of a configured name."),
    Metric("host_process_resident_bytes", "gauge", "Memory of all processes of a configured name, shared pages twice."),
)
_COMM_LIMIT = 15


def read_processes(source: Source, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """How many processes have each name, and their resident bytes; zombies do not count. Raises Missing.

    A process has the name of its executable as it was called (argv[0] without its folder), or the one that it gave
    itself, which the kernel cuts after 15 characters.
    """
    found = dict.fromkeys(names, (0, 0))
    page = os.sysconf("SC_PAGE_SIZE")
    for pid in _pids(source):
        with contextlib.suppress(Missing, ValueError, IndexError):  # it ended while we looked
            comm, state, resident = _stat(source, pid)
            if state in "ZX":
                continue
            for name in _matching(found, comm, source, pid):
                count, size = found[name]
                found[name] = (count + 1, size + resident * page)
    return found


def samples(found: dict[str, tuple[int, int]]) -> list[Sample]:
    """The counts as samples."""
    counted = []
    for name, (count, size) in found.items():
        labels = (("process", name),)
        counted.append(Sample("host_processes", float(count), labels))
        counted.append(Sample("host_process_resident_bytes", float(size), labels))
    return counted


def _pids(source: Source) -> list[str]:
    try:
        return [entry for entry in os.listdir(source.proc) if entry.isdigit()]  # noqa: PTH208 - names only, thousands
    except OSError as error:
        raise Missing(f"{source.proc} cannot be listed: {error.strerror}") from None


def _stat(source: Source, pid: str) -> tuple[str, str, int]:
    """Name, state and resident pages of one process (proc_pid_stat(5)); its name may hold spaces and brackets."""
    text = source.proc_text(f"{pid}/stat")
    comm = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return comm, rest[0], int(rest[21])


def _matching(names: Iterable[str], comm: str, source: Source, pid: str) -> Iterator[str]:
    called: str | None = None
    for name in names:
        if comm == name[:_COMM_LIMIT] and len(name) <= _COMM_LIMIT:
            yield name
            continue
        if called is None:
            called = _called(source, pid)
        if called == name:
            yield name


def _called(source: Source, pid: str) -> str:
    first = read_text(source.proc / pid / "cmdline").split("\0", 1)[0]
    # `nginx: master process` is how a process that renames itself begins.
    return first.split(": ", 1)[0].rsplit("/", 1)[-1]
