"""Looks at the machine itself: processors, memory, disks, network, and whether the programs it needs run."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.base import Evidence, Finding, Outcome, Probe, ProbeSettings, Run, Sample
from probes.host import container, cpu, disk, files, memory, network, pressure, processes
from probes.host.source import Missing, Source
from probes.settings import Settings
from probes.units import Ratio

Count = Annotated[int, Field(ge=0)]


class ProcessExpectation(Settings):
    """How many processes of a name must run."""

    min: Count = Field(default=1, description="At least so many.")
    max: Count | None = Field(default=None, description="At most so many.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max} is less than min {self.min}")
        return self


class HostSettings(ProbeSettings):
    """The machine this runs on; in a container, `proc`, `sys` and `rootfs` may be the host's, mounted read-only."""

    type: Literal["host"] = "host"
    disks: tuple[str, ...] = Field(default=("/",), description="Mounts whose space, inodes and I/O are measured.")
    processes: dict[str, ProcessExpectation] = Field(default_factory=dict, description="Programs that must run.")
    full: Ratio | None = Field(
        default=None, gt=0, description="Down when a disk's space or inodes are used to this part."
    )
    proc: Path = Field(default=Path("/proc"), description="The kernel's process files.")
    sys: Path = Field(default=Path("/sys"), description="The kernel's device and cgroup files.")
    rootfs: Path = Field(default=Path("/"), description="Where the machine's own root is mounted.")

    @model_validator(mode="after")
    def _whole_mounts(self) -> Self:
        for mount in self.disks:
            if not mount.startswith("/"):
                raise ValueError(f"the disk {mount!r} is no mount; write the whole path, such as / or /var")
        return self


class HostProbe(Probe[HostSettings]):
    """Up: measured, and every configured expectation holds. Degraded: a configured disk is not there or does not
    answer. Down: a process is missing or too many, or a disk is fuller than `full`. Unknown: nothing can be measured.

    What a machine does not offer (no pressure stall information, no limits) is said in the evidence; the rest goes on.
    """

    settings_model = HostSettings
    remote = False
    metrics = (
        *(cpu.METRICS + memory.METRICS + pressure.METRICS),
        *(disk.METRICS + network.METRICS + files.METRICS + processes.METRICS),
    )

    def __init__(self, settings: HostSettings) -> None:
        super().__init__(settings)
        self._source = Source(settings.proc, settings.sys)
        self._cpu = cpu.Cpu()
        self._disks = [disk.Disk(mount, settings.rootfs) for mount in settings.disks]

    async def check(self, run: Run) -> Finding:
        """Measure once, in a thread: a hanging disk or thousands of processes must not delay other probes."""
        return await asyncio.to_thread(self.look)

    def look(self) -> Finding:
        """Measure once."""
        samples: list[Sample] = []
        missing: dict[str, str] = {}
        for name, reader in self._readers():
            try:
                samples += reader(self._source)
            except Missing as error:
                missing[name] = str(error)
        if not samples:
            raise RuntimeError(f"nothing can be measured: {next(iter(missing.values()))}")
        wrong = list(self._read_processes(samples, missing))
        gone = list(self._read_disks(samples, missing, wrong))
        outcome = Outcome.DOWN if wrong else Outcome.DEGRADED if gone else Outcome.UP
        reason = "; ".join(wrong + gone)
        facts = [(name, f"not measured: {why}") for name, why in missing.items()]
        if said := container.limits(self._source):
            facts.insert(0, ("limits", said))
        summary = reason or "measured" + (f", without {', '.join(missing)}" if missing else "")
        return Finding(outcome, reason, tuple(samples), Evidence(summary, facts=(*_figures(samples), *facts)))

    def _readers(self) -> tuple[tuple[str, Callable[[Source], list[Sample]]], ...]:
        return (
            ("cpu", self._cpu.read),
            ("load", cpu.read_load),
            ("memory", memory.read_memory),
            ("oom kills", memory.read_kills),
            ("pressure", pressure.read_pressure),
            ("network", network.read_network),
            ("file descriptors", files.read_files),
        )

    def _read_processes(self, samples: list[Sample], missing: dict[str, str]) -> Iterator[str]:
        if not self.settings.processes:
            return
        try:
            found = processes.read_processes(self._source, self.settings.processes)
        except Missing as error:
            missing["processes"] = str(error)
            return
        samples += processes.samples(found)
        for name, expected in self.settings.processes.items():
            count = found[name][0]
            if count < expected.min:
                yield f"{count} processes named {name} run, expected at least {expected.min}"
            elif expected.max is not None and count > expected.max:
                yield f"{count} processes named {name} run, expected at most {expected.max}"

    def _read_disks(self, samples: list[Sample], missing: dict[str, str], wrong: list[str]) -> Iterator[str]:
        limit = self.settings.full
        for mounted in self._disks:
            try:
                room = mounted.read(self._source)
            except Missing as error:
                missing[f"disk {mounted.mount}"] = str(error)
                yield str(error)
                continue
            samples += room.samples
            for what, used in (("space", room.used), ("inodes", room.inodes_used)):
                if limit is not None and used >= limit:
                    wrong.append(f"{used:.1%} of the {what} on {mounted.mount} is used, expected less than {limit:.4g}")


_FIGURES = {
    "host_cpu_busy_ratio": ("cpu busy", "{:.0%}"),
    "host_load1": ("load", "{:.2f}"),
    "host_memory_used_ratio": ("memory used", "{:.0%}"),
    "host_disk_used_ratio": ("disk used", "{:.0%}"),
}


def _figures(samples: list[Sample]) -> Iterator[tuple[str, str]]:
    """The few numbers that a person asks for first."""
    for sample in samples:
        if sample.name in _FIGURES:
            name, form = _FIGURES[sample.name]
            mount = dict(sample.labels).get("mount", "")
            yield f"{name} {mount}".strip(), form.format(sample.value)
