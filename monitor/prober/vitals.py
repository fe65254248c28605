"""How the probers themselves are: alive, on time, and at what cost. Exported as shopwatch_prober_* metrics."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_LATENESS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class ShardVitals:
    """What is known about one prober process; counters outlive the process."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self.restarts: Counter[str] = Counter(died=0, hung=0)
        self.lateness = [0] * (len(_LATENESS) + 1)
        self.late_seconds = 0.0
        self.cpu_before = 0.0
        self.ended()

    def ended(self) -> None:
        """The process is gone, and with it what only it could tell."""
        self.cpu_before += getattr(self, "cpu", 0.0)
        self.pid = None
        self.lag = 0.0
        self.running = self.waiting = self.size = 0
        self.cpu = 0.0

    def pulse(self, lag: float, running: int, waiting: int, cpu: float, size: int) -> None:
        """The process showed that it lives."""
        self.lag, self.running, self.waiting, self.cpu, self.size = lag, running, waiting, cpu, size

    def began(self, late: float) -> None:
        """A look began this many seconds after its slot."""
        self.lateness[bisect_left(_LATENESS, late)] += 1
        self.late_seconds += late


class HasVitals(Protocol):
    """A numbered shard."""

    number: int
    vitals: ShardVitals


class ProberVitals(Collector):
    """The metrics of all prober processes, labelled with the prober's number.

    `aside` answers which probes were ever set aside, and whether they are now.
    """

    def __init__(self, shards: Sequence[HasVitals], aside: Callable[[], Mapping[str, bool]] = dict) -> None:
        self._shards = shards
        self._aside = aside

    def collect(self) -> Iterable[Metric]:
        """Prometheus' families, read at the moment of the scrape."""
        yield from self._gauges()
        restarts = CounterMetricFamily(
            "shopwatch_prober_restarts", "Prober processes that died or hung.", labels=("prober", "reason")
        )
        cpu = CounterMetricFamily(
            "shopwatch_prober_cpu_seconds", "CPU time that prober processes used.", labels=("prober",)
        )
        late = HistogramMetricFamily(
            "shopwatch_prober_start_lateness_seconds", "How long after their slots looks began.", labels=("prober",)
        )
        for shard in self._shards:
            number, vitals = str(shard.number), shard.vitals
            for reason, count in sorted(vitals.restarts.items()):
                restarts.add_metric((number, reason), count)
            cpu.add_metric((number,), vitals.cpu_before + vitals.cpu)
            late.add_metric((number,), list(_cumulative(vitals.lateness)), vitals.late_seconds)
        aside = GaugeMetricFamily(
            "shopwatch_probe_set_aside",
            "1 for a probe that is not looked at, because it hung its prober again and again.",
            labels=("probe",),
        )
        for probe, is_aside in self._aside().items():
            aside.add_metric((probe,), float(is_aside))
        yield from (restarts, cpu, late, aside)

    def _gauges(self) -> Iterator[Metric]:
        gauges = (
            ("up", "1 while the prober process runs.", lambda vitals: vitals.pid is not None),
            ("loop_lag_seconds", "The prober's longest standstill of the last minute.", lambda vitals: vitals.lag),
            ("running_looks", "Looks that run now.", lambda vitals: vitals.running),
            ("waiting_looks", "Looks that are due and wait for room.", lambda vitals: vitals.waiting),
            ("resident_memory_bytes", "Memory of the prober process.", lambda vitals: vitals.size),
        )
        for name, text, read in gauges:
            family = GaugeMetricFamily(f"shopwatch_prober_{name}", text, labels=("prober",))
            for shard in self._shards:
                family.add_metric((str(shard.number),), float(read(shard.vitals)))
            yield family


def _cumulative(counts: list[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip((*map(str, _LATENESS), "+Inf"), counts, strict=True):
        total += count
        yield bound, total
