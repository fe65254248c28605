"""A number that a look brings home (orders, jobs waiting): what it is called in Prometheus, and what it must be."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from probes.base import COMMON_METRICS, Metric
from probes.settings import Settings
from probes.units import Interval, format_duration

_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TAKEN = frozenset(metric.name for metric in COMMON_METRICS)


def _metric_name(name: str) -> str:
    if not _METRIC.fullmatch(name):
        raise ValueError(f"{name!r} is not a metric's name; write letters, digits and underscores: shop_orders_total")
    if name in _TAKEN:
        raise ValueError(f"{name!r} is a metric that every probe has; choose another name, such as shop_orders_total")
    return name


#: A name for the number in Prometheus, such as `shop_orders_total`.
MetricName = Annotated[str, AfterValidator(_metric_name)]


class NumberExpect(Settings):
    """What the number must be; everything given must hold."""

    min: float | None = Field(default=None, description="Less than this is down.")
    max: float | None = Field(default=None, description="More than this is down.")
    equals: float | None = Field(default=None, description="Anything else is down.")
    within: Interval | None = Field(default=None, description="A look that takes longer than this is down.")

    @model_validator(mode="after")
    def _can_be_met(self) -> "NumberExpect":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no number is at least {self.min:g} and at most {self.max:g}")
        return self

    @property
    def wants_number(self) -> bool:
        """Whether anything is asked of the number."""
        return not (self.min is None and self.max is None and self.equals is None)


def metric_of(name: str) -> Metric:
    """How the number is declared: what ends in `_total` only ever grows, by Prometheus' convention."""
    return Metric(name, "counter" if name.endswith("_total") else "gauge", "A number that a probe was told to read.")


def shortfalls(expect: NumberExpect, number: float | None, seconds: float, what: str) -> Iterator[str]:
    """A sentence for every way in which it falls short. `what` says what was read and where; `seconds` how long the
    look took. Without a number only the time is judged.
    """
    if number is not None:
        if expect.min is not None and number < expect.min:
            yield f"expected {what} to be {expect.min:.10g} at least, got {number:.10g}"
        if expect.max is not None and number > expect.max:
            yield f"expected {what} to be {expect.max:.10g} at most, got {number:.10g}"
        if expect.equals is not None and number != expect.equals:
            yield f"expected {what} to be {expect.equals:.10g}, got {number:.10g}"
    if expect.within is not None and seconds > expect.within:
        yield f"within: expected {what} within {format_duration(expect.within)}, it took {format_duration(seconds)}"
