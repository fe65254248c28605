"""Reads a query: promql-parser checks its grammar and types, and the words of the text give values and places."""

import promql_parser

from alerts.promql.build import Builder
from alerts.promql.errors import ParseError, Unsupported
from alerts.promql.limits import Limits
from alerts.promql.literal import duration_ms
from alerts.promql.node import Expr
from alerts.promql.token import Token, place, tokenize

_MATCH_OPERATORS = frozenset({"=", "!=", "=~", "!~"})
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
#: What promql-parser says where it does not know what is wrong.
_SAYS_NOTHING = "invalid promql query"
_DURATION_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^", "(", "step", "range", "min", "max", "min_of", "max_of"})
_FILLS = frozenset({"fill", "fill_left", "fill_right"})
_KEYWORDS = frozenset(
    {"and", "or", "unless", "atan2", "bool", "by", "without", "on", "ignoring", "group_left", "group_right"}
)
#: promql-parser takes time that grows with the square of the operators, and overflows the stack at some thousands.
_MAX_OPERATORS = 400
_DEFAULTS = Limits()


def parse(query: str, *, depth: int = _DEFAULTS.depth, characters: int = _DEFAULTS.characters) -> Expr:
    """The query as a tree. Raises ParseError for what is not PromQL, Unsupported for its experimental parts.

    Parsing costs some 0.2 ms, so keep what is evaluated again and again. Nothing is kept here: a query may come from
    anybody, and its patterns may take a megabyte each.
    """
    if len(query) > characters:
        raise ParseError(f"the query is {len(query):,} characters long, and {characters:,} are allowed")
    tokens = tokenize(query)
    if not tokens:
        raise ParseError("no expression found in input")
    _check_size(tokens, depth)
    _check_experimental(query, tokens)
    try:
        tree = promql_parser.parse(_plain_text(tokens))
    except ValueError as error:
        message = str(error)
        raise ParseError(f"this is not PromQL: {query[:500]}" if message == _SAYS_NOTHING else message) from None
    except BaseException as error:
        # A panic of the Rust library is no Exception; it must not take the service down.
        if type(error).__name__ != "PanicException":
            raise
        raise ParseError(f"the parser cannot read this query: {query[:200]}") from None
    return Expr(query, Builder(query, tokens, depth).build(tree))


def _check_size(tokens: list[Token], depth: int) -> None:
    open_brackets = operators = 0
    for token in tokens:
        if token.kind == "operator" and token.text not in (",", "{", "}", ")", "]"):
            operators += 1
        open_brackets += (token.text in "([") - (token.text in ")]")
        if open_brackets > depth:
            raise ParseError(f"the query nests deeper than {depth} levels")
    # Matchers are cheap, and a selector may list many; every other operator costs.
    operators -= sum(1 for token in tokens if token.text in _MATCH_OPERATORS)
    if operators > _MAX_OPERATORS:
        raise ParseError(f"the query has more than {_MAX_OPERATORS:,} operators and brackets")


def _check_experimental(query: str, tokens: list[Token]) -> None:
    """Refuse what promql-parser does not know, before it says only that it does not understand."""
    brackets = braces = 0
    for index, token in enumerate(tokens):
        before, word = tokens[index - 1] if index else None, token.text.lower()
        braces += (word == "{") - (word == "}")
        brackets += (word == "[") - (word == "]")
        if word == "$":
            raise ParseError(f"{place(query, token.start)}: unexpected '$'; variables of Grafana are not PromQL")
        if braces or before is None:
            continue
        what = ""
        if word in ("anchored", "smoothed") and _ends_selector(before):
            what = f"the modifier {word}"
        elif word == "(" and before.text.lower() in _FILLS:
            what = f"the modifier {before.text}()"
        elif brackets and word in _DURATION_ARITHMETIC:
            what = "arithmetic in durations"
        elif _after_offset(tokens, index) and (word == "(" or token.kind == "name"):
            what = "arithmetic in offsets"
        if what:
            raise Unsupported(f"{place(query, token.start)}: {what} is experimental, and not supported")


def _after_offset(tokens: list[Token], index: int) -> bool:
    while index and tokens[index - 1].text in ("+", "-"):
        index -= 1
    before = tokens[index - 1].text.lower() if index else ""
    # A metric may be called offset; only after a selector the word begins a modifier.
    return before == "offset" and index > 1 and _ends_selector(tokens[index - 2])


def _ends_selector(token: Token) -> bool:
    return token.text in ("]", "}", ")") or (token.kind != "operator" and token.text.lower() not in _KEYWORDS)


def _plain_text(tokens: list[Token]) -> str:
    """The query with every literal made harmless: the library loses bytes, and knows another regex dialect."""
    words: list[str] = []
    braces, end = 0, 0
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        braces += (token.text == "{") - (token.text == "}")
        text = token.text
        if token.kind == "string":
            text = _plain_string(text, index, braces > 0 and before is not None and before.text in _MATCH_OPERATORS)
        elif braces and text in ("!=", "!~"):
            text = "="  # the library calls a selector of these empty, whatever the value; the builder knows better
        elif token.kind == "duration":
            duration_ms(text)  # the library lets long ones overflow
        elif token.kind == "number":
            text = _plain_number(token, before)
        elif text in "+-" and before is not None and before.text == "@":
            text = " "  # a negative time makes the library panic
        words.append(text if token.start == end else " " + text)
        end = token.end
    return "".join(words)


def _plain_string(text: str, index: int, is_match_value: bool) -> str:
    if is_match_value:
        return '"x"'
    return text if set(text[1:-1]) <= _PLAIN and text[0] != "`" else f'"x{index}"'


def _plain_number(token: Token, before: Token | None) -> str:
    if before is not None and before.text in "@+-":
        return "1"
    return "1" if set(token.text) & set("_xXeE") else token.text
