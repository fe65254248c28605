"""The schema for editors: it takes what we take, and marks what we would refuse."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import schema as command
from monitor.config.schema import schema
from probes.settings import Settings
from probes.yamlfile import load, plain
from tests.monitor.config.models import SECTIONS, kinds

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"
SCHEMA: dict[str, Any] = schema()
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
#: Keywords that say nothing about a value.
SILENT = {"$schema", "$defs", "title", "description", "default", "examples", "format", "x-unit", "then"}


def complaints(rule: Any, value: Any, place: str = "") -> Iterator[str]:
    """As much of a JSON Schema validator as our schema needs; an unknown keyword is an error."""
    if rule is True or rule == {}:
        return
    for keyword, wanted in rule.items():
        if keyword not in SILENT:
            yield from CHECKS[keyword](rule, wanted, value, place)


def _fits(rule: Any, value: Any) -> bool:
    return not list(complaints(rule, value))


def _ref(rule: Any, wanted: str, value: Any, place: str) -> Iterator[str]:
    yield from complaints(SCHEMA["$defs"][wanted.rpartition("/")[2]], value, place)


def _type(rule: Any, wanted: str, value: Any, place: str) -> Iterator[str]:
    right = isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
    if not right:
        yield f"{place}: {value!r} is no {wanted}"


def _properties(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    for key in wanted.keys() & value.keys() if isinstance(value, dict) else ():
        yield from complaints(wanted[key], value[key], f"{place}/{key}")


def _additional(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    for key in value.keys() - rule.get("properties", {}).keys() if isinstance(value, dict) else ():
        if wanted is False:
            yield f"{place}/{key}: unknown"
        else:
            yield from complaints(wanted, value[key], f"{place}/{key}")


def _items(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from complaints(wanted, item, f"{place}/{index}")


def _any_of(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    if not any(_fits(one, value) for one in wanted):
        reasons = [list(complaints(one, value, place)) for one in wanted]
        yield f"{place}: {value!r} fits none of {reasons}"


def _one_of(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    if sum(_fits(one, value) for one in wanted) != 1:
        yield f"{place}: {value!r} does not fit exactly one of {wanted}"


def _all_of(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    for one in wanted:
        yield from complaints(one, value, place)


def _if(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    if _fits(wanted, value):
        yield from complaints(rule["then"], value, place)


def _required(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
    for key in wanted if isinstance(value, dict) else ():
        if key not in value:
            yield f"{place}: {key} is missing"


def _simple(holds: Any) -> Any:
    def check(rule: Any, wanted: Any, value: Any, place: str) -> Iterator[str]:
        if not holds(wanted, value):
            yield f"{place}: {value!r} does not fit {wanted!r}"

    return check


CHECKS: dict[str, Any] = {
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": lambda rule, wanted, value, place: _all_of(rule, [wanted] * 0, value, place),
    "items": _items,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "allOf": _all_of,
    "if": _if,
    "required": _required,
    "const": _simple(lambda wanted, value: value == wanted),
    "enum": _simple(lambda wanted, value: value in wanted),
    "pattern": _simple(lambda wanted, value: not isinstance(value, str) or re.search(wanted, value) is not None),
    "minimum": _simple(lambda wanted, value: isinstance(value, str) or value >= wanted),
    "maximum": _simple(lambda wanted, value: isinstance(value, str) or value <= wanted),
    "exclusiveMinimum": _simple(lambda wanted, value: isinstance(value, str) or value > wanted),
    "minLength": _simple(lambda wanted, value: not isinstance(value, str) or len(value) >= wanted),
    "maxLength": _simple(lambda wanted, value: not isinstance(value, str) or len(value) <= wanted),
    "minItems": _simple(lambda wanted, value: not isinstance(value, list) or len(value) >= wanted),
    "minProperties": _simple(lambda wanted, value: not isinstance(value, dict) or len(value) >= wanted),
    "maxItems": _simple(lambda wanted, value: not isinstance(value, list) or len(value) <= wanted),
}


def _complaints(text: str) -> list[str]:
    return list(complaints(SCHEMA, plain(load(text, "f.yml"))))


def test_the_example_fits() -> None:
    assert _complaints(EXAMPLE.read_text()) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("lissten: x", "/lissten"),
        ("probers: many", "/probers"),
        ("probes: [{name: a}]", "/probes/0"),
        ("probes: [{name: a, type: htpp}]", "/probes/0/type"),
        ("probes: [{name: a, type: http}]", "/probes/0"),
        ("probes: [{name: a, type: http, url: https://a.example, every: 30}]", "/probes/0/every"),
        ("probes: [{name: a, type: http, url: https://a.example, every: ''}]", "/probes/0/every"),
        ("probes: [{name: a, type: http, url: https://a.example, address: x}]", "/probes/0/address"),
        ("probes: [{name: a, type: http, url: https://a.example, max_body: 10}]", "/probes/0/max_body"),
        ("notifiers: [{name: a, type: slack, channel: C1}]", "/notifiers/0"),
        ("notifiers: [{name: a, type: slack, channel: C1, token: a, token_file: b}]", "/notifiers/0"),
        ("defaults: {evry: 1s}", "/defaults/evry"),
        ("oncall: {people: [{nam: mei}]}", "/oncall/people/0/nam"),
        ("rules: [5]", "/rules/0"),
    ],
)
def test_marks_what_is_refused(text: str, place: str) -> None:
    assert any(complaint.startswith(f"{place}:") for complaint in _complaints(text)), _complaints(text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "probers: ${N}",
        "probes: [{name: a, type: http, url: '${URL}', every: '${EVERY:-5s}', redirects: '${N}'}]",
        "notifiers: [{name: a, type: slack, channel: C1, token_file: /run/secrets/x}]",
        "store_password_file: x",
        "defaults: {every: 1s, user_agent: x}\ninclude: [a.yml]\nrules: [builtin]",
    ],
)
def test_takes_what_is_taken(text: str) -> None:
    assert _complaints(text) == []


def test_every_kind_and_every_secret_file_is_in_it() -> None:
    for section, registry in SECTIONS.items():
        assert SCHEMA["properties"][section]["items"]["properties"]["type"]["enum"] == registry.names()
    for model in kinds().values():
        properties = SCHEMA["$defs"][model.__name__]["properties"]
        assert {f"{name}_file" for name in model.secret_fields()} <= set(properties)
        assert issubclass(model, Settings)
        assert SCHEMA["$defs"][model.__name__]["description"]


def test_defaults_carry_their_units() -> None:
    http = SCHEMA["$defs"]["HttpSettings"]["properties"]
    assert (http["every"]["default"], http["max_body"]["default"]) == ("15s", "10MiB")


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["schema"])
    assert args.run(args) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA
