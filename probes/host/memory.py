"""How much memory is left, for the machine or for the container that this is, and who was killed for want of it."""

from probes.base import Metric, Sample
from probes.host.container import memory_limit
from probes.host.source import Missing, Source, pairs

METRICS = (
    Metric("host_memory_total_bytes", "gauge", "Memory of the machine, or the container's limit."),
    Metric("host_memory_available_bytes", "gauge", "Memory that programs could still get without swapping."),
    Metric("host_memory_used_ratio", "gauge", "Part of the memory that is not available."),
    Metric("host_memory_free_bytes", "gauge", "Memory of the machine that is used for nothing."),
    Metric("host_memory_cached_bytes", "gauge", "Memory of the machine that caches files."),
    Metric("host_swap_total_bytes", "gauge", "Swap space of the machine."),
    Metric("host_swap_free_bytes", "gauge", "Swap space of the machine not in use."),
    Metric("host_swap_in_pages_total", "counter", "Pages read back from swap."),
    Metric("host_swap_out_pages_total", "counter", "Pages written to swap."),
    Metric("host_oom_kills_total", "counter", "Processes killed for want of memory, of the machine or the container."),
    Metric("host_cgroup_memory_limit_bytes", "gauge", "Memory that the container may use."),
    Metric("host_cgroup_memory_used_bytes", "gauge", "Memory that the container uses, caches included."),
)


def read_memory(source: Source) -> list[Sample]:
    """Memory and swap. In a container with a limit, total and available are the container's. Raises Missing."""
    info = _meminfo(source)
    try:
        total, available = info["MemTotal"], info.get("MemAvailable", info["MemFree"] + info.get("Cached", 0))
    except KeyError as key:
        raise Missing(f"{source.proc}/meminfo has no line {key}") from None
    samples = [
        Sample("host_memory_free_bytes", float(info.get("MemFree", 0))),
        Sample("host_memory_cached_bytes", float(info.get("Cached", 0) + info.get("Buffers", 0))),
        Sample("host_swap_total_bytes", float(info.get("SwapTotal", 0))),
        Sample("host_swap_free_bytes", float(info.get("SwapFree", 0))),
    ]
    limit, current = memory_limit(source), (source.cgroup_text("memory.current") or "").strip()
    if limit is not None and current.isdigit() and limit < total:
        used = int(current)
        samples.append(Sample("host_cgroup_memory_limit_bytes", float(limit)))
        samples.append(Sample("host_cgroup_memory_used_bytes", float(used)))
        # The kernel gives cached files back before it kills; anonymous memory it cannot.
        reclaimable = pairs(source.cgroup_text("memory.stat") or "").get("inactive_file", 0)
        total, available = limit, min(available, max(0, limit - max(0, used - reclaimable)))
    samples.append(Sample("host_memory_total_bytes", float(total)))
    samples.append(Sample("host_memory_available_bytes", float(available)))
    if total:
        samples.append(Sample("host_memory_used_ratio", 1 - available / total))
    return samples


def read_kills(source: Source) -> list[Sample]:
    """OOM kills and swapping. Raises Missing."""
    vmstat = pairs(source.proc_text("vmstat"))
    events = pairs(source.cgroup_text("memory.events") or "")
    kills = events.get("oom_kill", vmstat.get("oom_kill"))
    samples = [
        Sample(metric, float(vmstat[key]))
        for metric, key in (("host_swap_in_pages_total", "pswpin"), ("host_swap_out_pages_total", "pswpout"))
        if key in vmstat
    ]
    if kills is None:
        raise Missing(f"{source.proc}/vmstat does not count OOM kills; that needs Linux 4.13")
    return [*samples, Sample("host_oom_kills_total", float(kills))]


def _meminfo(source: Source) -> dict[str, int]:
    """Bytes by name; the file says kB and means KiB."""
    found = {}
    for line in source.proc_text("meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return found
