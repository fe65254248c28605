"""Prometheus' text format 0.0.4: how names, labels and numbers are written.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from monitor.samples import Columns
from probes.base import Labels


class Reading(NamedTuple):
    """What series that come together read at one moment. Prometheus' stale marker as a value ends a series.

    A `last` reading is followed by no other of the same columns.
    """

    columns: Columns
    values: Sequence[float]
    last: bool = False


_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\0": ""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


def is_writable(name: str, labels: Labels) -> bool:
    """Whether these are a metric's name and labels' names; one that is not would spoil the whole page."""
    names = [label for label, _ in labels]
    whole = len(set(names)) == len(names)
    return whole and bool(_METRIC_NAME.fullmatch(name)) and all(map(_LABEL_NAME.fullmatch, names))


def series_of(name: str, labels: Labels) -> str:
    """A series as readers of the page tell it from others: as it is written, whatever the order of its labels."""
    own = write_labels(tuple(sorted(labels)))
    return f"{name}{{{own}}}".encode("utf-8", "replace").decode()


def write_labels(labels: Labels) -> str:
    """Labels as they stand between braces."""
    return ",".join(f'{name}="{write_value(value)}"' for name, value in labels)


def write_value(value: str) -> str:
    """A label's value as it stands between quotes; a help text of OpenMetrics is written in the same way."""
    return value.translate(_ESCAPES)


def write_header(name: str, kind: str, text: str) -> bytes:
    """The two lines above a metric family."""
    return f"# HELP {name} {text.translate(_HELP_ESCAPES)}\n# TYPE {name} {kind}\n".encode("utf-8", "replace")


class _Word:
    """A number that is written as a word; `%r` writes it as it is."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __repr__(self) -> str:
        return self._word


def writable(value: float) -> object:
    """The value, or what `%r` must be given to write infinity and NaN as Go reads them."""
    if math.isfinite(value):
        return value
    return _Word("NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf")
