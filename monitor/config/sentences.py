"""Says in a sentence what a validator found wrong with a value."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list, such as [a, b]",
    "tuple_type": "a list, such as [a, b]",
    "set_type": "a list, such as [a, b]",
    "frozen_set_type": "a list, such as [a, b]",
    "dict_type": "a mapping, such as {name: value}",
    "mapping_type": "a mapping, such as {name: value}",
    "model_type": "a mapping of settings",
    "model_attributes_type": "a mapping of settings",
    "dataclass_type": "a mapping of settings",
    "path_type": "the path of a file",
    "is_instance_of": "text",
    "none_required": "left out",
}
_MOMENTS = {"date": "a date, such as 2026-12-24", "time": "a time of day, such as 10:00"}
_BOUNDS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
    "string_pattern_mismatch": "text that matches {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def is_type_error(error: dict[str, Any]) -> bool:
    """Whether the validator complains about the sort of value, as each branch of a union does."""
    return error["type"] in _WANTED


def wanted(error: dict[str, Any]) -> str:
    """What sort of value a type error asks for."""
    return _WANTED[error["type"]]


def sentence(error: dict[str, Any], key: str, came: str, written: str, examples: Sequence[Any] = ()) -> str:
    """One sentence about one of pydantic's errors.

    `came` says what was there, `written` is the text as it stood, `examples` are good values of the field.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        return _named(key, str(context.get("error", "")) or error["msg"])
    if kind in _WANTED:
        return unexpected(key, [_WANTED[kind]], came, written)
    if kind.startswith(("datetime_", "date_", "time_", "timezone_")):
        wanted = _MOMENTS.get(kind.partition("_")[0], "a moment with its zone, such as 2026-12-24T00:00+08:00")
        return f"{key} must be {wanted}, not {written or came}"
    if kind == "string_too_short" and not written:
        return f"{key} is empty"
    if kind == "literal_error" and f"'{written}'" in context["expected"] and came != "text":
        return f'{key} must be text, not {came}; put it in quotes: "{written}"'
    if kind == "string_pattern_mismatch" and examples:
        return f"{key} must look like {' or '.join(map(str, examples))}, not {written}"
    if kind in _BOUNDS:
        return f"{key} must be {_BOUNDS[kind].format(**context)}, not {written or came}"
    if kind == "too_short":
        return f"{key} needs at least {context['min_length']} {_entries(context['min_length'])}"
    if kind == "too_long":
        return f"{key} takes at most {context['max_length']} {_entries(context['max_length'])}"
    message = error["msg"].replace("Input should be", "must be").replace("Input should", "should")
    return f"{key} {message[:1].lower()}{message[1:]}"


def unexpected(key: str, wanted: list[str], came: str, written: str) -> str:
    """A value of the wrong sort; a bare number where text belongs is told how to become one."""
    if came == "nothing":
        return f"{key} has no value; it must be {' or '.join(wanted)}"
    shown = f"{came} {written}" if written and len(written) <= 60 else came
    if wanted == ["text"] and came in ("a number", "true or false"):
        return f'{key} must be text, not {shown}; put it in quotes: "{written}"'
    return f"{key} must be {' or '.join(dict.fromkeys(wanted))}, not {shown}"


def _named(key: str, message: str) -> str:
    return message if not key or message.startswith(key) else f"{key}: {message}"


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of a sentence about an unknown word: the likeliest of the known ones, or all of them."""
    near = get_close_matches(word, known, 1, 0.6) or get_close_matches(word.lower(), known, 1, 0.6)
    if near:
        return f"; did you mean {near[0]}?"
    if not known:
        return ""
    names = sorted(set(known))
    return f"; known {'is' if len(names) == 1 else 'are'} {', '.join(names)}"


def known_keys(model: type[BaseModel]) -> list[str]:
    """The keys that a model takes in YAML, `*_file` siblings of secrets included."""
    secrets = model.secret_fields() if hasattr(model, "secret_fields") else ()
    return [field.alias or name for name, field in model.model_fields.items()] + [f"{name}_file" for name in secrets]
