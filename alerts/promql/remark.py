"""Remarks about a query that was answered all the same: warnings and infos, in Prometheus' words."""

from alerts.promql.literal import format_g, quote
from alerts.promql.node import Node
from alerts.promql.token import place

_COUNTER_ENDINGS = ("_total", "_sum", "_count", "_bucket")
_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


class Remarks:
    """What is worth saying about one run of a query, each remark once, with its place in the query."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What makes the answer doubtful."""
        return tuple(self._warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        """What the writer of the query should know."""
        return tuple(self._infos)

    def bad_quantile(self, quantile: float, node: Node) -> None:
        """A quantile outside 0 to 1."""
        if not 0 <= quantile <= 1:
            self._warn(f"quantile value should be between 0 and 1, got {format_g(quantile)}", node)

    def bad_bucket(self, value: str, metric: str, node: Node) -> None:
        """A bucket of a histogram whose `le` is no number."""
        self._warn(
            f'bucket label "le" is missing or has a malformed value of {quote(value)}{_for_metric(metric)}',
            node,
        )

    def sort_in_range(self, node: Node) -> None:
        """sort() in a range query, whose answer is always sorted by labels."""
        self._warn("sort is ineffective for range queries since results are always ordered by labels", node)

    def not_monotonic(self, metric: str, node: Node) -> None:
        """A histogram with fewer observations in a larger bucket."""
        self._inform(_MONOTONICITY + _for_metric(metric), node)

    def maybe_no_counter(self, metric: str, node: Node) -> None:
        """A rate of something whose name is not a counter's."""
        if metric and not metric.endswith(_COUNTER_ENDINGS):
            self._inform(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " + quote(metric),
                node,
            )

    def _warn(self, text: str, node: Node) -> None:
        self._warnings[f"PromQL warning: {text} ({place(self._query, node.start)})"] = None

    def _inform(self, text: str, node: Node) -> None:
        self._infos[f"PromQL info: {text} ({place(self._query, node.start)})"] = None


def _for_metric(metric: str) -> str:
    return f" for metric name {quote(metric)}" if metric else ""
