"""Reads HTML as browsers do, without letting a page beyond reason hold up everything else."""

import re
from collections import Counter

from selectolax.lexbor import LexborHTMLParser

from probes.formatting import FORMATTING, WALLS, Formatting, Open, Region

#: Browsers stop nesting at 512. The parser's time grows with the square of the depth: 40,000 open tags take it 3 s.
_DEEPEST = 1000
#: So it does with the options of one select (50,000 take 47 s), and with bodies in bodies; and with
#: readings of ruby text and groups of options (20,000 take 0.6 s), of which a page has so many at most.
_MOST = {"option": 5000, "body": 100, "html": 100, "optgroup": 5000, "rt": 10_000, "rp": 10_000}
#: A tag's attributes are compared with each other: 40,000 in one take 6 s.
_MOST_ATTRIBUTES = 500
#: Characters. Longer pages are read so far.
_LARGEST = 2 << 20
#: What nobody need close, and its sort: an item that begins in one of the other sort nests, as none does in its own.
_LEFT_OPEN = {"li": "li", "dd": "dd", "dt": "dd", "p": ""}
_MOST_CHANGES = 10_000
#: Bytes that opening again what formats may take; a longer page has more.
_MOST_COPIED, _MOST_COPIED_PER_CHARACTER = 100 << 20, 64
#: What stands in one of these is text, even if it looks like a tag.
_RAW = frozenset(["iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"])
#: What is looked at closely because of what formats.
_FOLLOWED = _RAW | WALLS | FORMATTING
#: In these other rules hold.
_OTHER_RULES = ("svg", "math", "select", "frameset")
#: Tags inside of attributes inside of tags are looked at so many times.
_AGAIN = 4
_ONE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+"""
_ATTRIBUTE = re.compile(_ONE)
_ATTRIBUTES = re.compile(rf"(?:[^\s/>]*+)(?:{_ONE}){{0,{_MOST_ATTRIBUTES}}}+")
_TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9-]*)|[!?/])")
_NAME_ENDS = re.compile(r"[\s/>]")
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
        self._items, self._item, self._changes = 0, "", 0
        self._budget = _AGAIN * len(text) + _LARGEST
        self._formatting = Formatting()
        self._most_copied = _MOST_COPIED + _MOST_COPIED_PER_CHARACTER * len(text)
        self._attributes_end = self._comment_end = 0
        #: So far it is a comment and nothing else.
        self._ignored_end = 0
        self._raw, self._raw_for_sure = "", False
        #: Where the attributes and the comment end, and in which element of text, that the tag before us may stand in.
        self._region: Region = (0, 0, "")

    def broken_by(self, tag: re.Match[str]) -> str:
        """What there is too much of with this tag; empty if nothing."""
        if not tag[2]:
            self._comment(tag.start())
            return ""
        name, closes = tag[2].lower(), bool(tag[1])
        self._nest(name, closes)
        if self._depth > _DEEPEST:
            return f"its elements are nested more than {_DEEPEST} deep"
        if name in _MOST and self._still_open[name] > _MOST[name]:
            return f"it holds more than {_MOST[name]} <{name}> in a row"
        if self._changes > _MOST_CHANGES:
            return f"its items change more than {_MOST_CHANGES} times between <li> and <dd>"
        copied = self._formatting.pass_by()
        if name in _FOLLOWED:
            self._follow(tag, name, closes)
        if copied > self._most_copied:
            return "too many of its elements that format text, such as <b>, stay open, and are opened again and again"
        return self._attributes(tag)

    def _nest(self, name: str, closes: bool) -> None:
        flat = name in _FLAT
        if not closes:
            self._still_open[name] += 1
            if name == "select":
                self._still_open["option"] = 0
            self._depth += not flat
            self._begin_item(name)
        elif (name in _LEFT_OPEN or not flat) and self._still_open[name]:
            self._still_open[name] -= 1
            self._depth -= not flat
            self._items -= flat

    def _begin_item(self, name: str) -> None:
        if name in _LEFT_OPEN:
            self._items += 1
            if _LEFT_OPEN[name] not in ("", self._item):
                self._item = _LEFT_OPEN[name]
                self._changes += 1

    def _attributes(self, tag: re.Match[str]) -> str:
        """What looks like a tag inside of another's attribute is read again, as nobody knows which is real."""
        if self._text.startswith(">", tag.end()):
            return ""
        attributes = _ATTRIBUTES.match(self._text, tag.end())
        place = attributes.end() if attributes else tag.end()
        self._attributes_end = max(self._attributes_end, place)
        self._budget -= place - tag.end()
        if _ATTRIBUTE.match(self._text, place):
            return f"a <{tag[2].lower()}> has more than {_MOST_ATTRIBUTES} attributes"
        return "its tags have no end" if self._budget < 0 else ""

    def _follow(self, tag: re.Match[str], name: str, closes: bool) -> None:
        start = tag.start()
        if not self._raw_for_sure:
            attributes, comment = self._attributes_end, self._comment_end
            self._region = attributes if attributes > start else 0, comment if comment > start else 0, self._raw
        if name in _RAW:
            self._text_only(name, closes)
        elif name in WALLS:
            self._formatting.wall(name, closes, self._region)
        elif start >= self._ignored_end and _NAME_ENDS.match(self._text, tag.end()):
            self._format(tag, name, closes)

    def _format(self, tag: re.Match[str], name: str, closes: bool) -> None:
        if closes:
            self._formatting.close(name, self._depth, self._items, self._region)
            return
        attributes = _ATTRIBUTES.match(self._text, tag.end())
        written = attributes[0] if attributes else ""
        number = sum(1 for _ in _ATTRIBUTE.finditer(written)) if written else 0
        self._formatting.open(Open(name, self._region, written, number, self._depth, self._items))

    def _text_only(self, name: str, closes: bool) -> None:
        """Begin or end an element of which all is text, which nobody knows for sure in a drawing or a choice."""
        if self._raw == name and closes:
            self._raw, self._raw_for_sure = "", False
        elif not self._raw and not closes:
            doubts = any(self._region) or any(
                self._still_open[other] for other in ("svg", "math", "select", "frameset")
            )
            self._raw_for_sure = name in ("script", "style") and not doubts
            self._raw = name
            if self._raw_for_sure:
                self._region = 0, 0, name

    def _comment(self, start: int) -> None:
        if start < self._comment_end:
            return
        mark = "-->" if self._text.startswith("<!--", start) else ">"
        if self._text.startswith("<![CDATA[", start):
            mark = "]]>"
        end = self._text.find(mark, start + 2)
        self._comment_end = len(self._text) if end < 0 else end + len(mark)
        certain = self._attributes_end <= start and not self._raw
        if mark == "-->" and certain and self._text.find("--!>", start, self._comment_end) < 0:
            self._ignored_end = self._comment_end
