"""Reads values out of Prometheus' YAML files by name and kind, and notes what does not fit with its place."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from probes.units import parse_duration
from probes.yamlfile import Node, Place, Problem

N = TypeVar("N", int, float)
_LONGEST = 292 * 365 * 86400.0  # Go's durations end here


class Form:
    """Walks one file's values and collects its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def problem(self, place: Place, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem.at(place, message))

    def is_mapping(self, node: Node, what: str, keys: Sequence[str]) -> bool:
        """Whether a value is a mapping; notes it when it is none, or when it has a key that it should not."""
        if not isinstance(node.value, dict):
            self.problem(node.place, f"{what} is a mapping with the keys {', '.join(keys)}, not {node.kind}")
            return False
        self.known(node, keys, what)
        return True

    def known(self, node: Node, keys: Sequence[str], what: str) -> None:
        """Notes every key of a mapping that is not one of these."""
        for key in node.mapping:
            if key not in keys:
                self.problem(node.key_place(key), f"{what} has no key {key!r}; it knows {', '.join(keys)}")

    def entries(self, node: Node, key: str) -> list[Node]:
        """The items under a key; none when there are none."""
        child = node.mapping.get(key)
        if child is None or child.value is None:
            return []
        if not isinstance(child.value, list):
            self.problem(child.place, f"`{key}` takes a list, not {child.kind}")
        return child.items

    def scalar(self, node: Node, what: str) -> str:
        """The text of a value, whatever YAML would make of it; empty for nothing."""
        if isinstance(node.value, dict | list):
            if all(problem.place != node.place for problem in self.problems):  # YAML's own complaint says more
                self.problem(node.place, f"`{what}` takes a text, not {node.kind}")
            return ""
        return "" if node.value is None else str(node.value)

    def text(self, node: Node, key: str) -> str:
        """The text under a key."""
        child = node.mapping.get(key)
        return "" if child is None else self.scalar(child, key)

    def duration(self, node: Node, key: str) -> float:
        """The seconds under a key, as Prometheus writes durations; 0 for nothing."""
        return self._parsed(node, key, _seconds, 0.0)

    def count(self, node: Node, key: str) -> int:
        """The whole number under a key; 0 for nothing."""
        return self._parsed(node, key, _whole, 0)

    def _parsed(self, node: Node, key: str, parse: Callable[[str], N], default: N) -> N:
        text = self.text(node, key)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.problem(node.mapping[key].place, f"`{key}`: {error}")
            return default


def _seconds(text: str) -> float:
    seconds = parse_duration(text)
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is too long; 292 years is the most")
    return seconds


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)
