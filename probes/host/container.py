"""Says whether this is a container, and which limits it has: ratios are of those, or of the whole machine."""

from pathlib import Path

from probes.host.source import Source

_MARKS = (".dockerenv", "run/.containerenv")


def cpu_limit(source: Source) -> float | None:
    """Cores' worth of CPU that this container may use: cpu.max (`200000 100000`), None for `max` and for a machine."""
    quota, _, period = (source.cgroup_text("cpu.max") or "max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def memory_limit(source: Source) -> int | None:
    """Bytes that this container may use: memory.max, None for `max` and for a machine."""
    text = (source.cgroup_text("memory.max") or "").strip()
    return int(text) if text.isdigit() else None


def limits(source: Source) -> str:
    """A sentence about the container's limits; empty on a machine."""
    if source.cgroup_text("cpu.max") is None and source.cgroup_text("memory.max") is None:
        # Another /proc than ours is the machine's, mounted into a container so that the machine is watched.
        if source.proc != Path("/proc") or not any((source.root / mark).exists() for mark in _MARKS):
            return ""
        return f"a container whose limits are not seen: there is no cgroup v2 at {source.sys}/fs/cgroup"
    cpu, memory = cpu_limit(source), memory_limit(source)
    cores = "no CPU limit, so CPU is of the machine's" if cpu is None else f"{cpu:g} cores"
    size = "no memory limit, so memory is the machine's" if memory is None else f"{memory / 1024 / 1024:.0f} MiB"
    return f"a container with {cores}; {size}"
