"""Fills a template in: carries out its actions on one alert's labels and value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from alerts.template import values
from alerts.template.errors import TemplateError, place
from alerts.template.functions import call, path_of
from alerts.template.nodes import Block, Branch, Call, Dot, Field, Leave, Literal, Node, Pipe, Text, Variable
from alerts.template.values import Sample

#: Answers a PromQL query with label maps and values; whatever it raises ends the template with an error.
Query = Callable[[str], Iterable[tuple[dict[str, str], float]]]
#: One text may not grow longer than this many characters, nor take more than this many steps and queries.
_LONGEST, _MOST_STEPS, _MOST_QUERIES = 1 << 20, 200_000, 1000


def _no_query(expr: str) -> Iterable[tuple[dict[str, str], float]]:
    raise TemplateError("query cannot be asked here")


@dataclass(frozen=True, slots=True)
class Data:
    """What a template is filled in with. `now` is the evaluation's time in seconds, UTC."""

    labels: dict[str, str] = field(default_factory=dict)
    value: float = 0.0
    external_labels: dict[str, str] = field(default_factory=dict)
    external_url: str = ""
    now: float = 0.0
    query: Query = _no_query


class _Left(Exception):
    """A break or continue on its way out of its range."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Writer:
    """One filling-in of a template."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._dot: Any = data
        self._variables: list[tuple[str, Any]] = [
            ("$", data),
            ("$labels", data.labels),
            ("$externalLabels", data.external_labels),
            ("$externalURL", data.external_url),
            ("$value", data.value),
        ]
        self._out: list[str] = []
        self._length = self._steps = self._queries = 0
        self._source = ""

    def write(self, block: Block) -> str:
        """The whole text. Raises TemplateError with the place of the action that failed."""
        self._source = block.source
        self._block(block)
        return "".join(self._out)

    def _block(self, block: Block) -> None:
        for statement in block.statements:
            self._step()
            match statement:
                case Text(text):
                    self._put(text, 0)
                case Pipe():
                    value = self._pipe(statement)
                    if isinstance(value, Data):
                        raise self._error(statement.at, "the whole data cannot be printed; name a field such as .Value")
                    if not statement.variables:
                        self._put(values.text(value), statement.at)
                case Branch():
                    self._branch(statement)
                case Leave(kind, _):
                    raise _Left(kind)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise self._error(0, f"the template takes more than {_MOST_STEPS} steps")

    def _put(self, text: str, at: int) -> None:
        self._length += len(text)
        if self._length > _LONGEST:
            raise self._error(at, f"the text grows beyond {_LONGEST} characters")
        self._out.append(text)

    # Branches

    def _branch(self, branch: Branch) -> None:
        scope, dot = len(self._variables), self._dot
        try:
            if branch.kind == "range":
                self._range(branch)
                return
            value = self._pipe(branch.pipe)
            if not values.truth(value):
                self._block(branch.otherwise)
                return
            if branch.kind == "with":
                self._dot = value
            self._block(branch.body)
        finally:
            del self._variables[scope:]
            self._dot = dot

    def _range(self, branch: Branch) -> None:
        pipe = Pipe(branch.pipe.commands, (), False, branch.pipe.at)
        items = self._items(self._pipe(pipe), branch.at)
        if not items:
            self._block(branch.otherwise)
            return
        scope = len(self._variables)
        for key, item in items:
            names = branch.pipe.variables
            self._variables += zip(names, (item,) if len(names) == 1 else (key, item), strict=False)
            self._dot = item
            self._step()
            try:
                self._block(branch.body)
            except _Left as left:
                if left.kind == "break":
                    return
            finally:
                del self._variables[scope:]

    def _items(self, value: Any, at: int) -> list[tuple[Any, Any]]:
        if isinstance(value, dict):
            return sorted(value.items())
        if isinstance(value, list):
            return list(enumerate(value))
        if value is None:
            return []
        raise self._error(at, f"range cannot walk over a {values.type_name(value)}")

    # Values

    def _pipe(self, pipe: Pipe) -> Any:
        value: Any = None
        for position, command in enumerate(pipe.commands):
            piped = [value] if position else []
            value = self._call(command, piped) if isinstance(command, Call) else self._value(command)
        if pipe.variables and pipe.declares:
            self._variables.append((pipe.variables[0], value))
        elif pipe.variables:
            self._set(pipe.variables[0], value)
        return value

    def _set(self, name: str, value: Any) -> None:
        for position in range(len(self._variables) - 1, -1, -1):
            if self._variables[position][0] == name:
                self._variables[position] = (name, value)
                return

    def _value(self, node: Node) -> Any:
        match node:
            case Literal(value, _):
                return value
            case Dot():
                return self._dot
            case Variable(name, _):
                return next(value for known, value in reversed(self._variables) if known == name)
            case Field(of, name, at):
                return self._field(self._value(of), name, at)
            case Call():
                return self._call(node, [])
            case Pipe():
                return self._pipe(node)

    def _field(self, value: Any, name: str, at: int) -> Any:
        if isinstance(value, dict):
            return value.get(name, "")
        if isinstance(value, Sample) and name in ("Labels", "Value"):
            return value.labels if name == "Labels" else value.value
        if isinstance(value, Data) and name in ("Labels", "Value", "ExternalLabels", "ExternalURL"):
            return {
                "Labels": value.labels,
                "Value": value.value,
                "ExternalLabels": value.external_labels,
                "ExternalURL": value.external_url,
            }[name]
        kind = "rule's data" if isinstance(value, Data) else values.type_name(value)
        raise self._error(at, f"a {kind} has no field {name}")

    def _call(self, node: Call, piped: list[Any]) -> Any:
        if node.function in ("and", "or"):
            return self._first_telling(node, piped)
        arguments = [self._value(argument) for argument in node.arguments] + piped
        if any(isinstance(argument, Data) for argument in arguments):
            raise self._error(node.at, f"{node.function} cannot take the whole data; name a field such as .Value")
        try:
            match node.function:
                case "query":
                    return self._query(arguments[0])
                case "externalURL":
                    return self._data.external_url
                case "pathPrefix":
                    return path_of(self._data.external_url)
                case "now":
                    return self._data.now
            return call(node.function, arguments)
        except TemplateError as error:
            raise self._error(node.at, error.message) from None

    def _first_telling(self, node: Call, piped: list[Any]) -> Any:
        """`and` answers the first empty argument, `or` the first that is not; the rest is never looked at."""
        value: Any = None
        for argument in node.arguments:
            value = self._value(argument)
            if values.truth(value) == (node.function == "or"):
                return value
        return piped[0] if piped else value

    def _query(self, expr: Any) -> list[Sample]:
        if not isinstance(expr, str):
            raise TemplateError(f"query wants a string, not a {values.type_name(expr)}")
        self._queries += 1
        if self._queries > _MOST_QUERIES:
            raise TemplateError(f"the template asks more than {_MOST_QUERIES} queries")
        return [Sample(dict(labels), value) for labels, value in self._data.query(expr)]

    def _error(self, at: int, message: str) -> TemplateError:
        return TemplateError(message, *place(self._source, at))
