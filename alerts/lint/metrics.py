"""Checks what an expression asks for: metrics that exist, counters read as counters, guards against silence."""

from collections.abc import Iterator

from alerts.lint.catalogue import Catalogue
from alerts.lint.remark import Found
from alerts.promql.node import Aggregate, Binary, Call, Node, RangeSelector, Selector, Subquery, children
from alerts.rule import AlertingRule

_RATES = {"rate", "irate", "increase", "delta", "idelta", "deriv"}
#: What may be asked of a counter besides its rate: whether it is there, when it was written, how often it was reset.
_HARMLESS = {
    "absent",
    "absent_over_time",
    "present_over_time",
    "count_over_time",
    "timestamp",
    "resets",
    "changes",
    "group",
    "count",
}
_GAUGES_ONLY = {"delta", "idelta", "deriv", "predict_linear"}


def unknown_metrics(root: Node, catalogue: Catalogue, recorded: set[str]) -> Found:
    """A metric that nothing makes never fires an alert."""
    for selector, _ in selectors(root):
        name = selector.metric
        if name and name not in recorded and not catalogue.knows(name):
            near = catalogue.near(name)
            hint = f"; is {near} meant?" if near else "; if others make it, declare it with --known"
            yield selector.start, f"no probe and no rule makes the metric {name}{hint}"


def misread_counters(root: Node, catalogue: Catalogue) -> Found:
    """A counter's value says how long ago it began; only its growth says something about now."""
    for selector, outer in selectors(root):
        name = selector.metric
        kind = catalogue.type_of(name)
        words = {_word(node) for node in outer}
        if kind == "counter" and words & _GAUGES_ONLY:
            yield selector.start, f"{name} is a counter; use rate or increase, which understand its resets"
        elif kind == "counter" and not words & (_RATES | _HARMLESS) and not _only_filters(selector, outer):
            yield selector.start, f"{name} is a counter: it only grows; compare its rate or increase instead"
        elif kind == "gauge" and words & {"rate", "irate", "increase"} and _directly_in(outer):
            yield selector.start, f"{name} is a gauge; rate and increase take its falls for resets, use delta or deriv"


def silent_when_gone(rule: AlertingRule, root: Node, catalogue: Catalogue, guarded: set[str]) -> Found:
    """An alert that wakes people must not go quiet because the series of a program that we do not run vanished."""
    if dict(rule.labels).get("severity") != "page":
        return
    for selector, outer in selectors(root):
        name = selector.metric
        words = {_word(node) for node in outer}
        if not name or catalogue.is_ours(name) or name in guarded or words & {"absent", "absent_over_time"}:
            continue
        yield (
            selector.start,
            f"when {name} vanishes this alert falls silent; add a rule on absent({name}), or `or absent({name})` here",
        )


def counts_that_never_reach_zero(root: Node) -> Found:
    """count() of nothing is nothing, not 0."""
    for node in nodes(root):
        if not isinstance(node, Binary) or node.op not in ("==", "<", "<="):
            continue
        limit = getattr(node.right, "value", None)
        grouped = isinstance(node.left, Aggregate) and node.left.op in ("count", "group")
        if grouped and isinstance(limit, float) and (limit == 0 or (node.op != "==" and limit <= 1)):
            yield node.left.start, "count answers nothing where there is nothing, never 0; use absent() for that"


def guarded_metrics(root: Node) -> Iterator[str]:
    """The metrics whose absence this expression notices."""
    for selector, outer in selectors(root):
        if {_word(node) for node in outer} & {"absent", "absent_over_time"}:
            yield selector.metric


def selectors(root: Node) -> Iterator[tuple[Selector, tuple[Node, ...]]]:
    """Every selector, with the parts around it, the innermost last."""
    yield from _selectors(root, ())


def _selectors(node: Node, outer: tuple[Node, ...]) -> Iterator[tuple[Selector, tuple[Node, ...]]]:
    if isinstance(node, Selector):
        yield node, outer
    for child in children(node):
        yield from _selectors(child, (*outer, node))


def nodes(root: Node) -> Iterator[Node]:
    """Every part, outer parts first."""
    yield root
    for child in children(root):
        yield from nodes(child)


def _word(node: Node) -> str:
    return node.function if isinstance(node, Call) else node.op if isinstance(node, Aggregate) else ""


def _directly_in(outer: tuple[Node, ...]) -> bool:
    """Whether the selector's own range is what the function reads, not a subquery over something computed of it."""
    return bool(outer) and isinstance(outer[-1], RangeSelector) and not any(isinstance(n, Subquery) for n in outer)


def _only_filters(selector: Selector, outer: tuple[Node, ...]) -> bool:
    """Whether the selector stands where only its labels matter: at the right of `and` or `unless`."""
    inner: Node = selector
    for node in reversed(outer):
        if isinstance(node, Binary):
            return node.op in ("and", "unless") and node.right is inner
        inner = node
    return False
