"""The short notation for made-up series: `up{job="shop"}` and `0+10x5 _ _x3 stale`.

As Prometheus' parser.ParseSeriesDesc, without native histograms. `0x3` is four zeros here, never a hexadecimal number.
"""

import re
from collections.abc import Iterator

from alerts.promql.stale import STALE
from alerts.template.constants import unquote
from alerts.template.errors import TemplateError
from probes.base import Labels

#: One test may not have more samples than this in one series.
MOST_SAMPLES = 10_000_000

_NAME = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*")
_PAIR = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)\s*(,|(?=\}))\s*"""
)
_NUMBER = r"(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf|nan))"
_ITEM = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>[0-9]+))?|(?P<stale>stale)(?:x(?P<stales>[0-9]+))?"
    rf"|(?P<start>[+-]?{_NUMBER})(?P<step>[+-]{_NUMBER})?(?:x(?P<times>[0-9]+))?"
)


class NotationError(Exception):
    """A series is not written as the notation has it; the message says what is wrong."""


def parse_series(text: str) -> Labels:
    """The labels of `name{label="value", …}`, sorted, the name as `__name__`. Raises NotationError."""
    named = _NAME.match(text)
    assert named is not None  # every part of it is optional
    labels = {"__name__": named[1]} if named[1] else {}
    rest = text[named.end() :]
    if rest.startswith("{"):
        pairs, rest = _pairs(rest[1:], text)
        labels |= pairs
    if rest.strip():
        raise NotationError(f'{text!r} is not a series; write it as name{{label="value"}}')
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def _pairs(rest: str, text: str) -> tuple[dict[str, str], str]:
    pairs: dict[str, str] = {}
    while not rest.lstrip().startswith("}"):
        match = _PAIR.match(rest)
        if match is None:
            raise NotationError(f'{text!r} is not a series; write its labels as {{label="value", …}}')
        try:
            pairs[match[1]] = unquote(match[2], 1, 1)
        except TemplateError as error:
            raise NotationError(f"{text!r} is not a series: {error.message}") from None
        rest = rest[match.end() :]
    return pairs, rest.lstrip()[1:]


def parse_values(text: str) -> list[float | None]:
    """The values, None where there is no sample. Raises NotationError."""
    values: list[float | None] = []
    for item in text.split():
        if item.startswith("{{"):
            raise NotationError(f"{item!r} begins a native histogram, which Shopwatch does not evaluate")
        for value in _expanded(item):
            values.append(value)
            if len(values) > MOST_SAMPLES:
                raise NotationError(f"{item!r} makes more than {MOST_SAMPLES:,} samples")
    return values


def _expanded(item: str) -> Iterator[float | None]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise NotationError(f"{item!r} is neither a value nor a sequence such as 1+2x3, 5x10, _x4 or stale")
    if match["gap"]:
        for _ in range(int(match["gaps"] or 1)):
            yield None
        return
    if match["stale"]:
        for _ in range(int(match["stales"] or 0) + 1):
            yield STALE
        return
    if match["step"] and not match["times"]:
        raise NotationError(f"{item!r} has a step but says not how often; write {item}x3 for four values")
    value, step = _number(match["start"]), _number(match["step"] or "0")
    for _ in range(int(match["times"] or 0) + 1):
        yield value
        value += step


def _number(text: str) -> float:
    unsigned = text.lstrip("+-")
    value = float(unsigned)
    return -value if text.startswith("-") else value
