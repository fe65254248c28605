"""Says which alerts are meant by their labels, as routes and maintenance write it in the config."""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from alerts.silence import Matcher
from probes.base import Labels
from probes.pattern import regex

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _check_label(label: str) -> str:
    if not _LABEL.fullmatch(label):
        raise ValueError(f"{label!r} is no label name; use letters, digits and underscores")
    return label


def _check_value(value: str) -> str:
    operator, rest = _split(value)
    if operator.endswith("~"):
        regex(rest)  # raises ValueError with a sentence
    return value


def _listed(values: Any) -> Any:
    return (values,) if isinstance(values, str) else values


def _check_list(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > 1 and any(_split(value)[0].startswith("!") for value in values):
        raise ValueError("a list says what may be; write != or !~ as the only value")
    return values


_Label = Annotated[str, AfterValidator(_check_label)]
_Value = Annotated[str, AfterValidator(_check_value)]
_Values = Annotated[
    tuple[_Value, ...],
    Field(min_length=1),
    AfterValidator(_check_list),
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
]
#: Labels and the values that they must have, all of them: `severity: page`, or one of `[page, ticket]`. A value that
#: begins with `=~`, `!=` or `!~` is compared as Prometheus does. A label that an alert lacks counts as empty.
Match = dict[_Label, _Values]


def matches(match: dict[str, tuple[str, ...]], labels: Labels) -> bool:
    """Whether an alert with these labels is meant. An empty match means every alert."""
    held = dict(labels)
    return all(matcher.matches(held) for matcher in matchers(match))


def matchers(match: dict[str, tuple[str, ...]]) -> tuple[Matcher, ...]:
    """The same as a silence has it: one condition for each label."""
    return tuple(_matcher(label, values) for label, values in match.items())


def _split(value: str) -> tuple[str, str]:
    operator = value[:2] if value.startswith(("=~", "!~", "!=")) else ""
    return operator, value.removeprefix(operator)


@lru_cache(maxsize=1024)
def _matcher(label: str, values: tuple[str, ...]) -> Matcher:
    if len(values) > 1:
        either = "|".join(f"(?:{rest if operator else re.escape(rest)})" for operator, rest in map(_split, values))
        return Matcher(label, either, regex=True)
    operator, rest = _split(values[0])
    return Matcher(label, rest, negated=operator.startswith("!"), regex=operator.endswith("~"))
