"""Cuts a template into text and the words of its actions, as Go's text/template does."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from alerts.template.errors import TemplateError, place


class Token(NamedTuple):
    """One word: `kind` is the name of a group below, text, open, close, end, or the sign itself."""

    kind: str
    text: str
    at: int


_OPEN = re.compile(r"\{\{(?:-(?=[ \t\r\n]))?")
_COMMENT = re.compile(r"\{\{(?P<left>-[ \t\r\n]+)?/\*.*?\*/(?P<right>[ \t\r\n]+-)?\}\}", re.DOTALL)
_CLOSE = re.compile(r"(?:[ \t\r\n]+-)?\}\}")
_INSIDE = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<variable>\$\w*)
    |(?P<number>[+-]?(?:\.?[0-9])(?:[eEpP][+-]?|[0-9a-zA-Z_.])*)
    |(?P<word>[^\W\d]\w*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<sign>:=|[=|(),.])""",
    re.VERBOSE,
)


def tokens(source: str) -> Iterator[Token]:
    """The template's tokens; raises TemplateError where a character belongs nowhere or an action never ends."""
    at, trim = 0, False
    while True:
        opening = _OPEN.search(source, at)
        text = source[at : opening.start() if opening else len(source)]
        if trim:
            text = text.lstrip(" \t\r\n")
        if opening is None:
            yield from _text(text, at)
            yield Token("end", "", len(source))
            return
        if opening.group().endswith("-"):
            text = text.rstrip(" \t\r\n")
        yield from _text(text, at)
        comment = _COMMENT.match(source, opening.start())
        if comment:
            at, trim = comment.end(), comment["right"] is not None
            continue
        if source.startswith("/*", _after_space(source, opening.end())):
            raise _error(source, opening.start(), "a comment must fill its {{/* … */}} and be closed")
        yield Token("open", opening.group(), opening.start())
        at = opening.end()
        while (close := _CLOSE.match(source, at)) is None:
            token = _next(source, at, opening.start())
            yield token
            at += len(token.text)
        yield Token("close", close.group(), at)
        at, trim = close.end(), close.group().endswith("-}}")


def _text(text: str, at: int) -> Iterator[Token]:
    if text:
        yield Token("text", text, at)


def _after_space(source: str, at: int) -> int:
    while at < len(source) and source[at] in " \t\r\n":
        at += 1
    return at


def _next(source: str, at: int, opened: int) -> Token:
    match = _INSIDE.match(source, at)
    if match is None:
        if at >= len(source):
            raise _error(source, opened, "an action is opened with {{ and never closed with }}")
        if source[at] in "\"'`":
            raise _error(source, at, "a quoted text is never closed")
        raise _error(source, at, f"{source[at]!r} has no meaning inside {{{{ }}}}")
    kind = match.lastgroup or ""
    return Token(match.group() if kind == "sign" else kind, match.group(), at)


def _error(source: str, at: int, message: str) -> TemplateError:
    return TemplateError(message, *place(source, at))
