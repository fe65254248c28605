"""Reads samples from the storage: the newest before each step, or all in a span before each step."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from alerts.promql.column import Column, Spans, Values, Window
from alerts.promql.node import Node, RangeSelector, Selector, Subquery
from alerts.promql.run import Run
from alerts.promql.stale import is_stale
from alerts.promql.storage import SeriesView


def instant(run: Run, node: Selector) -> list[Column]:
    """The newest sample of each series within the look-back, at each step."""
    return _newest(run, node, stamps=False)


def sample_times(run: Run, node: Selector) -> list[Column]:
    """When the newest sample of each series was taken, in seconds: what timestamp() of a selector answers."""
    return _newest(run, node, stamps=True)


def _newest(run: Run, node: Selector, *, stamps: bool) -> list[Column]:
    references = run.references(node.at, node.offset_ms)
    after, until, steps = references[0] - run.lookback_ms, references[-1], len(run.times)
    views = _views(run, node, after, until)
    found = []
    if len(references) == 1:
        run.budget.spend(len(views) * steps)
        for view in views:
            sample = view.latest(after, until)
            if sample is not None and ((value := sample[1]) == value or not is_stale(value)):
                found.append(Column(view.labels, [sample[0] / 1000 if stamps else value] * steps))
        return found
    for view in views:
        times, values = view.window(after, until)
        run.budget.spend(len(times) + steps)
        if times:
            found.append(Column(view.labels, _at_steps(times, values, references, run.lookback_ms, stamps)))
    return found


def _at_steps(times: Sequence[int], values: Sequence[float], references: range, lookback: int, stamps: bool) -> Values:
    column: Values = []
    index = 0
    for reference in references:
        index = bisect_right(times, reference, index)
        newest: float | None = None
        if index and times[index - 1] > reference - lookback:
            value = values[index - 1]
            if value == value or not is_stale(value):
                newest = times[index - 1] / 1000 if stamps else value
        column.append(newest)
    return column


def spans(run: Run, node: RangeSelector) -> Iterator[Spans]:
    """All samples of each series in a span of time before each step; one series at a time, as they may be many."""
    selector = node.selector
    references = run.references(selector.at, selector.offset_ms)
    after, until = references[0] - node.range_ms, references[-1]
    for view in _views(run, selector, after, until):
        raw_times, raw_values = view.window(after, until)
        times = raw_times if type(raw_times) is list else list(raw_times)
        values = raw_values if type(raw_values) is list else list(raw_values)
        run.budget.spend(len(times) + 1)
        # A sum is a NaN whenever one of its parts is, and C adds faster than Python looks.
        if (total := sum(values)) != total and any(value != value and is_stale(value) for value in values):
            kept = [index for index, value in enumerate(values) if value == value or not is_stale(value)]
            times, values = [times[index] for index in kept], [values[index] for index in kept]
        if times:
            yield Spans(view.labels, _windows(run, times, values, references, node.range_ms))


def subquery_spans(run: Run, node: Subquery, columns_of: Callable[[Run, Node], list[Column]]) -> Iterator[Spans]:
    """The answers of an expression at many times, as if they had been samples. The times are multiples of the step."""
    step = node.step_ms or run.subquery_step_ms
    references = run.references(node.at, node.offset_ms)
    begin = (references[0] - node.range_ms) // step * step + step
    inner = range(begin, references[-1] + 1, step)
    run.budget.count_steps(len(inner), subquery=True)
    for column in columns_of(run.at(inner), node.of) if inner else ():
        points = [(at, value) for at, value in zip(inner, column.values, strict=True) if value is not None]
        if points:
            times, values = [at for at, _ in points], [value for _, value in points]
            windows = _windows(run, times, values, references, node.range_ms)
            yield Spans(column.labels, windows, column.drop_name)


def _windows(run: Run, times: list[int], values: list[float], references: range, range_ms: int) -> list[Window | None]:
    windows: list[Window | None] = []
    if len(references) == 1 and times[0] > references[0] - range_ms and times[-1] <= references[0]:
        run.budget.spend(len(times))
        return [Window(times, values, references[0] - range_ms, references[0])] * len(run.times)
    for end in references:
        first, last = bisect_right(times, end - range_ms), bisect_right(times, end)
        run.budget.spend(last - first + 1)
        whole = first == 0 and last == len(times)
        windows.append(
            None
            if first == last
            else Window(times, values, end - range_ms, end)
            if whole
            else Window(times[first:last], values[first:last], end - range_ms, end)
        )
    return windows if len(references) == len(run.times) else windows * len(run.times)


def _views(run: Run, node: Selector, after_ms: int, until_ms: int) -> Sequence[SeriesView]:
    views = run.storage.select(node.matchers, after_ms, until_ms)
    if not isinstance(views, Sequence):
        views = list(views)
    run.budget.count_series(len(views))
    return views
