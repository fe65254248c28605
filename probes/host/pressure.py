"""How long work had to wait for CPU, memory or disk: the kernel's pressure stall information."""

from probes.base import Metric, Sample
from probes.host.source import Missing, Source

METRICS = (
    Metric("host_pressure_seconds_total", "counter", "Time in which some, or all, tasks waited for a resource."),
    Metric("host_pressure_ratio", "gauge", "Part of the last ten seconds in which some, or all, tasks waited."),
)
_RESOURCES = ("cpu", "memory", "io")


def read_pressure(source: Source) -> list[Sample]:
    """The container's own pressure where it has some, the machine's otherwise. Raises Missing."""
    samples: list[Sample] = []
    for resource in _RESOURCES:
        text = source.cgroup_text(f"{resource}.pressure")
        if text is None:
            text = _of_machine(source, resource)
        samples += _samples(resource, text)
    return samples


def _of_machine(source: Source, resource: str) -> str:
    if not (source.proc / "pressure").exists():
        raise Missing(
            f"{source.proc}/pressure is not there: this kernel is built without CONFIG_PSI, or started without psi=1"
        )
    return source.proc_text(f"pressure/{resource}")


def _samples(resource: str, text: str) -> list[Sample]:
    """`some avg10=1.65 avg60=1.08 avg300=0.41 total=7659291`: per cent, and microseconds."""
    found = []
    for line in text.splitlines():
        kind, *words = line.split()
        values = dict(word.split("=", 1) for word in words if "=" in word)
        labels = (("kind", kind), ("resource", resource))
        try:
            found.append(Sample("host_pressure_seconds_total", int(values["total"]) / 1e6, labels))
            found.append(Sample("host_pressure_ratio", float(values["avg10"]) / 100, labels))
        except (KeyError, ValueError):
            raise Missing(f"the pressure of {resource} is not as expected: {line[:80]!r}") from None
    return found
