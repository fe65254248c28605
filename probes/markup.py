"""Reads HTML as browsers do, without letting a page that is nested beyond reason hold up everything else."""

import re
from collections import Counter

from selectolax.lexbor import LexborHTMLParser

#: Browsers stop nesting at 512. The parser's time grows with the square of the depth: 40,000 open tags take it 3 s.
_DEEPEST = 1000
#: So it does with the options of one select (50,000 take 47 s), and with bodies in bodies.
_MOST = {"option": 5000, "body": 100, "html": 100}
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
    """The page as a tree. What stands behind a nesting of a thousand elements is not read."""
    few = text.count("<") <= min(_DEEPEST, *_MOST.values())
    return LexborHTMLParser(text if few else text[: _readable(text)])


def _readable(text: str) -> int:
    """How far the text can be read before there is too much of something."""
    still_open: Counter[str] = Counter()
    depth = 0
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            still_open[name] += 1
            if name == "select":
                still_open["option"] = 0
            depth += name not in _FLAT
        elif name not in _FLAT and still_open[name]:
            still_open[name] -= 1
            depth -= 1
        if depth > _DEEPEST or (name in _MOST and still_open[name] > _MOST[name]):
            return tag.start()
    return len(text)
