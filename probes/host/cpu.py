"""How busy the processors are: by mode, by core, and against the limit where there is one."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.base import Metric, Sample
from probes.host.container import cpu_limit
from probes.host.source import Missing, Source, gauges, pairs

METRICS = (
    Metric("host_cpu_seconds_total", "counter", "Time that all cores spent in each mode."),
    Metric("host_cpu_busy_ratio", "gauge", "Part of the CPU time available (all cores, or the limit) in use."),
    Metric("host_cpu_core_busy_ratio", "gauge", "Part of each core's time in use: one full core stops one thread."),
    Metric("host_cpu_cores", "gauge", "Cores that are online."),
    Metric("host_load1", "gauge", "Tasks running or waiting, over one minute."),
    Metric("host_load5", "gauge", "Tasks running or waiting, over five minutes."),
    Metric("host_load15", "gauge", "Tasks running or waiting, over fifteen minutes."),
    Metric("host_tasks_running", "gauge", "Tasks that run or could run now."),
    Metric("host_tasks_blocked", "gauge", "Tasks that wait for I/O now."),
    Metric("host_context_switches_total", "counter", "Context switches since boot."),
    Metric("host_forks_total", "counter", "Processes and threads made since boot."),
    Metric("host_boot_timestamp_seconds", "gauge", "When the machine was started."),
    Metric("host_cgroup_cpu_limit_cores", "gauge", "Cores' worth of CPU that the container may use."),
    Metric("host_cgroup_cpu_seconds_total", "counter", "CPU time that the container has used."),
    Metric("host_cgroup_cpu_periods_total", "counter", "Periods in which the container wanted to run."),
    Metric("host_cgroup_cpu_throttled_periods_total", "counter", "Periods in which the container used up its limit."),
    Metric("host_cgroup_cpu_throttled_seconds_total", "counter", "Time for which the container was stopped."),
)

#: The columns of /proc/stat (proc_stat(5)). Guest time is counted in user and nice too, and taken out of them here.
_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
_IDLE = ("idle", "iowait")
_Times = dict[str, float]


@dataclass(slots=True)
class Cpu:
    """Ratios are over the time between two looks, so that the first look has none."""

    monotonic: Callable[[], float] = time.monotonic
    ticks: int = field(default_factory=lambda: os.sysconf("SC_CLK_TCK"))
    _before: dict[str, _Times] = field(default_factory=dict)
    _used_before: tuple[float, float] | None = None

    def read(self, source: Source) -> list[Sample]:
        """Everything about the processors. Raises Missing."""
        lines = source.proc_text("stat").splitlines()
        cores = {line.split()[0]: _times(line, self.ticks) for line in lines if line.startswith("cpu")}
        if "cpu" not in cores:
            raise Missing(f"{source.proc}/stat has no line cpu")
        total = cores.pop("cpu")
        samples = gauges("host_cpu_seconds_total", "mode", total.items())
        samples.append(Sample("host_cpu_cores", float(len(cores))))
        samples += self._cores(cores)
        samples += _others(lines)
        container, busy = self._container(source)
        samples += container
        busy = self._busy("cpu", total) if busy is None and not container else busy
        if busy is not None:
            samples.append(Sample("host_cpu_busy_ratio", busy))
        return samples

    def _cores(self, cores: dict[str, _Times]) -> list[Sample]:
        found = []
        for name, times in cores.items():
            busy = self._busy(name, times)
            if busy is not None:
                found.append(Sample("host_cpu_core_busy_ratio", busy, (("core", name.removeprefix("cpu")),)))
        return found

    def _busy(self, name: str, times: _Times) -> float | None:
        before, self._before[name] = self._before.get(name), times
        if before is None:
            return None
        # A counter of the kernel may step back a little (iowait does); that is no time.
        spent = {mode: max(0.0, value - before.get(mode, 0.0)) for mode, value in times.items()}
        whole = sum(spent.values())
        return None if whole == 0 else 1 - sum(spent[mode] for mode in _IDLE) / whole

    def _container(self, source: Source) -> tuple[list[Sample], float | None]:
        """A container's own use, and against its limit; nothing where there is no limit."""
        limit = cpu_limit(source)
        stat = pairs(source.cgroup_text("cpu.stat") or "")
        if limit is None or "usage_usec" not in stat:
            return [], None
        samples = [Sample("host_cgroup_cpu_limit_cores", limit)]
        for name, key, unit in _CGROUP:
            if key in stat:
                samples.append(Sample(name, stat[key] * unit))
        now, used = self.monotonic(), stat["usage_usec"] / 1e6
        before, self._used_before = self._used_before, (now, used)
        if before is None or now <= before[0]:
            return samples, None
        return samples, max(0.0, used - before[1]) / ((now - before[0]) * limit)


_CGROUP = (
    ("host_cgroup_cpu_seconds_total", "usage_usec", 1e-6),
    ("host_cgroup_cpu_periods_total", "nr_periods", 1.0),
    ("host_cgroup_cpu_throttled_periods_total", "nr_throttled", 1.0),
    ("host_cgroup_cpu_throttled_seconds_total", "throttled_usec", 1e-6),
)


def read_load(source: Source) -> list[Sample]:
    """The load averages. Raises Missing."""
    words = source.proc_text("loadavg").split()
    try:
        return [Sample(f"host_load{span}", float(word)) for span, word in zip((1, 5, 15), words, strict=False)]
    except ValueError:
        raise Missing(f"{source.proc}/loadavg is not as expected: {' '.join(words)[:80]}") from None


def _times(line: str, ticks: int) -> _Times:
    numbers = [int(word) / ticks for word in line.split()[1:] if word.isdigit()]
    times = dict.fromkeys(_MODES, 0.0) | dict(zip(_MODES, numbers, strict=False))
    times["user"] = max(0.0, times["user"] - times["guest"])
    times["nice"] = max(0.0, times["nice"] - times["guest_nice"])
    return times


def _others(lines: list[str]) -> list[Sample]:
    names = {
        "ctxt": "host_context_switches_total",
        "processes": "host_forks_total",
        "procs_running": "host_tasks_running",
        "procs_blocked": "host_tasks_blocked",
        "btime": "host_boot_timestamp_seconds",
    }
    values = pairs("\n".join(lines))
    return [Sample(metric, float(values[key])) for key, metric in names.items() if key in values]
