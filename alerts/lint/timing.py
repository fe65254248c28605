"""Checks that an alert's times fit together: `for` against the interval, windows against the interval."""

from alerts.lint.metrics import nodes
from alerts.lint.remark import Found
from alerts.promql.node import Call, Node, RangeSelector
from alerts.rule import AlertingRule, RuleGroup
from probes.units import format_duration

_NEEDS_TWO = {"rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets"}


def waits_long_enough(rule: AlertingRule, group: RuleGroup) -> Found:
    """A `for` shorter than two intervals is decided by a single second look: it damps nothing."""
    if 0 < rule.hold < 2 * group.interval:
        yield (
            None,
            f"`for: {format_duration(rule.hold)}` is shorter than two intervals of its group "
            f"({format_duration(group.interval)} each); lengthen it, or shorten the group's interval",
        )


def windows_hold_two_samples(root: Node, sample_interval: float) -> Found:
    """rate() of fewer than two samples is nothing."""
    for node in nodes(root):
        if not (isinstance(node, Call) and node.function in _NEEDS_TWO and node.arguments):
            continue
        window = node.arguments[0]
        if isinstance(window, RangeSelector) and window.range_ms < 2 * sample_interval * 1000:
            length = format_duration(window.range_ms / 1000)
            yield (
                node.start,
                f"{node.function} over {length} rarely holds two samples; take {_least(sample_interval)} or more",
            )


def _least(sample_interval: float) -> str:
    return format_duration(4 * sample_interval)
