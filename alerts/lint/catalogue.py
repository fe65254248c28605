"""Which metrics exist, and of which type: those of every kind of probe, Shopwatch's own, and what others declare."""

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from alerts.lint.conventions import EXPORTERS, SHOP
from probes import KINDS
from probes.base import COMMON_METRICS, AnyProbe, Metric

#: What a rule evaluation itself writes, and what Prometheus writes about each of its targets.
_GIVEN = (
    Metric("ALERTS", "gauge", "Pending and firing alerts."),
    Metric("ALERTS_FOR_STATE", "gauge", "Since when alerts are active."),
    Metric("up", "gauge", "1 if the last scrape went well."),
    Metric("scrape_duration_seconds", "gauge", "How long the last scrape took."),
    Metric("scrape_samples_scraped", "gauge", "Samples in the last scrape."),
    Metric("scrape_samples_post_metric_relabeling", "gauge", "Samples kept of the last scrape."),
    Metric("scrape_series_added", "gauge", "New series in the last scrape."),
)
_PARTS = {
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}


class Catalogue:
    """The metrics that rules may ask for. `declared` are names or globs such as `node_*`, whose types are unknown."""

    def __init__(self, metrics: Iterable[Metric], declared: Iterable[str] = ()) -> None:
        self._types: dict[str, str] = {}
        for metric in metrics:
            parts = _PARTS.get(metric.type)
            for suffix in parts or ("",):
                counted = parts is not None and suffix != ""
                self._types[metric.name + suffix] = "counter" if counted else metric.type
        self._declared = tuple(declared)

    @classmethod
    def built_in(cls, more: Iterable[Metric] = (), declared: Iterable[str] = ()) -> "Catalogue":
        """The metrics of every installed kind of probe, those that all probes have, a shop's usual ones, and `more`."""
        return cls([*_GIVEN, *SHOP, *EXPORTERS, *COMMON_METRICS, *probe_metrics(), *more], declared)

    def knows(self, name: str) -> bool:
        """Whether some part of Shopwatch says this metric exists, or somebody declared it."""
        return name in self._types or any(fnmatchcase(name, pattern) for pattern in self._declared)

    def is_ours(self, name: str) -> bool:
        """Whether Shopwatch itself makes this metric: then other alerts say so when it goes missing."""
        return name in self._types

    def type_of(self, name: str) -> str:
        """gauge, counter or histogram; for metrics of others, counter where the name says so; else empty."""
        known = self._types.get(name)
        if known:
            return known
        return "counter" if name.endswith(("_total", "_bucket")) else ""

    def near(self, name: str) -> str:
        """The known name that is most like this one, or nothing."""
        return next(iter(get_close_matches(name, self._types, 1, 0.75)), "")


def probe_metrics() -> list[Metric]:
    """Every metric that an installed kind of probe promises."""
    metrics: list[Metric] = []
    for kind in KINDS.names():
        probe: type[AnyProbe] = KINDS.get(kind)
        metrics += probe.metrics
    return metrics
