"""Series that have come to the same labels are one series, unless both have a value at the same time."""

from collections.abc import Iterable

from alerts.promql import labels as labelset
from alerts.promql.column import Column, Spans
from alerts.promql.errors import PromqlError
from alerts.promql.value import Series
from probes.base import Labels

_SAME = "vector cannot contain metrics with the same labelset"


def merged(columns: list[Column]) -> list[Column]:
    """The columns, those with equal labels put together. Raises PromqlError where their values collide."""
    by_labels: dict[Labels, Column] = {}
    for column in columns:
        first = by_labels.setdefault(column.labels, column)
        if first is not column:
            if any(a is not None and b is not None for a, b in zip(first.values, column.values, strict=True)):
                raise PromqlError(_SAME)
            values = [b if a is None else a for a, b in zip(first.values, column.values, strict=True)]
            by_labels[column.labels] = Column(first.labels, values, first.drop_name)
    return list(by_labels.values())


def final(columns: list[Column]) -> list[Column]:
    """The columns of an answer: names dropped where they had to be, and equal ones merged."""
    return merged(
        [Column(labelset.drop_name(column.labels), column.values) if column.drop_name else column for column in columns]
    )


def final_spans(spans: Iterable[Spans]) -> list[Series]:
    """The series of an answer that is a range vector at one time."""
    series: dict[Labels, Series] = {}
    for span in spans:
        window = span.windows[0]
        if window is None:
            continue
        labels = labelset.drop_name(span.labels) if span.drop_name else span.labels
        if labels in series:
            raise PromqlError(_SAME)
        series[labels] = Series(labels, tuple(zip(window.times, window.values, strict=True)))
    return list(series.values())
