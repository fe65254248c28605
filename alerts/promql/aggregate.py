"""Sums, averages, extremes and the like over series, by groups of labels."""

import math
from collections.abc import Callable
from typing import cast

from alerts.promql import labels as labelset
from alerts.promql.arithmetic import add_kahan, quantile, square_root
from alerts.promql.column import Column, Values
from alerts.promql.errors import PromqlError
from alerts.promql.literal import format_f, format_g, quote
from alerts.promql.node import Aggregate, Text
from alerts.promql.run import Run
from probes.base import Labels

_INT64 = 1 << 63


def aggregate(run: Run, node: Aggregate, parameter: list[float], columns: list[Column]) -> list[Column]:
    """The groups' answers. `parameter` is the number of topk or quantile at each step. Raises PromqlError."""
    run.budget.spend(len(columns) * len(run.times))
    if node.op == "count_values":
        return _count_values(node, columns, len(run.times))
    if node.op in ("topk", "bottomk"):
        return _extremes(node, [_count(number) for number in parameter], _grouped(node, columns), len(run.times))
    groups = _grouped(node, columns)
    if node.op == "quantile":
        for number in parameter:
            run.remarks.bad_quantile(number, node.parameter or node)
        return [
            _column(
                labels,
                members,
                [
                    quantile(number, values) if values else None
                    for number, values in zip(parameter, _rows(members), strict=True)
                ],
            )
            for labels, members in groups.items()
        ]
    reduce = _REDUCE[node.op]
    return [
        _column(labels, members, [reduce(values) if values else None for values in _rows(members)])
        for labels, members in groups.items()
    ]


def _grouped(node: Aggregate, columns: list[Column]) -> dict[Labels, list[Column]]:
    key = labelset.grouping(node.labels, only=not node.without)
    groups: dict[Labels, list[Column]] = {}
    for column in columns:
        groups.setdefault(key(column.labels), []).append(column)
    return groups


def _rows(members: list[Column]) -> list[list[float]]:
    """For each step, the values that are there."""
    return [[value for value in row if value is not None] for row in zip(*[c.values for c in members], strict=True)]


def _column(labels: Labels, members: list[Column], values: Values) -> Column:
    return Column(labels, values, any(member.drop_name for member in members))


def total_of(values: list[float]) -> float:
    """The sum, compensated for what rounding loses."""
    total, compensation = values[0], 0.0
    for value in values[1:]:
        total, compensation = add_kahan(value, total, compensation)
    return total + compensation


def average(values: list[float]) -> float:
    """The mean, by the sum while that is finite, and step by step from where it is not."""
    total, compensation = values[0], 0.0
    for count, value in enumerate(values[1:], 2):
        new, lost = add_kahan(value, total, compensation)
        if math.isinf(new):
            return _running_average(values, count, total / (count - 1), compensation / (count - 1))
        total, compensation = new, lost
    return total / len(values) + compensation / len(values)


def _running_average(values: list[float], first: int, mean: float, compensation: float) -> float:
    for count, value in enumerate(values[first - 1 :], first):
        share = (count - 1) / count
        mean, compensation = add_kahan(value / count, share * mean, share * compensation)
    return mean + compensation


def _variance(values: list[float]) -> float:
    """Welford's method; infinite and NaN values make it a NaN."""
    first = values[0]
    mean, total = first, 0.0 if math.isfinite(first) else math.nan
    for count, value in enumerate(values[1:], 2):
        delta = value - mean
        mean += delta / count
        total += delta * (value - mean)
    return total / len(values)


def least(values: list[float]) -> float:
    """The smallest that is a number; NaN when none is."""
    return min((value for value in values if value == value), default=math.nan)


def greatest(values: list[float]) -> float:
    """The largest that is a number; NaN when none is."""
    return max((value for value in values if value == value), default=math.nan)


def _deviation(values: list[float]) -> float:
    return square_root(_variance(values))


_REDUCE: dict[str, Callable[[list[float]], float]] = {
    "sum": total_of,
    "avg": average,
    "min": least,
    "max": greatest,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": _variance,
    "stddev": _deviation,
}


def _count(number: float) -> int:
    """The k of topk. Raises PromqlError for what is no count."""
    if number != number:
        raise PromqlError("Parameter value is NaN")
    if number >= _INT64:
        raise PromqlError(f"Scalar value {format_g(number)} overflows int64")
    if number < -_INT64:
        raise PromqlError(f"Scalar value {format_g(number)} underflows int64")
    return int(number)


def _extremes(node: Aggregate, counts: list[int], groups: dict[Labels, list[Column]], steps: int) -> list[Column]:
    """The k largest or smallest series of each group at each step; sorted, when there is but one step."""
    sign = -1 if node.op == "topk" else 1
    result = []
    for members in groups.values():
        chosen: dict[int, Values] = {}
        for step in range(steps):
            present = [
                (value != value, sign * value, index)
                for index, member in enumerate(members)
                if (value := member.values[step]) is not None
            ]
            present.sort()
            for _, value, index in present[: max(0, counts[step])]:
                chosen.setdefault(index, [None] * steps)[step] = sign * value
        result += [Column(members[index].labels, values, members[index].drop_name) for index, values in chosen.items()]
    return result


def _count_values(node: Aggregate, columns: list[Column], steps: int) -> list[Column]:
    """How often each value occurs; the value becomes a label."""
    label = cast(Text, node.parameter).value
    if not labelset.is_label_name(label):
        raise PromqlError(f"invalid label name {quote(label)}")
    names = node.labels if node.without else (*node.labels, label)
    key = labelset.grouping(names, only=not node.without)
    counts: dict[Labels, Column] = {}
    for column in columns:
        for step, value in enumerate(column.values):
            if value is None:
                continue
            labels = key(labelset.replace(column.labels, [(label, format_f(value))]))
            out = counts.get(labels)
            if out is None:
                out = counts[labels] = Column(labels, [None] * steps)
            out.values[step] = (out.values[step] or 0.0) + 1
    return list(counts.values())
