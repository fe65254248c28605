"""Functions that turn numbers into series and back, sort series, or answer when there are none."""

import math
from collections.abc import Callable

from alerts.promql import labels as labelset
from alerts.promql.column import NAME, Column
from alerts.promql.node import Call, Node, RangeSelector, Selector
from alerts.promql.run import Run
from probes.base import Labels


def labels_of_absent(node: Node) -> Labels:
    """The labels of what absent() answers: those that the selector says exactly, and once."""
    selector = node.selector if isinstance(node, RangeSelector) else node
    if not isinstance(selector, Selector):
        return ()
    exact: dict[str, str] = {}
    for matcher in selector.matchers:
        if matcher.name == NAME:
            continue
        if matcher.op == "=" and matcher.name not in exact:
            exact[matcher.name] = matcher.value
        else:
            exact[matcher.name] = ""
    return labelset.replace((), exact.items())


def _absent(run: Run, call: Call, columns: list[Column]) -> list[Column]:
    missing = [True] * len(run.times)
    for column in columns:
        missing = [gone and value is None for gone, value in zip(missing, column.values, strict=True)]
    if not any(missing):
        return []
    return [Column(labels_of_absent(call.arguments[0]), [1.0 if gone else None for gone in missing])]


def _vector(run: Run, call: Call, numbers: list[float]) -> list[Column]:
    return [Column((), list[float | None](numbers))]


def _timestamp(run: Run, call: Call, columns: list[Column]) -> list[Column]:
    """The step itself: only a selector's samples have times of their own."""
    return [
        Column(
            column.labels,
            [None if value is None else at / 1000 for at, value in zip(run.times, column.values, strict=True)],
            True,
        )
        for column in columns
    ]


def _sorted(*, descending: bool) -> Callable[[Run, Call, list[Column]], list[Column]]:
    def function(run: Run, call: Call, columns: list[Column]) -> list[Column]:
        if run.start_ms != run.end_ms:
            run.remarks.sort_in_range(call)
            return columns

        def rank(column: Column) -> tuple[bool, float]:
            value = column.values[0]
            if value is None or value != value:
                return True, 0.0
            return False, -value if descending else value

        return sorted(columns, key=rank) if len(run.times) == 1 else columns

    return function


def _scalar(run: Run, columns: list[Column]) -> list[float]:
    """The only value there is; NaN where there are none or several."""
    if len(columns) == 1:
        return [math.nan if value is None else value for value in columns[0].values]
    numbers = []
    for step in range(len(run.times)):
        present = [value for column in columns if (value := column.values[step]) is not None]
        numbers.append(present[0] if len(present) == 1 else math.nan)
    return numbers


SCALAR: dict[str, Callable[..., list[float]]] = {
    "time": lambda run: [at / 1000 for at in run.times],
    "pi": lambda run: [math.pi] * len(run.times),
    "scalar": _scalar,
}
FUNCTIONS: dict[str, Callable[..., list[Column]]] = {
    "absent": _absent,
    "vector": _vector,
    "timestamp": _timestamp,
    "sort": _sorted(descending=False),
    "sort_desc": _sorted(descending=True),
}
