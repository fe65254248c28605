"""Reads HTML as browsers do, without letting a page beyond reason hold up everything else."""

import re
from collections import Counter

from selectolax.lexbor import LexborHTMLParser

#: Browsers stop nesting at 512. The parser's time grows with the square of the depth: 40,000 open tags take it 3 s.
_DEEPEST = 1000
#: So it does with the options of one select (50,000 take 47 s), and with bodies in bodies.
_MOST = {"option": 5000, "body": 100, "html": 100}
#: A tag's attributes are compared with each other: 40,000 in one take 6 s.
_MOST_ATTRIBUTES = 500
#: Characters. Longer pages are read so far.
_LARGEST = 2 << 20
#: Tags inside of attributes inside of tags are looked at so many times.
_AGAIN = 4
_ONE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+"""
_ATTRIBUTE = re.compile(_ONE)
_ATTRIBUTES = re.compile(rf"(?:[^\s/>]*+)(?:{_ONE}){{0,{_MOST_ATTRIBUTES}}}+")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
#: Elements that hold nothing, or that the next one of their kind closes: they do not nest.
_FLAT = frozenset(
    [
        *(
            "area",
            "base",
            "br",
            "col",
            "embed",
            "hr",
            "img",
            "input",
            "link",
            "meta",
            "param",
            "source",
            "track",
            "wbr",
        ),
        *("li", "dt", "dd", "p", "rt", "rp", "optgroup", "option", "html", "head", "body"),
        *("colgroup", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"),
    ]
)


def parse_html(text: str) -> LexborHTMLParser:
    """The page as a tree. What stands behind a nesting of a thousand elements, or other excess, is not read."""
    return LexborHTMLParser(text[: readable(text)[0]])


def readable(text: str) -> tuple[int, str]:
    """How far the text can be read before there is too much of something, and of what ("" when it is read whole)."""
    end = min(len(text), _LARGEST)
    limits = _Limits(text)
    for tag in _TAG.finditer(text, 0, end):
        if why := limits.broken_by(tag):
            return tag.start(), why
    return end, f"it is longer than {_LARGEST} characters" if end < len(text) else ""


class _Limits:
    """Counts along the tags of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._still_open: Counter[str] = Counter()
        self._depth = 0
        self._budget = _AGAIN * len(text) + _LARGEST

    def broken_by(self, tag: re.Match[str]) -> str:
        """What there is too much of with this tag; empty if nothing."""
        name = tag[2].lower()
        self._nest(name, closes=bool(tag[1]))
        if self._depth > _DEEPEST:
            return f"its elements are nested more than {_DEEPEST} deep"
        if name in _MOST and self._still_open[name] > _MOST[name]:
            return f"it holds more than {_MOST[name]} <{name}> in a row"
        return self._attributes(tag)

    def _nest(self, name: str, closes: bool) -> None:
        if not closes:
            self._still_open[name] += 1
            if name == "select":
                self._still_open["option"] = 0
            self._depth += name not in _FLAT
        elif name not in _FLAT and self._still_open[name]:
            self._still_open[name] -= 1
            self._depth -= 1

    def _attributes(self, tag: re.Match[str]) -> str:
        """What looks like a tag inside of another's attribute is read again, as nobody knows which is real."""
        if self._text.startswith(">", tag.end()):
            return ""
        attributes = _ATTRIBUTES.match(self._text, tag.end())
        place = attributes.end() if attributes else tag.end()
        self._budget -= place - tag.end()
        if _ATTRIBUTE.match(self._text, place):
            return f"a <{tag[2].lower()}> has more than {_MOST_ATTRIBUTES} attributes"
        return "its tags have no end" if self._budget < 0 else ""
