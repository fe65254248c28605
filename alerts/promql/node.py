"""The parts of a parsed query. Durations and times are milliseconds; `start` is the offset of the first character."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from alerts.promql.matcher import Matcher

Kind: TypeAlias = Literal["scalar", "vector", "matrix", "string"]
#: What follows `@`: a time in milliseconds, or the start or end of the query.
At: TypeAlias = int | Literal["start", "end"] | None


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the query; durations such as `5m` are numbers of seconds."""

    start: int
    value: float
    kind: Kind = "scalar"


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string. Bytes that are not UTF-8 are kept as lone surrogates."""

    start: int
    value: str
    kind: Kind = "string"


@dataclass(frozen=True, slots=True)
class Selector:
    """`name{label="value"} offset 5m @ 10`: the newest sample of each series that fits."""

    start: int
    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At = None
    kind: Kind = "vector"

    @property
    def metric(self) -> str:
        """The name of the metric where the query says it exactly, else an empty string."""
        return next((m.value for m in self.matchers if m.name == "__name__" and m.op == "="), "")


@dataclass(frozen=True, slots=True)
class RangeSelector:
    """`name[5m]`: the samples of a span of time, for each series that fits."""

    start: int
    selector: Selector
    range_ms: int
    kind: Kind = "matrix"


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(expression)[1h:5m]`: the expression, evaluated again and again over a span of time."""

    start: int
    of: "Node"
    range_ms: int
    step_ms: int | None
    offset_ms: int = 0
    at: At = None
    kind: Kind = "matrix"


@dataclass(frozen=True, slots=True)
class Negation:
    """`-expression`."""

    start: int
    of: "Node"

    @property
    def kind(self) -> Kind:
        """Scalar or vector, as what it negates."""
        return self.of.kind


@dataclass(frozen=True, slots=True)
class Matching:
    """How the two sides of an operator find each other. `many` is the side that may have several, if any."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many: Literal["left", "right"] | None = None
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `matching` is used when both sides are vectors, `bool` answers 0 or 1."""

    start: int
    op: str
    left: "Node"
    right: "Node"
    matching: Matching
    bool: bool = False

    @property
    def kind(self) -> Kind:
        """Scalar when both sides are scalars."""
        return "scalar" if self.left.kind == "scalar" == self.right.kind else "vector"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`sum by (job) (expression)`; `parameter` is the number of topk or the label of count_values."""

    start: int
    op: str
    of: "Node"
    parameter: "Node | None" = None
    without: bool = False
    labels: tuple[str, ...] = ()
    kind: Kind = "vector"


@dataclass(frozen=True, slots=True)
class Call:
    """`function(arguments)`."""

    start: int
    function: str
    arguments: "tuple[Node, ...]"
    kind: Kind


Node: TypeAlias = Number | Text | Selector | RangeSelector | Subquery | Negation | Binary | Aggregate | Call


@dataclass(frozen=True, slots=True)
class Expr:
    """A query, parsed and checked: what `parse` returns, and what an engine evaluates as often as wanted."""

    text: str
    root: Node

    @property
    def kind(self) -> Kind:
        """What it answers: scalar, vector, matrix or string."""
        return self.root.kind

    def walk(self) -> Iterator[Node]:
        """Every part of the query, outer parts first."""
        waiting: list[Node] = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(children(node)))

    def selectors(self) -> Iterator[Selector]:
        """Every selector in the query, in the order of its text."""
        return (node for node in self.walk() if isinstance(node, Selector))

    def __str__(self) -> str:
        return self.text


def children(node: Node) -> list[Node]:
    """The parts that a part is made of, in the order of the text."""
    match node:
        case Negation() | Subquery():
            return [node.of]
        case RangeSelector():
            return [node.selector]
        case Binary():
            return [node.left, node.right]
        case Aggregate():
            return [node.of] if node.parameter is None else [node.parameter, node.of]
        case Call():
            return list(node.arguments)
        case _:
            return []
