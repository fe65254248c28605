"""Silences: for a while, alerts that match are not told to anyone. Their incidents are kept all the same."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from probes.base import Labels
from probes.units import parse_duration

_MATCHER = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\s]*))\s*')


class BadMatcher(ValueError):
    """A matcher cannot be read; the message quotes it."""


@lru_cache(maxsize=1000)
def _pattern(text: str) -> Any:
    try:
        return re2.compile(text)
    except re2.error as error:
        raise BadMatcher(f"{text!r} is not a regular expression: {error}") from None


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label, as Alertmanager writes it: `shop="main"`, `!=`, `=~`, `!~` (RE2, anchored).

    A label that is not there has the empty value.
    """

    name: str
    value: str
    negated: bool = False
    regex: bool = False

    def __post_init__(self) -> None:
        if self.regex:
            _pattern(self.value)

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether these labels meet the condition."""
        value = labels.get(self.name, "")
        met = _pattern(self.value).fullmatch(value) is not None if self.regex else value == self.value
        return met is not self.negated

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return (
            f'{self.name}{"!" if self.negated else "="}{"~" if self.regex else "=" if self.negated else ""}"{quoted}"'
        )


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Matchers from `shop=main, severity=~"page|ticket"`, braces allowed. Raises BadMatcher."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip().removesuffix(",")
    found, place = [], 0
    while place < len(inner):
        match = _MATCHER.match(inner, place)
        if match is None or (match.end() < len(inner) and inner[match.end()] != ","):
            raise BadMatcher(f'{inner[place:]!r} is not a matcher; write such as shop=main or probe=~"check.*"')
        name, operator, quoted, bare = match.groups()
        value = re.sub(r"\\(.)", _unescape, quoted) if quoted is not None else bare
        found.append(Matcher(name, value, operator.startswith("!"), operator.endswith("~")))
        place = match.end() + 1
    if not found:
        raise BadMatcher("no matcher is given; an empty one would silence everything")
    return tuple(found)


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that meet all `matchers` are not told from `starts_at` until `ends_at` (seconds UTC)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    reason: str
    by: str
    updated_at: float = 0.0

    def active(self, at: float) -> bool:
        """Whether it holds at this moment."""
        return self.starts_at <= at < self.ends_at

    def state(self, at: float) -> str:
        """Alertmanager's word for it: pending, active or expired."""
        return "active" if self.active(at) else "pending" if at < self.starts_at else "expired"

    def mutes(self, labels: Labels) -> bool:
        """Whether these labels meet every matcher."""
        values = dict(labels)
        return all(matcher.matches(values) for matcher in self.matchers)


def begin(matchers: str, duration: str, reason: str, by: str, now: float) -> Silence:
    """A silence from now on, as a person asks for it: `shop=main` for `2h`. Raises ValueError with a sentence."""
    seconds = parse_duration(duration)
    found = parse_matchers(matchers)
    if seconds <= 0:
        raise ValueError("a silence lasts longer than nothing; write such as 2h")
    if not reason.strip():
        raise ValueError("give a reason: whoever is woken by the end of the silence will want to know")
    return Silence("", found, now, now + seconds, reason.strip(), by)


def covering(silences: Iterable[Silence], alerts: Iterable[Labels], at: float) -> tuple[Silence, ...]:
    """The active silences that together mute every one of these alerts; none when a single alert is left over."""
    active = [silence for silence in silences if silence.active(at)]
    used: dict[str, Silence] = {}
    for labels in alerts:
        found = [silence for silence in active if silence.mutes(labels)]
        if not found:
            return ()
        # The one that lasts longest keeps this alert quiet; the soonest end of all is when to look again.
        longest = max(found, key=lambda silence: silence.ends_at)
        used[longest.id] = longest
    return tuple(used.values())
