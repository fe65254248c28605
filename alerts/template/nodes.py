"""The parts of a template once read: text, actions, conditions and loops, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: text, number, true, false or nil."""

    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Dot:
    """The `.`: what the enclosing range or with stands on."""

    at: int


@dataclass(frozen=True, slots=True)
class Variable:
    """A `$name`; `$` alone is the data that the template began with."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """A `.Name` of something."""

    of: Node
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; a piped value arrives as the last one."""

    function: str
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands joined by `|`, perhaps into variables (`$x := …` declares, `$x = …` sets)."""

    commands: tuple[Node, ...]
    variables: tuple[str, ...]
    declares: bool
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between the actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Branch:
    """An if, with or range; `kind` says which."""

    kind: str
    pipe: Pipe
    body: Block
    otherwise: Block
    at: int


@dataclass(frozen=True, slots=True)
class Leave:
    """A break or continue inside a range."""

    kind: str
    at: int


Node = Literal | Dot | Variable | Field | Call | Pipe
Statement = Text | Pipe | Branch | Leave


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in order, with the whole text for the places in errors."""

    statements: tuple[Statement, ...]
    source: str
