"""Finds thresholds that can never be passed: a ratio above 1, such as a burn rate that the objective does not allow."""

import operator
import re
from collections.abc import Callable

from alerts.lint.metrics import nodes, selectors
from alerts.lint.remark import Found
from alerts.promql.node import Aggregate, Binary, Call, Negation, Node, Number, Selector

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}
_RATIO = re.compile(r"(^|[_:])ratio([_:]|$)")
_UNIT_GAUGES = {"probe_success", "up", "probe_outcome"}


def unreachable_thresholds(root: Node) -> Found:
    """Compares ratios and 0-or-1 metrics with numbers outside 0 to 1."""
    for node in nodes(root):
        if not isinstance(node, Binary) or node.op not in (">", ">=", "<", "<=", "=="):
            continue
        limit = number(node.right)
        if limit is None or not _is_ratio(node.left):
            continue
        if (node.op == ">" and limit >= 1) or (node.op in (">=", "==") and limit > 1):
            yield (
                node.start,
                f"the left side is at most 1, so {node.op} {limit:g} never is true; is it a burn rate too high?",
            )
        if (node.op == "<" and limit <= 0) or (node.op in ("<=", "==") and limit < 0):
            yield node.start, f"the left side is never below 0, so {node.op} {limit:g} never is true"


def number(node: Node) -> float | None:
    """The value of an expression that is only arithmetic on numbers; None for any other."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Negation):
        value = number(node.of)
        return None if value is None else -value
    if isinstance(node, Binary) and node.op in _ARITHMETIC:
        left, right = number(node.left), number(node.right)
        if left is None or right is None:
            return None
        try:
            return float(_ARITHMETIC[node.op](left, right))
        except (ArithmeticError, ValueError, TypeError):
            return None
    return None


def _is_ratio(node: Node) -> bool:
    """Whether an expression is certainly between 0 and 1: named a ratio, or a part divided by its whole."""
    if isinstance(node, Selector):
        return bool(_RATIO.search(node.metric)) or node.metric in _UNIT_GAUGES
    if isinstance(node, Aggregate) and node.op in ("avg", "min", "max", "topk", "bottomk", "quantile"):
        return _is_ratio(node.of)
    if isinstance(node, Call) and node.function in (
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "last_over_time",
    ):
        return all(_is_ratio(selector) for selector, _ in selectors(node))
    return isinstance(node, Binary) and node.op == "/" and _is_part_of(node.left, node.right)


def _is_part_of(part: Node, whole: Node) -> bool:
    """Whether both sides read the same metric in the same way, the left one with more matchers."""
    left, right = list(selectors(part)), list(selectors(whole))
    if len(left) != 1 or len(right) != 1:
        return False
    (one, around_one), (all_of, around_all) = left[0], right[0]
    same_way = [type(node) for node in around_one] == [type(node) for node in around_all]
    same = bool(one.metric) and one.metric == all_of.metric and one.offset_ms == all_of.offset_ms
    return same and same_way and set(map(str, one.matchers)) > set(map(str, all_of.matchers))
