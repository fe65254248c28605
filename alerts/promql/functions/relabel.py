"""Functions that write labels: label_replace and label_join."""

import re
from collections.abc import Callable
from typing import Any

from alerts.promql import labels as labelset
from alerts.promql.column import NAME, Column
from alerts.promql.errors import LimitExceeded, ParseError, PromqlError
from alerts.promql.literal import quote
from alerts.promql.matcher import compile_regex
from alerts.promql.merge import merged
from alerts.promql.node import Call
from alerts.promql.run import Run

#: A few nested label_join() double a value as often; beyond this it is an attack on the memory.
_MAX_VALUE = 100_000
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def _expand(template: str, match: Any) -> str:
    """The template with `$1`, `${1}` and `${name}` filled in as Go's regexp.Expand does; `$$` is a dollar."""

    def fill(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        if name.isdigit():
            return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
        return match.groupdict().get(name) or ""

    return _REFERENCE.sub(fill, template)


def _label_replace(
    run: Run, call: Call, columns: list[Column], target: str, template: str, source: str, pattern: str
) -> list[Column]:
    """Where the source label fits the pattern as a whole, the target label becomes the filled template."""
    try:
        regex = compile_regex(pattern)
    except ParseError:
        raise PromqlError(f"invalid regular expression in label_replace(): {pattern}") from None
    if not labelset.is_label_name(target):
        raise PromqlError(f"invalid destination label name in label_replace(): {quote(target)}")
    result = []
    for column in columns:
        run.budget.spend(len(column.values))
        match = regex.fullmatch(labelset.get(column.labels, source))
        if match is None:
            result.append(column)
        else:
            result.append(_labelled(column, target, _expand(template, match)))
    return merged(result)


def _label_join(
    run: Run, call: Call, columns: list[Column], target: str, separator: str, *sources: str
) -> list[Column]:
    """The target label becomes the values of the source labels, joined."""
    for source in sources:
        if not labelset.is_label_name(source):
            raise PromqlError(f"invalid source label name in label_join(): {quote(source)}")
    if not labelset.is_label_name(target):
        raise PromqlError(f"invalid destination label name in label_join(): {quote(target)}")
    run.budget.spend(len(columns) * len(run.times))
    return merged(
        [
            _labelled(column, target, separator.join(labelset.get(column.labels, source) for source in sources))
            for column in columns
        ]
    )


def _labelled(column: Column, name: str, value: str) -> Column:
    if len(value) > _MAX_VALUE:
        raise LimitExceeded(f"the label {name} would be longer than {_MAX_VALUE:,} characters")
    labels = labelset.replace(column.labels, [(name, value)])
    return Column(labels, column.values, column.drop_name and name != NAME)


FUNCTIONS: dict[str, Callable[..., list[Column]]] = {"label_replace": _label_replace, "label_join": _label_join}
