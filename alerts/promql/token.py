"""The words of a query, with their places: promql-parser checks the grammar, but keeps neither places nor bytes."""

import re
from typing import NamedTuple

from alerts.promql.errors import ParseError


class Token(NamedTuple):
    """One word of the query. `kind` is name, number, duration, string or operator."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.start + len(self.text)


_WORD = re.compile(
    r"""
      (?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
    | (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![A-Za-z0-9_.]))
    | (?P<number>0[xX](?:_?[0-9a-fA-F])+
        | (?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?
        | [0-9](?:_?[0-9])*\.?(?:[eE][-+]?[0-9](?:_?[0-9])*)?)
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<operator>==|!=|=~|!~|>=|<=|[-+*/%^<>=(){}\[\],@:$])
    """,
    re.VERBOSE,
)
_IN_BRACKETS = re.compile(r"(?P<operator>:)")


def tokenize(query: str) -> list[Token]:
    """The words of a query without spaces and comments. Raises ParseError at the first character that fits none."""
    tokens = []
    at, brackets = 0, 0
    while at < len(query):
        found = (_IN_BRACKETS.match(query, at) if brackets else None) or _WORD.match(query, at)
        if found is None:
            raise ParseError(_unexpected(query, at))
        text, kind = found.group(), found.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, text, at))
            brackets += (text == "[") - (text == "]")
        at = found.end()
    return tokens


def _unexpected(query: str, at: int) -> str:
    if query[at] in "\"'`":
        return f"{place(query, at)}: this quoted string is never closed"
    return f"{place(query, at)}: unexpected character {query[at]!r}"


def place(query: str, at: int) -> str:
    """`line:column` of a character of the query, both counted from 1."""
    line = query.count("\n", 0, at) + 1
    return f"{line}:{at - (query.rfind(chr(10), 0, at) + 1) + 1}"
