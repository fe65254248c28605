"""Facts about a PromQL expression: whether it can be evaluated, which series it asks for, and how far back it looks."""

from collections.abc import Iterator
from functools import lru_cache

from alerts.promql import Matcher, PromqlError, parse
from alerts.promql.node import Node, RangeSelector, Selector, Subquery, children


def expression_problem(expr: str) -> str:
    """Why this expression cannot be a rule's; empty when it can."""
    try:
        kind = parse(expr).kind
    except PromqlError as error:
        return str(error)
    if kind in ("matrix", "string"):
        return f"a rule needs one value for each series, and this is a {'range' if kind == 'matrix' else 'text'}"
    return ""


@lru_cache(maxsize=4096)
def metrics_of(expr: str) -> frozenset[str] | None:
    """The names of the series that an expression asks for; None when a selector does not name one exactly."""
    names = frozenset(selector.metric for selector in parse(expr).selectors())
    return None if "" in names else names


@lru_cache(maxsize=4096)
def window_of(expr: str) -> int:
    """How far back an expression looks, in milliseconds: its longest range, with offsets and subqueries around it."""
    return max((reach for _, reach in reaches_of(expr)), default=0)


@lru_cache(maxsize=4096)
def reaches_of(expr: str) -> tuple[tuple[tuple[Matcher, ...], int], ...]:
    """Each selector of an expression, with how far back it looks in milliseconds; what `@` fixes does not count."""
    return tuple(_reaches(parse(expr).root, 0))


def _reaches(node: Node, outer: int) -> Iterator[tuple[tuple[Matcher, ...], int]]:
    if isinstance(node, RangeSelector | Subquery):
        outer += node.range_ms
    if isinstance(node, Selector | Subquery):
        outer += max(0, node.offset_ms)
    if isinstance(node, Selector):
        yield node.matchers, outer
    for child in children(node):
        yield from _reaches(child, outer)
