"""The functions of PromQL, by name. Each gets the run, its call, and its arguments worked out."""

from collections.abc import Callable

from alerts.promql.column import Column
from alerts.promql.functions import dates, elementwise, histogram, over_time, rate, relabel, shape

#: Functions that answer a number per step: (run, *arguments).
SCALAR: dict[str, Callable[..., list[float]]] = shape.SCALAR

#: Functions that answer a number per series and step: (run, call, *arguments).
VECTOR: dict[str, Callable[..., list[Column]]] = {
    **elementwise.FUNCTIONS,
    **dates.FUNCTIONS,
    **over_time.FUNCTIONS,
    **rate.FUNCTIONS,
    **relabel.FUNCTIONS,
    **histogram.FUNCTIONS,
    **shape.FUNCTIONS,
}
