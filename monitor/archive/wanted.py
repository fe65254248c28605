"""Decides from the rules what is kept for longer than memory holds it, and for how long."""

from collections.abc import Iterable
from typing import NamedTuple

from alerts.expression import reaches_of
from alerts.promql import Matcher
from alerts.rule import RecordingRule, RuleGroup

Selector = tuple[Matcher, ...]


class Wanted(NamedTuple):
    """The selectors whose series are kept, each once, and how far back the furthest of them looks (milliseconds)."""

    selectors: tuple[Selector, ...] = ()
    reach_ms: int = 0


def wanted(groups: Iterable[RuleGroup], memory_ms: int) -> Wanted:
    """Every selector that some rule reads as far back as memory reaches, or further; and all that rules record.

    A selector is kept with all its matchers: `probe_results_total{probe="checkout"}[30d]` keeps one probe's series.
    """
    selectors: dict[Selector, None] = {}
    furthest = 0
    for group in groups:
        for rule in group.rules:
            if isinstance(rule, RecordingRule):
                selectors[Matcher("__name__", "=", rule.record),] = None
            for matchers, reach in reaches_of(rule.expr):
                if reach >= memory_ms:
                    selectors[matchers] = None
                    furthest = max(furthest, reach)
    return Wanted(tuple(selectors), furthest)
