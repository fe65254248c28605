"""The functions that a rule's template may call: Prometheus' own and those of Go's text/template."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus, urlsplit

import re2

from alerts.template import humanize, values
from alerts.template.errors import TemplateError
from alerts.template.printf import printf
from alerts.template.values import Sample
from probes.units import parse_duration

__all__ = ["ARITY", "LAZY", "TYPED", "Sample", "call"]

_LONGEST = 1 << 20
_REFERENCE = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")


def _float(value: Any) -> float:
    """What the humanize functions accept: numbers, and texts that are numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise TemplateError(f"{value!r} is not a number") from None
    raise TemplateError(f"a number is wanted, not a {values.type_name(value)}")


def _first(vector: list[Sample]) -> Sample:
    if not vector:
        raise TemplateError("first was given a query's answer without elements")
    return vector[0]


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise TemplateError(f"{pattern!r} is not a regular expression: {reason}") from None


def _match(pattern: str, text: str) -> bool:
    return _pattern(pattern).search(text) is not None


def _replace(pattern: str, replacement: str, text: str) -> str:
    """Go's ReplaceAllString: `$1`, `${name}` and `$$` in the replacement."""
    return str(_pattern(pattern).sub(lambda found: _expanded(replacement, found), text))


def _expanded(replacement: str, found: Any) -> str:
    def group(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return found.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(group, replacement)


def _title(text: str) -> str:
    """The first letter of each word in upper case, as strings.Title."""
    out, before = [], " "
    for character in text:
        separated = not (before.isalnum() or before == "_") if before.isascii() else before.isspace()
        out.append(character.title() if separated else character)
        before = character
    return "".join(out)


def _strip_port(address: str) -> str:
    bracketed = re.fullmatch(r"\[([^\[\]]*)\]:[^:\[\]]*", address)
    if bracketed:
        return bracketed[1]
    plain = re.fullmatch(r"([^:\[\]]*):[^:\[\]]*", address)
    return plain[1] if plain else address


def _strip_domain(address: str) -> str:
    host, port = address, ""
    if ":" in address:
        host, _, port = address.rpartition(":")
    stripped = host if re.fullmatch(r"[0-9.]+|\[.*\]|.*:.*", host) else host.split(".", 1)[0]
    return f"{stripped}:{port}" if port else stripped


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise TemplateError(str(error)) from None


def _index(collection: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(collection, dict) and isinstance(key, str):
            collection = collection.get(key, "")
        elif isinstance(collection, list | str) and isinstance(key, int) and not isinstance(key, bool):
            items = collection.encode() if isinstance(collection, str) else collection
            if not 0 <= key < len(items):
                raise TemplateError(f"index {key} is out of range; there are {len(items)} elements")
            collection = items[key]
        else:
            raise TemplateError(f"a {values.type_name(collection)} has no index of type {values.type_name(key)}")
    return collection


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, dict | list):
        return len(value)
    raise TemplateError(f"a {values.type_name(value)} has no length")


def _print(*operands: Any) -> str:
    """Go's Sprint: a space between operands when neither is a string."""
    out = ""
    for position, operand in enumerate(operands):
        if position and not isinstance(operand, str) and not isinstance(operands[position - 1], str):
            out += " "
        out += "<nil>" if operand is None else values.text(operand)
    return out


def _println(*operands: Any) -> str:
    return " ".join("<nil>" if value is None else values.text(value) for value in operands) + "\n"


def _text_of(value: Any) -> str:
    return _print(value)


#: Name → (kinds of its arguments, function). "any…" repeats. `query`, `now` and the URLs live in run.py.
TYPED: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "first": (("vector",), _first),
    "label": (("string", "sample"), lambda name, sample: sample.labels.get(name, "")),
    "value": (("sample",), lambda sample: sample.value),
    "strvalue": (("sample",), lambda sample: sample.labels.get("__value__", "")),
    "sortByLabel": (
        ("string", "vector"),
        lambda name, vector: sorted(vector, key=lambda sample: sample.labels.get(name, "")),
    ),
    "humanize": (("any",), lambda value: humanize.humanize(_float(value))),
    "humanize1024": (("any",), lambda value: humanize.humanize1024(_float(value))),
    "humanizeDuration": (("any",), lambda value: humanize.humanize_duration(_float(value))),
    "humanizePercentage": (("any",), lambda value: humanize.humanize_percentage(_float(value))),
    "humanizeTimestamp": (("any",), lambda value: humanize.humanize_timestamp(_float(value))),
    "title": (("string",), _title),
    "toUpper": (("string",), str.upper),
    "toLower": (("string",), str.lower),
    "match": (("string", "string"), _match),
    "reReplaceAll": (("string", "string", "string"), _replace),
    "graphLink": (("string",), lambda expr: f"/graph?g0.expr={quote_plus(expr)}&g0.tab=0"),
    "tableLink": (("string",), lambda expr: f"/graph?g0.expr={quote_plus(expr)}&g0.tab=1"),
    "stripPort": (("string",), _strip_port),
    "stripDomain": (("string",), _strip_domain),
    "parseDuration": (("string",), _duration),
    "urlQueryEscape": (("string",), quote_plus),
    "print": (("any…",), _print),
    "println": (("any…",), _println),
    "printf": (("string", "any…"), printf),
    "urlquery": (("any",), lambda value: quote_plus(_text_of(value))),
    "len": (("any",), _len),
    "index": (("any", "any…"), _index),
    "not": (("any",), lambda value: not values.truth(value)),
    "eq": (("any", "any", "any…"), values.equal),
    "ne": (("any", "any"), lambda first, second: not values.equal(first, second)),
    "lt": (("any", "any"), values.less),
    "le": (("any", "any"), lambda first, second: values.less(first, second) or values.equal(first, second)),
    "gt": (("any", "any"), lambda first, second: not values.less(first, second) and not values.equal(first, second)),
    "ge": (("any", "any"), lambda first, second: not values.less(first, second)),
}
#: What needs the run itself: `and` and `or` stop at the first answer, the rest ask the data.
LAZY = {"and": (1, None), "or": (1, None), "query": (1, 1), "externalURL": (0, 0), "pathPrefix": (0, 0), "now": (0, 0)}

_WANTED: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "string": lambda value: isinstance(value, str),
    "sample": lambda value: isinstance(value, Sample),
    "vector": lambda value: isinstance(value, list),
}


def _arity(kinds: tuple[str, ...]) -> tuple[int, int | None]:
    repeated = bool(kinds) and kinds[-1].endswith("…")
    return (len(kinds) - 1, None) if repeated else (len(kinds), len(kinds))


#: How many arguments each function takes: at least, at most (None: any number).
ARITY: dict[str, tuple[int, int | None]] = {
    **{name: _arity(kinds) for name, (kinds, _) in TYPED.items()},
    **LAZY,
}


def call(name: str, arguments: list[Any]) -> Any:
    """What the function answers; raises TemplateError for arguments that Go would refuse."""
    kinds, function = TYPED[name]
    for position, argument in enumerate(arguments):
        kind = kinds[min(position, len(kinds) - 1)].rstrip("…")
        if not _WANTED[kind](argument):
            raise TemplateError(f"{name} wants a {kind}, not a {values.type_name(argument)}")
    answer = function(*arguments)
    if isinstance(answer, str) and len(answer) > _LONGEST:
        raise TemplateError(f"{name} answers more than {_LONGEST} characters")
    return answer


def path_of(url: str) -> str:
    """The path of the external URL."""
    return urlsplit(url).path
