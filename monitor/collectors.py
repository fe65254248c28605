"""Shows on /metrics what the rooms of the service know: verifications, rule groups, samples in memory, the config."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from probes.base import Labels
from probes.base import Metric as Promise

#: One number: its name, own labels, value.
Number = tuple[str, Labels, float]
_FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


class Numbers(Collector):
    """Turns promised metrics and a function that reads their present values into Prometheus' families."""

    def __init__(self, promises: Sequence[Promise], read: Callable[[], Iterable[Number]]) -> None:
        self._promises, self._read = promises, read

    def describe(self) -> Iterable[Metric]:
        """Nothing is read at registration."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The families that have a value now."""
        families = {promise.name: _FAMILIES[promise.type](promise.name, promise.help) for promise in self._promises}
        for name, labels, value in self._read():
            families[name].add_sample(name, dict(labels), value)
        return [family for family in families.values() if family.samples]
