"""Which labels an expression's answer can carry, so that a template does not name one that is never there."""

import re

from alerts.lint.remark import Found
from alerts.promql.node import Aggregate, Binary, Call, Negation, Node, RangeSelector, Selector, Subquery, Text
from alerts.rule import AlertingRule

_NAMED = re.compile(r"(?:\$labels|\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)")
_RANGES = re.compile(r"\{\{-?\s*(?:range|with)\b")
_KEEPS_ORDER = {"topk", "bottomk", "limitk", "limit_ratio"}


def lost_labels(rule: AlertingRule, root: Node) -> Found:
    """A template that names a label which the expression does not keep writes nothing in its place."""
    kept = carried(root)
    if kept is None:
        return
    for name, text in (*rule.labels, *rule.annotations):
        if _RANGES.search(text):
            continue  # inside, .Labels are those of another query
        for label in dict.fromkeys(_NAMED.findall(text)):
            if label not in kept:
                yield None, f"{name} names the label {label}, which the expression does not keep"


def carried(node: Node) -> frozenset[str] | None:
    """The labels that the answer may have; None when anything is possible."""
    if isinstance(node, Selector):
        return None
    if isinstance(node, RangeSelector | Subquery | Negation):
        return carried(node.selector if isinstance(node, RangeSelector) else node.of)
    if isinstance(node, Aggregate):
        return _aggregated(node)
    if isinstance(node, Binary):
        return _combined(node)
    if isinstance(node, Call):
        return _called(node)
    return frozenset()


def _aggregated(node: Aggregate) -> frozenset[str] | None:
    inside = carried(node.of)
    if node.op in _KEEPS_ORDER:
        return inside
    added = {node.parameter.value} if node.op == "count_values" and isinstance(node.parameter, Text) else set()
    if node.without:
        return None if inside is None else inside - set(node.labels) | added
    return frozenset(node.labels if inside is None else inside & set(node.labels)) | added


def _combined(node: Binary) -> frozenset[str] | None:
    left, right = carried(node.left), carried(node.right)
    if node.left.kind == "scalar" or node.right.kind == "scalar":
        return right if node.left.kind == "scalar" else left
    if node.op == "or":
        return None if left is None or right is None else left | right
    if node.op in ("and", "unless"):
        return left
    many = node.matching.many
    if many is not None:
        base = left if many == "left" else right
        return None if base is None else base | set(node.matching.include)
    if node.matching.on:
        return frozenset(node.matching.labels)
    return None if left is None else left - set(node.matching.labels)


def _called(node: Call) -> frozenset[str] | None:
    if node.function in ("absent", "absent_over_time"):
        return _absent(node.arguments[0])
    vectors = [argument for argument in node.arguments if argument.kind in ("vector", "matrix")]
    if not vectors or node.function == "scalar":
        return frozenset()
    kept = carried(vectors[-1] if node.function == "histogram_quantile" else vectors[0])
    if kept is None:
        return None
    if node.function in ("label_replace", "label_join") and isinstance(node.arguments[1], Text):
        return kept | {node.arguments[1].value}
    return kept - {"le"} if node.function.startswith("histogram_") else kept


def _absent(node: Node) -> frozenset[str]:
    """absent() answers with the labels that its selector fixes."""
    selector = node.selector if isinstance(node, RangeSelector) else node
    if not isinstance(selector, Selector):
        return frozenset()
    return frozenset(matcher.name for matcher in selector.matchers if matcher.op == "=")
