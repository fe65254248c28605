"""Fills `{{ names }}` into the texts of a journey: what was captured on the way, and nothing that could run wild.

The language is Jinja2's expressions in its sandbox, without statements, calls, attributes or loops, so that what comes
out is bounded by what goes in.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from probes.interpolated import Interpolated, as_written

#: Characters that a text may have once it is filled in.
LONGEST = 64 * 1024
_FILTERS = ("urlencode", "lower", "upper", "trim", "replace", "round", "int", "float", "string", "length", "tojson")
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter, nodes.Keyword),
    *(nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg, nodes.CondExpr, nodes.Compare),
    *(nodes.Operand, nodes.And, nodes.Or, nodes.Not),
)
_BRACES = set("{}")
_NUMBERS = (int, float, Decimal)


class NotFilled(Exception):
    """A text could not be filled in; the message says why, without the values."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Numbers calculate; texts only join. Money stays exact."""

    intercepted_binops = frozenset("+-*/")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
            raise TypeError(f"only numbers can be used with {operator}; texts are joined with ~")
        if isinstance(left, Decimal) != isinstance(right, Decimal):
            left, right = Decimal(str(left)), Decimal(str(right))  # a price times 1.05 stays exact
        return super().call_binop(context, operator, left, right)


def _sandbox() -> Environment:
    environment = _Sandbox(undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.globals.clear()
    environment.tests.clear()
    return environment


_ENVIRONMENT = _sandbox()


class Template:
    """One text of the config with `{{ }}` in it. Raises ValueError with a sentence for what cannot be a template."""

    def __init__(self, text: str) -> None:
        self.text = text
        #: Came through a variable of the environment, and is shown nowhere.
        self.is_private = isinstance(text, Interpolated)
        # Braces that stand in the variable, not in the config, are no template: a password may hold any.
        self._is_plain = (isinstance(text, Interpolated) and "{{" not in text.source) or not _BRACES & set(text)
        self.names = frozenset() if self._is_plain else frozenset(_check(self._tree))

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with every name filled in. Raises NotFilled."""
        if self._is_plain:
            return str.__str__(self.text)
        try:
            text: str = self._template.render(values)
        except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise NotFilled(f"{self._shown} cannot be filled in: {error}") from None
        if len(text) > LONGEST:
            raise NotFilled(f"{self._shown} becomes {len(text)} characters; {LONGEST} are the most")
        return text

    def value(self, values: Mapping[str, Any]) -> Any:
        """As `render`, but a text that is one `{{ name }}` alone keeps its kind: a number stays a number."""
        if self._alone is None:
            return self.render(values)
        if self._alone not in values:
            raise NotFilled(f"{self._shown} cannot be filled in: {self._alone!r} is undefined")
        return values[self._alone]

    @cached_property
    def _tree(self) -> nodes.Template:
        try:
            return _ENVIRONMENT.parse(self.text)
        except (TemplateError, RecursionError) as error:
            raise ValueError(f"{self._shown} is not a template: {error}") from None

    @cached_property
    def _template(self) -> Any:
        return _ENVIRONMENT.from_string(self.text)

    @cached_property
    def _alone(self) -> str | None:
        body = [] if self._is_plain else self._tree.body
        output = body[0] if len(body) == 1 else None
        only = output.nodes[0] if isinstance(output, nodes.Output) and len(output.nodes) == 1 else None
        return only.name if isinstance(only, nodes.Name) else None

    @property
    def _shown(self) -> str:
        return repr(str.__str__(as_written(self.text))[:80])

    def __repr__(self) -> str:
        return f"Template({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Template, (self.text,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda template: as_written(template.text)),
        )

    @classmethod
    def _read(cls, value: Any) -> "Template":
        if isinstance(value, str):
            return cls(value)
        if not isinstance(value, Template):
            raise PydanticKnownError("string_type")
        return value


def compiled(value: Any) -> Any:
    """The value with every text in it made a Template, also inside lists and mappings."""
    if isinstance(value, dict):
        return {key: compiled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(compiled, value))
    return Template(value) if isinstance(value, str) else value


def filled(value: Any, values: Mapping[str, Any]) -> Any:
    """What `compiled` made, filled in. Raises NotFilled."""
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, tuple):
        return [filled(item, values) for item in value]
    return value.value(values) if isinstance(value, Template) else value


def names_in(value: Any) -> frozenset[str]:
    """Every name that these templates want."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return frozenset().union(*map(names_in, value))
    return value.names if isinstance(value, Template) else frozenset()


def _check(tree: nodes.Template) -> set[str]:
    """The names that are used. Raises ValueError for what journeys may not do."""
    names = set()
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, _ALLOWED):
            what = type(node).__name__.lower()
            raise ValueError(f"a journey's {{{{ }}}} may hold names, filters, ~ and numbers, but not this ({what})")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise ValueError(f"there is no filter {node.name!r} here; there are {', '.join(_FILTERS)}")
        if isinstance(node, nodes.Name):
            names.add(node.name)
        waiting.extend(node.iter_child_nodes())
    return names
