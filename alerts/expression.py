"""Reads PromQL expressions: whether one can be evaluated, which series it asks for, and how far back it looks."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import promql_parser


def expression_problem(expr: str) -> str:
    """Why this expression cannot be evaluated; empty when it can."""
    try:
        promql_parser.parse(expr)
    except ValueError as error:
        return str(error)
    return ""


def walk(node: Any) -> Iterator[Any]:
    """Every part of a parsed expression, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Any) -> Iterator[Any]:
    """The parts directly inside a part."""
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, name, None)
        if isinstance(child, promql_parser.Expr):
            yield child
    if isinstance(node, promql_parser.Call):
        yield from node.args


@lru_cache(maxsize=4096)
def metrics_of(expr: str) -> frozenset[str] | None:
    """The names of the series that an expression asks for; None when a selector does not name one exactly."""
    names = set()
    for node in walk(promql_parser.parse(expr)):
        if isinstance(node, promql_parser.VectorSelector):
            name = selector_name(node)
            if name is None:
                return None
            names.add(name)
    return frozenset(names)


def selector_name(selector: Any) -> str | None:
    """The exact name that a selector asks for, or None."""
    if selector.name:
        return str(selector.name)
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__" and matcher.op == promql_parser.MatchOp.Equal:
            return str(matcher.value)
    return None


@lru_cache(maxsize=4096)
def window_of(expr: str) -> int:
    """How far back an expression looks, in milliseconds: its longest range, with offsets and subqueries around it."""
    return max(_windows(promql_parser.parse(expr), 0), default=0)


def _windows(node: Any, outer: int) -> Iterator[int]:
    for name in ("range", "offset"):
        length = getattr(node, name, None)
        if length is not None:
            outer += max(0, round(length.total_seconds() * 1000))
    yield outer
    for child in children(node):
        yield from _windows(child, outer)
