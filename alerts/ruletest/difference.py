"""Shows what a unit test expected and what came, so that the eye falls on the difference."""

import difflib
import math
from collections.abc import Iterable, Sequence

from alerts.rule import Element
from alerts.ruletest.cases import ExpectedAlert
from alerts.template.values import float_text
from probes.base import Labels


def alert_difference(wanted: Sequence[ExpectedAlert], got: Sequence[ExpectedAlert]) -> str:
    """Line by line: `-` was expected and did not come, `+` came and was not expected."""
    return _difference(_alert_lines(wanted), _alert_lines(got), "no alert")


def sample_difference(wanted: Sequence[Element], got: Sequence[Element]) -> str:
    """The same for an expression's answer."""
    shown = _difference(_sample_lines(wanted), _sample_lines(got), "no sample")
    hint = "\n    (NaN equals nothing, not even itself: compare `expr != expr` instead)"
    return shown + hint if any(math.isnan(value) for _, value in wanted) else shown


def series_text(labels: Labels) -> str:
    """A series as PromQL writes it."""
    pairs = dict(labels)
    name = pairs.pop("__name__", "")
    inside = ", ".join(f'{key}="{_escaped(value)}"' for key, value in pairs.items())
    return f"{name}{{{inside}}}" if inside or not name else name


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _alert_lines(alerts: Iterable[ExpectedAlert]) -> list[str]:
    lines = []
    for alert in sorted(alerts, key=lambda alert: (alert.labels, alert.annotations)):
        lines.append(f"labels {series_text(alert.labels)}")
        lines += [f"  {name}: {text!r}" for name, text in alert.annotations]
    return lines


def _sample_lines(samples: Iterable[Element]) -> list[str]:
    return [f"{series_text(labels)} {float_text(value)}" for labels, value in samples]


def _difference(wanted: list[str], got: list[str], none: str) -> str:
    lines = difflib.ndiff(wanted or [none], got or [none])
    shown = [line.rstrip() for line in lines if line.startswith(("- ", "+ ", "  "))]
    return "\n".join("    " + line for line in ["(- expected, + came)", *shown])
