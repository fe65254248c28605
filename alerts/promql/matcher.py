"""One condition on one label, such as `job="shop"` or `path=~"/api/.*"`."""

import re
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import re2

from alerts.promql.errors import ParseError
from probes.base import Labels

Operator: TypeAlias = Literal["=", "!=", "=~", "!~"]

#: Bytes that one compiled pattern may take. RE2 gives up beyond it instead of taking the machine down.
_PATTERN_MEMORY = 1 << 20
_MAX_PATTERN = 10_000
_MAX_REMEMBERED = 4096
_LITERALS = re.compile(r"[\w/:@ -]+(?:\|[\w/:@ -]+)*")


@lru_cache(maxsize=128)
def compile_regex(pattern: str) -> Any:
    """The RE2 pattern, anchored at both ends and with `.` matching line ends, as Prometheus compiles it.

    Raises ParseError when it is no RE2 pattern or needs more memory than one pattern may have.
    """
    if len(pattern) > _MAX_PATTERN:
        raise ParseError(f"the regular expression is {len(pattern)} characters long; {_MAX_PATTERN} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ParseError(f"{pattern!r} is not a regular expression that RE2 accepts: {reason}") from None


class Matcher:
    """A condition on a label. A label that a series does not have counts as empty."""

    __slots__ = ("_literals", "_regex", "_seen", "name", "op", "value")

    def __init__(self, name: str, op: Operator, value: str) -> None:
        self.name = name
        self.op: Operator = op
        self.value = value
        self._regex: Any = None
        self._literals: frozenset[str] | None = None
        self._seen: dict[str, bool] = {}
        if op in ("=~", "!~"):
            if not value or _LITERALS.fullmatch(value):
                self._literals = frozenset(value.split("|"))
            else:
                self._regex = compile_regex(value)

    @property
    def literals(self) -> frozenset[str] | None:
        """The only values that fit, when that is a short list known beforehand (`=` or `=~"a|b"`); else None."""
        if self.op == "=":
            return frozenset((self.value,))
        return self._literals if self.op == "=~" else None

    def matches(self, value: str) -> bool:
        """Whether a label with this value fits."""
        if self.op == "=":
            return value == self.value
        if self.op == "!=":
            return value != self.value
        return self._fits_pattern(value) is (self.op == "=~")

    def matches_labels(self, labels: Labels) -> bool:
        """Whether a series with these labels fits."""
        name = self.name
        for key, value in labels:
            if key == name:
                return self.matches(value)
        return self.matches("")

    def _fits_pattern(self, value: str) -> bool:
        if self._literals is not None:
            return value in self._literals
        known = self._seen.get(value)
        if known is None:
            # Label values repeat from query to query; RE2 through Python costs microseconds, a dict does not.
            if len(self._seen) >= _MAX_REMEMBERED:
                self._seen.clear()
            known = self._seen[value] = self._regex.fullmatch(value) is not None
        return known

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.value!r}"

    def __repr__(self) -> str:
        return f"Matcher({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matcher) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str, str]:
        return (self.name, self.op, self.value)
