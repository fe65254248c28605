"""Which elements that format text are still open on a page: a browser opens them again in each block that follows."""

from typing import NamedTuple

FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
#: What formats outside of one of these does not format inside of it.
_CELLS = frozenset(["caption", "td", "th"])
WALLS = _CELLS | {"applet", "marquee", "object", "table", "template"}
#: Bytes that the parser takes to open one again, and more for each of its attributes.
_COPY, _COPY_OF_ATTRIBUTE = 370, 150
#: The parser keeps no more than so many that are alike.
_ALIKE = 3
#: An end tag closes for sure only what no more levels and items than these stand between: at the eighth block in
#: between, the parser gives up.
_LEVELS_BETWEEN, _ITEMS_BETWEEN = 1, 3

#: What a tag may stand in that makes it no tag. Those of one region are all real or none is.
Region = tuple[int, int, str]


class Open(NamedTuple):
    """The start of an element that formats: its attributes as written and their number, how deep it is nested, and how
    many items and paragraphs were not closed before it."""

    name: str
    region: Region
    attributes: str
    number: int
    depth: int
    items: int

    @property
    def copy(self) -> int:
        """Bytes that it takes to open it again."""
        return _COPY + len(self.attributes) + _COPY_OF_ATTRIBUTE * self.number


class Formatting:
    """Follows the tags of a page. `copied` is how many bytes opening elements again may have taken: rather too many."""

    def __init__(self) -> None:
        self.copied = self._copy = 0
        self._open: list[tuple[Open, int]] = []
        self._walls: list[str] = []

    def pass_by(self) -> int:
        """A tag, of whatever kind: at each of them all that is open may be opened again. Answers `copied`."""
        self.copied += self._copy
        return self.copied

    def wall(self, name: str, closes: bool, region: Region) -> None:
        """The start or the end of an element that no formatting reaches into from outside."""
        if not closes:
            self._walls.append(name)
        elif not any(region):
            self._leave(name)

    def _leave(self, name: str) -> None:
        walls = len(self._walls)
        if name == "table":  # its end is that of its cells, whose own end tags are often left out
            while walls and self._walls[walls - 1] in _CELLS:
                walls -= 1
        if walls and self._walls[walls - 1] == name:
            del self._walls[walls - 1 :]

    def open(self, new: Open) -> None:
        """An element that formats begins."""
        alike = [
            at for at in self._within_walls(new.name, new.region) if self._open[at][0].attributes == new.attributes
        ]
        if len(alike) >= _ALIKE:
            self._drop(alike[-1])
        if new.name == "a" and (links := self._within_walls("a", new.region)):  # a link ends where the next begins
            self._drop(links[0])
        self._open.append((new, len(self._walls)))
        self._copy += new.copy

    def close(self, name: str, depth: int, items: int, region: Region) -> None:
        """An element that formats ends, if it is not too far away for that."""
        for at in self._within_walls(name, region)[:1]:
            one = self._open[at][0]
            if depth - one.depth <= _LEVELS_BETWEEN and items - one.items <= _ITEMS_BETWEEN:
                self._drop(at)

    def _within_walls(self, name: str, region: Region) -> list[int]:
        """Where those are that can be closed here, the newest first."""
        wanted, walls = (name, region), len(self._walls)
        places = range(len(self._open) - 1, -1, -1)
        return [at for at in places if self._open[at][1] == walls and self._open[at][0][:2] == wanted]

    def _drop(self, at: int) -> None:
        self._copy -= self._open.pop(at)[0].copy
