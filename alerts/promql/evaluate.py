"""Works out one part of a query after another, each for all its points in time at once."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from alerts.promql import aggregate, binary, select
from alerts.promql.column import Column, Spans
from alerts.promql.functions import SCALAR, VECTOR
from alerts.promql.node import (
    Aggregate,
    Binary,
    Call,
    Negation,
    Node,
    Number,
    RangeSelector,
    Selector,
    Subquery,
    Text,
)
from alerts.promql.run import Run


def scalar(run: Run, node: Node) -> list[float]:
    """A part that is one number per step."""
    match node:
        case Number():
            run.budget.spend(len(run.times))
            return [node.value] * len(run.times)
        case Negation():
            return [-value for value in scalar(run, node.of)]
        case Binary():
            return binary.scalars(run, node, scalar(run, node.left), scalar(run, node.right))
    call = cast(Call, node)
    return SCALAR[call.function](run, *_arguments(run, call))


def vector(run: Run, node: Node) -> list[Column]:
    """A part that is a number per series and step."""
    return _VECTOR[type(node)](run, node)


def matrix(run: Run, node: Node) -> Iterator[Spans]:
    """A part that is a span of samples per series and step. It can be read once."""
    if isinstance(node, RangeSelector):
        return select.spans(run, node)
    return select.subquery_spans(run, cast(Subquery, node), _columns)


def _columns(run: Run, node: Node) -> list[Column]:
    """A number is a series without labels, where a subquery asks for series."""
    return vector(run, node) if node.kind == "vector" else [Column((), list[float | None](scalar(run, node)))]


def _negation(run: Run, node: Negation) -> list[Column]:
    return [
        Column(column.labels, [None if value is None else -value for value in column.values], True)
        for column in vector(run, node.of)
    ]


def _binary(run: Run, node: Binary) -> list[Column]:
    if node.left.kind == "scalar":
        return binary.scalar_and_vector(run, node, scalar(run, node.left), vector(run, node.right), swapped=True)
    if node.right.kind == "scalar":
        return binary.scalar_and_vector(run, node, scalar(run, node.right), vector(run, node.left), swapped=False)
    return binary.vectors(run, node, vector(run, node.left), vector(run, node.right))


def _aggregate(run: Run, node: Aggregate) -> list[Column]:
    parameter = scalar(run, node.parameter) if node.parameter is not None and node.parameter.kind == "scalar" else []
    return aggregate.aggregate(run, node, parameter, vector(run, node.of))


def _call(run: Run, node: Call) -> list[Column]:
    arguments = node.arguments
    if node.function == "timestamp" and isinstance(arguments[0], Selector):
        columns = select.sample_times(run, arguments[0])
        return [Column(column.labels, column.values, True) for column in columns]
    return VECTOR[node.function](run, node, *_arguments(run, node))


def _arguments(run: Run, node: Call) -> list[Any]:
    return [_ARGUMENT[argument.kind](run, argument) for argument in node.arguments]


def _text(run: Run, node: Node) -> str:
    return cast(Text, node).value


_VECTOR: dict[type, Callable[..., list[Column]]] = {
    Selector: select.instant,
    Negation: _negation,
    Binary: _binary,
    Aggregate: _aggregate,
    Call: _call,
}
_ARGUMENT: dict[str, Callable[[Run, Node], Any]] = {
    "scalar": scalar,
    "vector": vector,
    "matrix": matrix,
    "string": _text,
}
