"""Says which alerts are meant by their labels, as routes and maintenance write it in the config."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from alerts.silence import Matcher
from probes.base import Labels

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def _check(match: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for label, values in match.items():
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label name; use letters, digits and underscores")
        if not values:
            raise ValueError(f"{label} has no value to be compared with, so nothing would ever match")
        for value in values:
            _matcher(label, value)  # raises BadMatcher, a ValueError, for a bad pattern
    return match


def _as_lists(match: Any) -> Any:
    if not isinstance(match, dict):
        return match
    return {label: (values,) if isinstance(values, str) else values for label, values in match.items()}


#: Labels and the values that they must have, all of them: `severity: page`, or one of `[page, ticket]`. A value that
#: begins with `=~`, `!=` or `!~` is compared as Prometheus does. A label that an alert lacks counts as empty.
Match = Annotated[dict[str, tuple[str, ...]], AfterValidator(_check), BeforeValidator(_as_lists)]


def matches(match: dict[str, tuple[str, ...]], labels: Labels) -> bool:
    """Whether an alert with these labels is meant. An empty match means every alert."""
    held = dict(labels)
    return all(any(_matcher(label, value).matches(held) for value in values) for label, values in match.items())


def _matcher(label: str, value: str) -> Matcher:
    for operator in ("=~", "!~", "!="):
        if value.startswith(operator):
            return Matcher(label, value.removeprefix(operator), negated=operator[0] == "!", regex=operator[1] == "~")
    return Matcher(label, value)
