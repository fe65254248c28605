"""A value of a YAML file together with the place where it was written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Scalar = str | int | float | bool | None
#: One step of the way to a value: a key of a mapping, or a position in a list.
Key = str | int


class Place(NamedTuple):
    """Where something is written: line and column count from 1, a column is one character."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """Something wrong in a file, with its place: what is wrong, and what was meant."""

    file: str
    line: int
    column: int
    message: str

    @classmethod
    def at(cls, place: Place, message: str) -> "Problem":
        """A problem at this place."""
        return cls(*place, message)

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.file, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class YamlInvalid(Exception):
    """A YAML text has problems; all of them are in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class Node:
    """One value: a scalar, a list of nodes, or a mapping of nodes by key, with the places of both values and keys.

    `written` is a scalar's text before it was understood as a number or a boolean.
    """

    place: Place
    value: "Scalar | list[Node] | dict[str, Node]"
    keys: dict[str, Place] = field(default_factory=dict)
    written: str = ""

    @property
    def mapping(self) -> "dict[str, Node]":
        """The entries of a mapping; none when it is something else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The items of a list; none when it is something else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def kind(self) -> str:
        """What it is, in words for a message."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if isinstance(self.value, bool):
            return "true or false"
        if isinstance(self.value, int | float):
            return "a number"
        return "nothing" if self.value is None else "text"

    def step(self, key: Key) -> "Node | None":
        """The value under one key or position, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def walk(self, way: Sequence[Key]) -> "tuple[Node, tuple[Key, ...]]":
        """As far along this way as the file goes: the last value met, and the steps that led there."""
        here, gone = self, []
        for key in way:
            there = here.step(key)
            if there is None:
                continue  # what is no key of ours, such as the branch of a union in a validator's way
            here = there
            gone.append(key)
        return here, tuple(gone)

    def key_place(self, key: str) -> Place:
        """Where this key is written; the mapping's own place when it is not there."""
        return self.keys.get(key, self.place)


def plain(node: Node) -> Any:
    """The value in plain Python: dicts, lists and scalars, without places."""
    if isinstance(node.value, dict):
        return {key: plain(value) for key, value in node.value.items()}
    if isinstance(node.value, list):
        return [plain(value) for value in node.value]
    return node.value
