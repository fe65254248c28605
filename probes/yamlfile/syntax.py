"""Says in plain words why a text is not YAML, and where."""

import re
from bisect import bisect_right

from yaml import Mark
from yaml.error import MarkedYAMLError

_BREAK = re.compile(r"\r\n|\r|\n")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Lines:
    """Turns an index into a text into line and column, as editors count them."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def at(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at this index."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


def unprintable(text: str) -> int | None:
    """The index of the first character that YAML does not allow, or None."""
    match = _UNPRINTABLE.search(text)
    return match.start() if match else None


def explain(error: MarkedYAMLError, text: str) -> tuple[int, str]:
    """The index where a parser's error is best shown, and a sentence about it."""
    index, context = _index(error.problem_mark), _index(error.context_mark)
    problem, around = error.problem or "", error.context or ""
    if "quoted scalar" in around and "end of stream" in problem:
        return context, "this quote is never closed"
    if "flow" in around and ("expected ','" in problem):
        bracket = "]" if "sequence" in around else "}"
        return context, f"this bracket is never closed, or a comma is missing in it; expected , or {bracket}"
    if "cannot start any token" in problem:
        return index, _bad_start(text[index : index + 1])
    if "mapping values are not allowed" in problem:
        return index, "a colon does not fit here; quote the text if it belongs to it, or check the indentation"
    if "unknown escape" in problem:
        return index, "a backslash in double quotes starts an escape; write it twice, or use single quotes"
    if "could not find expected ':'" in problem:
        return context, "this key has no colon after it"
    if "undefined tag handle" in problem:
        return index, "tags (!…) are not used here; quote the text if it begins with an exclamation mark"
    if "document start" in problem:
        return index, "nothing may follow here; check the brackets and the lines above"
    if "expected" in problem and ("block" in around or "block" in problem):
        return index, "this does not fit what is above it; check the indentation, the quotes and the brackets"
    return index, f"this is not YAML: {problem or around}"


def _bad_start(character: str) -> str:
    if character == "\t":
        return "a tab is used for indentation; YAML takes spaces only"
    return f"text cannot begin with {character} in YAML; put it in quotes"


def _index(mark: Mark | None) -> int:
    return mark.index if mark else 0
