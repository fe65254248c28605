"""Says what the last good backup held and this one does not. Pure: it needs no word in the config to ask this."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from probes.backup.settings import Expectation

#: A table with fewer rows than this may halve by chance; a larger one does not.
_HALVED_FROM = 100
#: A backup of another database lacks every table: so many sentences are enough.
_TOLD = 5


class Losses(NamedTuple):
    """Sentences about tables, the one that had the most rows first. `gone` tables are missing or empty; `halved` ones,
    by table, lost more than half of their rows, and nothing was said about how many may go."""

    gone: tuple[str, ...]
    halved: Mapping[str, str]


def losses(expect: Expectation, rows: Mapping[str, int], previous: Mapping[str, int]) -> Losses:
    """Compare the rows by table with those of the last good backup. What `expect: tables` already judges is left to it:
    a missing table, fewer rows than `min`, `shrink`."""
    watched = {name: before for name, before in previous.items() if before and not _is_optional(expect, name)}
    if len(watched) > 1 and not any(name in rows for name in watched):
        return Losses((_another(watched),), {})
    ordered = sorted(watched.items(), key=lambda entry: (-entry[1], entry[0]))
    gone = [said for name, before in ordered if (said := _gone(expect, name, rows.get(name), before))]
    halved = {name: said for name, before in ordered if (said := _halved(expect, name, rows.get(name, 0), before))}
    if len(gone) > _TOLD:
        gone[_TOLD:] = [f"{len(gone) - _TOLD} more tables of the last good backup are missing or empty"]
    return Losses(tuple(gone), halved)


def _is_optional(expect: Expectation, table: str) -> bool:
    return any(fnmatchcase(table, pattern) for pattern in expect.optional)


def _another(watched: Mapping[str, int]) -> str:
    return (
        f"none of the {len(watched)} tables with rows of the last good backup is in it: it is another database; "
        "if they were dropped on purpose, list them under `expect: optional`"
    )


def _gone(expect: Expectation, name: str, rows: int | None, before: int) -> str:
    if rows or name in expect.tables:
        return ""
    way_out = f"if that is right, list it under `expect: optional`{'' if rows is None else ', or give it `min: 0`'}"
    return f"table {name} is {'missing' if rows is None else 'empty'}, {before} rows in the last good backup; {way_out}"


def _halved(expect: Expectation, name: str, rows: int, before: int) -> str:
    expected = expect.tables.get(name)
    is_said = expected is not None and (expected.shrink is not None or expected.min == 0)
    if is_said or not rows or before < _HALVED_FROM or rows * 2 >= before:
        return ""
    return (
        f"table {name} has {rows} rows, {before} in the last good backup: more than half are missing; "
        "if so many may go, say how many with its `shrink`, or list it under `expect: optional`"
    )
