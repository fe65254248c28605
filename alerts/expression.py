"""Facts about a PromQL expression: whether it can be evaluated, which series it asks for, and how far back it looks."""

from functools import lru_cache

from alerts.promql import PromqlError, parse
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
    return _window(parse(expr).root, 0)


def _window(node: Node, outer: int) -> int:
    if isinstance(node, RangeSelector | Subquery):
        outer += node.range_ms
    if isinstance(node, Selector | Subquery):
        outer += max(0, node.offset_ms)
    return max([outer, *(_window(child, outer) for child in children(node))])
