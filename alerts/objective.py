"""An objective: how often something has to work over a month, so that small failures are counted, not paged."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from alerts.lint.carried import carried
from alerts.promql import PromqlError, parse
from alerts.promql.node import Call, RangeSelector, Selector
from probes.settings import Name, Settings
from probes.units import Interval, Ratio, format_duration

_DAY = 86_400.0
_SHORTEST, _LONGEST = 7 * _DAY, 90 * _DAY
_FAILURES = re.compile(r"([1-9][0-9]{0,8}) failures?")
#: What stands for the window in an expression that is more than a counter.
WINDOW = "$window"
_RATES = {"rate", "irate"}


def _failures(value: Any, info: ValidationInfo) -> Any:
    if type(value) is int and info.context is None:
        return value
    match = _FAILURES.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} says not how many of what; write 3 failures")
    return int(match[1])


def _check_share(share: float) -> float:
    if not 0 < share < 1:
        raise ValueError("must lie between 0% and 100%: an objective of 100% leaves no failure to reckon with")
    return share


def _check_period(period: float) -> float:
    if not _SHORTEST <= period <= _LONGEST:
        raise ValueError(
            f"{format_duration(period)} is no period to plan with; take {format_duration(_SHORTEST)} to "
            f"{format_duration(_LONGEST)}"
        )
    return period


def _check_expression(text: str) -> str:
    """A counter, or an expression of one number that says with `[$window]` over which time it is taken."""
    try:
        expr = parse(text.replace(WINDOW, "5m"))
    except PromqlError as error:
        raise ValueError(f"this is not PromQL that we can evaluate: {error}") from None
    if isinstance(expr.root, Selector):
        return text
    if any(isinstance(node, Call) and node.function in _RATES for node in expr.walk()):
        raise ValueError(f"a rate counts no failures; write increase(…[{WINDOW}])")
    ranges = [node for node in expr.walk() if isinstance(node, RangeSelector)]
    if not ranges or WINDOW not in text:
        raise ValueError(
            f"write a counter, such as shop_orders_total, or an expression with increase(…[{WINDOW}]), whose window we "
            "fill in"
        )
    if expr.kind != "scalar" and carried(expr.root) != frozenset():
        raise ValueError("must be one number; put sum(…) around it")
    return text


_Expression = Annotated[str, AfterValidator(_check_expression)]
_Failures = Annotated[
    int,
    BeforeValidator(_failures),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9]\d* failures?$", "examples": ["3 failures"]}),
]


class Objective(Settings):
    """How often something has to work, and over which time. What failed counts against an error budget.

    Either `of` names a probe: its looks are counted, and only those that ended as down are failures; with `faster_than`
    those that took longer are, too. Or `total` and `good` (or `bad`) are counters in PromQL.
    """

    name: Name
    of: str = Field(default="", description="The probe whose looks are counted.")
    faster_than: Interval | None = Field(
        default=None, description="How long a good look may take: one of the bounds of probe_latency_seconds."
    )
    total: _Expression | None = Field(default=None, description="What is counted, in PromQL.")
    good: _Expression | None = Field(default=None, description="What of it went well.")
    bad: _Expression | None = Field(default=None, description="What of it failed, instead of `good`.")
    objective: Annotated[Ratio, AfterValidator(_check_share)] = Field(description="How much of it has to go well.")
    period: Annotated[Interval, AfterValidator(_check_period)] = Field(
        default=30 * _DAY, description="The time over which that is reckoned."
    )
    at_least: _Failures = Field(
        default=3, description="So many failures have to be seen in a window before anybody is told."
    )
    owner: str = Field(default="", description="Who is responsible. Default: the owner of the probe.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        counted = (self.total, self.good, self.bad)
        if bool(self.of) == any(text is not None for text in counted):
            raise ValueError("an objective is `of` a probe, or has `total` and `good` in PromQL; give one of the two")
        if not self.of:
            if self.faster_than is not None:
                raise ValueError("faster_than needs `of`, the probe whose looks are timed")
            if self.total is None or (self.good is None) == (self.bad is None):
                raise ValueError("an objective in PromQL needs `total`, and either `good` or `bad`")
        return self

    @property
    def budget(self) -> float:
        """How much of it may fail: 0.005 for an objective of 99.5%."""
        return round(1 - self.objective, 12)

    def __str__(self) -> str:
        return f"{self.name} {self.objective * 100:.10g}% over {format_duration(self.period)}"
