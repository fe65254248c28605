"""Turns the library's tree into ours, walking along the words of the query, for exact values and places."""

from typing import Any, Literal, cast

import promql_parser as lib

from alerts.promql.cursor import Cursor
from alerts.promql.errors import ParseError, Unsupported
from alerts.promql.literal import duration_ms, number, timestamp_ms, unquote
from alerts.promql.matcher import Matcher, Operator
from alerts.promql.node import (
    Aggregate,
    At,
    Binary,
    Call,
    Kind,
    Matching,
    Negation,
    Node,
    Number,
    RangeSelector,
    Selector,
    Subquery,
    Text,
)
from alerts.promql.token import Token, place

_CLAUSES = frozenset({"bool", "on", "ignoring", "group_left", "group_right"})
_NATIVE = frozenset(
    {"histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"},
)
_EXPERIMENTAL_AGGREGATES = frozenset({"limitk", "limit_ratio"})
_KINDS: dict[str, Kind] = {"Vector": "vector", "Scalar": "scalar", "Matrix": "matrix", "String": "string"}


class Builder:
    """One pass over one query. The library decides the shape of the tree, the words supply what it loses."""

    def __init__(self, query: str, tokens: list[Token], depth: int) -> None:
        self._query = query
        self._words = Cursor(tokens)
        self._depth = depth

    def build(self, tree: Any) -> Node:
        """Our tree. Raises ParseError or Unsupported."""
        node = self._node(tree, 0)
        self._words.expect_end()
        return node

    def _node(self, tree: Any, level: int) -> Node:
        if level > self._depth:
            raise ParseError(f"the query nests deeper than {self._depth} levels")
        words, level = self._words, level + 1
        if isinstance(tree, lib.BinaryExpr):
            return self._binary(tree, level)
        start = words.start
        if isinstance(tree, lib.NumberLiteral):
            return self._number(start)
        if isinstance(tree, lib.SubqueryExpr):
            return self._subquery(tree, start, level)
        words.skip("+")
        if isinstance(tree, lib.UnaryExpr):
            words.take("-")
            return Negation(start, self._node(tree.expr, level))
        if isinstance(tree, lib.ParenExpr):
            words.take("(")
            inner = self._node(tree.expr, level)
            words.take(")")
            return inner
        if isinstance(tree, lib.StringLiteral):
            return Text(start, unquote(words.next().text))
        if isinstance(tree, lib.MatrixSelector):
            return self._range_selector(start)
        if isinstance(tree, lib.VectorSelector):
            return self._selector(start)
        if isinstance(tree, lib.AggregateExpr):
            return self._aggregate(tree, start, level)
        return self._call(tree, start, level)

    def _number(self, start: int) -> Number:
        sign = 1
        while self._words.peek() in ("+", "-"):
            sign = -sign if self._words.next().text == "-" else sign
        word = self._words.next()
        value = duration_ms(word.text) / 1000 if word.kind == "duration" else number(word.text)
        return Number(start, sign * value)

    # --- selectors

    def _selector(self, start: int) -> Selector:
        matchers = self._matchers()
        offset, at = self._modifiers()
        return Selector(start, matchers, offset, at)

    def _range_selector(self, start: int) -> RangeSelector:
        matchers = self._matchers()
        self._words.take("[")
        span = self._positive_duration()
        self._words.take("]")
        offset, at = self._modifiers()
        return RangeSelector(start, Selector(start, matchers, offset, at), span)

    def _subquery(self, tree: Any, start: int, level: int) -> Subquery:
        of = self._node(tree.expr, level)
        self._words.take("[")
        span = self._positive_duration()
        self._words.take(":")
        step = None if self._words.peek() == "]" else self._positive_duration()
        self._words.take("]")
        offset, at = self._modifiers()
        return Subquery(start, of, span, step, offset, at)

    def _matchers(self) -> tuple[Matcher, ...]:
        words, matchers, name = self._words, [], ""
        if words.peek() != "{":
            name = words.next().text
        if words.peek() == "{":
            words.take("{")
            while words.peek() != "}":
                matcher = self._matcher()
                if matcher.name == "__name__" and name:
                    raise ParseError(f'metric name must not be set twice: "{name}" or "{matcher.value}"')
                matchers.append(matcher)
                if words.peek() != "}":
                    words.take(",")
            words.take("}")
        if name:
            matchers.append(Matcher("__name__", "=", name))
        if all(matcher.matches("") for matcher in matchers):
            raise ParseError("vector selector must contain at least one non-empty matcher")
        return tuple(matchers)

    def _matcher(self) -> Matcher:
        words = self._words
        first = words.next()
        name = unquote(first.text) if first.kind == "string" else first.text
        if words.peek() in (",", "}"):
            return Matcher("__name__", "=", name)
        operator = words.next()
        if operator.text not in ("=", "!=", "=~", "!~"):
            raise ParseError(
                f"{place(self._query, operator.start)}: unexpected {operator.text!r} where a label is matched"
            )
        return Matcher(name, cast(Operator, operator.text), unquote(words.next().text))

    def _positive_duration(self) -> int:
        millis = duration_ms(self._words.next().text)
        if millis <= 0:
            raise ParseError("duration must be greater than 0")
        return millis

    def _modifiers(self) -> tuple[int, At]:
        offset, at = 0, cast(At, None)
        while (word := self._words.peek().lower()) in ("offset", "@"):
            self._words.next()
            sign = -1 if self._words.peek() == "-" else 1
            self._words.skip("+-")
            if word == "offset":
                offset = sign * duration_ms(self._words.next().text)
            else:
                at = self._at(sign)
        return offset, at

    def _at(self, sign: int) -> At:
        word = self._words.next().text
        if word not in ("start", "end"):
            return timestamp_ms(word, sign)
        self._words.take("(")
        self._words.take(")")
        return cast(Literal["start", "end"], word)

    # --- operators, aggregations, functions

    def _binary(self, tree: Any, level: int) -> Binary:
        words = self._words
        start = words.start
        left = self._node(tree.lhs, level)
        op = words.next().text.lower()
        clauses = self._clauses()
        right = self._node(tree.rhs, level)
        matching = _matching(clauses)
        return Binary(start, op, left, right, matching, "bool" in clauses)

    def _clauses(self) -> dict[str, tuple[str, ...]]:
        """The words between an operator and its right side, with their labels."""
        words, clauses = self._words, dict[str, tuple[str, ...]]()
        while (word := words.peek().lower()) in _CLAUSES:
            words.next()
            # After `on (…) group_left`, a bracket may also open the right side; the library has decided, as Prometheus
            # does, for the labels.
            clauses[word] = self._labels() if word != "bool" and words.peek() == "(" else ()
        return clauses

    def _labels(self) -> tuple[str, ...]:
        words, names = self._words, []
        words.take("(")
        while words.peek() != ")":
            word = words.next()
            if word.text != ",":
                names.append(unquote(word.text) if word.kind == "string" else word.text)
        words.take(")")
        return tuple(names)

    def _aggregate(self, tree: Any, start: int, level: int) -> Aggregate:
        words = self._words
        op = words.next().text.lower()
        if op in _EXPERIMENTAL_AGGREGATES:
            raise Unsupported(f"{place(self._query, start)}: the aggregation {op} is experimental, and not supported")
        without, labels = self._grouping()
        words.take("(")
        parameter = None
        if tree.param is not None:
            parameter = self._node(tree.param, level)
            words.take(",")
        of = self._node(tree.expr, level)
        words.skip(",")
        words.take(")")
        if not labels and not without:
            without, labels = self._grouping()
        return Aggregate(start, op, of, parameter, without, labels)

    def _grouping(self) -> tuple[bool, tuple[str, ...]]:
        word = self._words.peek().lower()
        if word not in ("by", "without"):
            return False, ()
        self._words.next()
        return word == "without", self._labels()

    def _call(self, tree: Any, start: int, level: int) -> Call:
        words, function = self._words, tree.func
        if function.experimental:
            raise Unsupported(
                f"{place(self._query, start)}: the function {function.name}() is experimental, and not supported"
            )
        if function.name in _NATIVE:
            raise Unsupported(
                f"{place(self._query, start)}: {function.name}() reads native histograms, which are not supported; "
                "use the series that end in _count, _sum and _bucket"
            )
        words.next()
        words.take("(")
        arguments = []
        for index, argument in enumerate(tree.args):
            if index:
                words.take(",")
            arguments.append(self._node(argument, level))
        words.take(")")
        return Call(start, function.name, tuple(arguments), _KINDS[str(function.return_type).rpartition(".")[2]])


def _matching(clauses: dict[str, tuple[str, ...]]) -> Matching:
    many: Literal["left", "right"] | None = None
    include: tuple[str, ...] = ()
    if "group_left" in clauses:
        many, include = "left", clauses["group_left"]
    elif "group_right" in clauses:
        many, include = "right", clauses["group_right"]
    return Matching("on" in clauses, clauses.get("on", clauses.get("ignoring", ())), many, include)
