"""One series while a query runs: its labels, and a value for each point in time that the query looks at."""

from typing import TypeAlias

from probes.base import Labels

#: A value per step; None where the series has none.
Values: TypeAlias = list[float | None]

NAME = "__name__"


class Column:
    """A series of an instant vector over all steps. `drop_name`: the metric's name goes when the answer is made.

    Prometheus 3 delays that, so that label_replace() can still read the name of what a rate was taken of.
    """

    __slots__ = ("drop_name", "labels", "values")

    def __init__(self, labels: Labels, values: Values, drop_name: bool = False) -> None:
        self.labels = labels
        self.values = values
        self.drop_name = drop_name


class Window:
    """The samples of one series in one span of time, stale markers left out. Times are milliseconds.

    `begin` is the left end, which is excluded, and `end` the right end, which is included.
    """

    __slots__ = ("begin", "end", "times", "values")

    def __init__(self, times: "list[int]", values: "list[float]", begin: int, end: int) -> None:
        self.times = times
        self.values = values
        self.begin = begin
        self.end = end


class Spans:
    """A series of a range vector: a window for each step, or None where it holds no samples."""

    __slots__ = ("drop_name", "labels", "windows")

    def __init__(self, labels: Labels, windows: "list[Window | None]", drop_name: bool = False) -> None:
        self.labels = labels
        self.windows = windows
        self.drop_name = drop_name
