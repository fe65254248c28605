"""Prometheus' notation for series in tests: `metric{label="value"} 0+10x5 _ stale`."""

import re
from dataclasses import dataclass

from alerts.promql.literal import number, unquote
from alerts.promql.stale import STALE
from probes.base import Labels

_NUMBER = r"(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?|[iI][nN][fF]|[nN][aA][nN])"
_ITEM = re.compile(rf"(?P<first>_|stale|[-+]?{_NUMBER})(?:(?P<add>[-+]{_NUMBER}))?(?:x(?P<times>[0-9]+))?")
_HISTOGRAM = re.compile(r"\{\{(?P<body>[^}]*)\}\}(?:[-+]\{\{[^}]*\}\})?(?:x(?P<times>[0-9]+))?")
_LABEL = re.compile(
    r"""\s*(?:(?P<name>[a-zA-Z_][a-zA-Z0-9_:.]*)|(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))"""
    r"""(?:\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`))?\s*(?:,|(?=\}))"""
)
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class NotationError(Exception):
    """A line of a test file cannot be read."""


class Native:
    """Stands for a native histogram, which our engine does not have."""


NATIVE = Native()
#: A value, nothing at this time, or a native histogram.
Point = float | None | Native


@dataclass(frozen=True)
class Line:
    """A series with a value for each step."""

    labels: Labels
    points: list[Point]

    @property
    def has_native(self) -> bool:
        """Whether a native histogram is among the values."""
        return any(isinstance(point, Native) for point in self.points)


def read_line(text: str) -> Line:
    """A series with its values. Raises NotationError."""
    labels, rest = _read_labels(text)
    return Line(labels, read_points(rest))


def _read_labels(text: str) -> tuple[Labels, str]:
    pairs: dict[str, str] = {}
    at = 0
    if name := _METRIC.match(text):
        pairs["__name__"] = name.group()
        at = name.end()
    after = len(text[at:]) - len(text[at:].lstrip())
    if text[at + after : at + after + 1] == "{" and text[at + after : at + after + 2] != "{{":
        at += after + 1
        while not re.match(r"\s*\}", text[at:]):
            label = _LABEL.match(text, at)
            if label is None:
                raise NotationError(f"cannot read the labels of: {text}")
            name_text = label["name"] or unquote(label["quoted"])
            if label["value"] is None:
                pairs["__name__"] = name_text
            else:
                pairs[name_text] = unquote(label["value"])
            at = label.end()
        at = text.index("}", at) + 1
    elif not pairs:
        raise NotationError(f"cannot read the series: {text}")
    return tuple(sorted(pair for pair in pairs.items() if pair[1])), text[at:]


def read_points(text: str) -> list[Point]:
    """The values of a series, repetitions written out. Raises NotationError."""
    points: list[Point] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if histogram := _HISTOGRAM.match(text, at):
            points += [NATIVE] * (int(histogram["times"] or 0) + 1)
            at = histogram.end()
            continue
        item = _ITEM.match(text, at)
        if item is None or (item.end() < len(text) and not text[item.end()].isspace()):
            raise NotationError(f"cannot read the values: {text[at:]}")
        points += _expand(item)
        at = item.end()
    return points


def _expand(item: re.Match[str]) -> list[Point]:
    first, times = item["first"], int(item["times"] or 0)
    if first == "_":
        return [None] * (times if item["times"] else 1)
    if first == "stale":
        return [STALE] * (times + 1)
    value, step = read_number(first), read_number(item["add"] or "0")
    points: list[Point] = []
    for _ in range(times + 1):
        points.append(value)
        value += step
    return points


def read_number(text: str) -> float:
    """A signed number, `Inf` and `NaN` among them."""
    sign = -1.0 if text.startswith("-") else 1.0
    return sign * number(text.lstrip("+-"))
