"""`and`, `or` and `unless`: which series stay, by whether the other side has a series that matches."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from alerts.promql.column import Column
from probes.base import Labels

_Key: TypeAlias = Callable[[Labels], Labels]


def _presence(columns: Iterable[Column], key: _Key, steps: int) -> dict[Labels, list[bool]]:
    """For each match group, whether it has a series at each step."""
    groups: dict[Labels, list[bool]] = {}
    for column in columns:
        present = groups.setdefault(key(column.labels), [False] * steps)
        for step, value in enumerate(column.values):
            if value is not None:
                present[step] = True
    return groups


def _keep(columns: list[Column], key: _Key, groups: dict[Labels, list[bool]], wanted: bool) -> list[Column]:
    """The columns where their match group is present (wanted) or is not."""
    result = []
    for column in columns:
        present = groups.get(key(column.labels))
        if present is None:
            if not wanted:
                result.append(column)
            continue
        values = [value if there is wanted else None for value, there in zip(column.values, present, strict=True)]
        if any(value is not None for value in values):
            result.append(Column(column.labels, values, column.drop_name))
    return result


def _and(left: list[Column], right: list[Column], key: _Key, steps: int) -> list[Column]:
    return _keep(left, key, _presence(right, key, steps), True)


def _or(left: list[Column], right: list[Column], key: _Key, steps: int) -> list[Column]:
    return left + _keep(right, key, _presence(left, key, steps), False)


def _unless(left: list[Column], right: list[Column], key: _Key, steps: int) -> list[Column]:
    return _keep(left, key, _presence(right, key, steps), False)


SET_OPERATORS: dict[str, Callable[[list[Column], list[Column], _Key, int], list[Column]]] = {
    "and": _and,
    "or": _or,
    "unless": _unless,
}
