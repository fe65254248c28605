"""Builds the tree of values and places from one YAML text, within limits, and collects every problem on the way."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from probes.yamlfile.node import Node, Place, Problem, Scalar, YamlInvalid
from probes.yamlfile.scalar import Ambiguous, Scalars, understand
from probes.yamlfile.syntax import Lines, explain, unprintable

#: Limits of one text. Values are counted with every alias expanded, so that nested aliases cannot grow without bound.
MOST_BYTES, MOST_VALUES, MOST_DEPTH = 4 * 1024 * 1024, 400_000, 40

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: 20 times faster
_STRING_TAGS = {"tag:yaml.org,2002:str", "!"}


@dataclass(frozen=True, slots=True)
class Document:
    """What could be read of a text, and every problem found; `root` is an empty mapping when nothing could."""

    root: Node
    problems: tuple[Problem, ...] = ()


def load(text: str | bytes, file: str, *, scalars: Scalars = "strict") -> Node:
    """The values of one YAML text; an empty text is a node with the value None. Raises YamlInvalid with every problem.

    `file` is the name shown in problems.
    """
    document = read(text, file, scalars=scalars)
    if document.problems:
        raise YamlInvalid(document.problems)
    return document.root


def read(text: str | bytes, file: str, *, scalars: Scalars = "strict") -> Document:
    """The same, but what is sound is given together with the problems, so that a caller can look for more."""
    nothing = Node(Place(file), None)
    if len(text) > MOST_BYTES:
        return Document(nothing, (Problem(file, 1, 1, f"larger than {MOST_BYTES // 1024**2} MiB; split the file"),))
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            at = error.start + (len(raw) - len(error.object))  # the decoder counts from behind a byte order mark
            sound = raw[:at].decode("utf-8-sig")
            message = f"byte 0x{raw[at]:02x} is not UTF-8 text; save the file as UTF-8"
            return Document(nothing, (Problem(file, *Lines(sound).at(len(sound)), message),))
    text = text.removeprefix("\ufeff")
    lines = Lines(text)
    if (index := unprintable(text)) is not None:
        message = f"the character U+{ord(text[index]):04X} is not allowed in YAML"
        return Document(nothing, (Problem(file, *lines.at(index), message),))
    builder = _Builder(text, file, lines, scalars)
    try:
        root = builder.document()
    except _Stop:
        root = None
    except yaml.MarkedYAMLError as error:
        builder.problem(*explain(error, text))
        root = None
    return Document(root or nothing, tuple(builder.problems))


class _Stop(Exception):
    """A limit is passed: what follows is not read."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not reached yet. `key` is the key that waits for its value."""

    start: int
    anchor: str | None
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    mapping: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    merged: list[tuple[Node, int]] = field(default_factory=list)
    key: str | None = None
    is_merge: bool = False
    is_odd: bool = False  # the key is none; its value is left out
    as_key: bool = False  # this collection stands where a key should
    size: int = 1


class _Builder:
    """Follows the parser's events with a stack of its own, so that depth is bounded before the parser's is."""

    def __init__(self, text: str, file: str, lines: Lines, scalars: Scalars) -> None:
        self._text, self._file, self._lines, self._scalars = text, file, lines, scalars
        self.problems: list[Problem] = []
        self._anchors: dict[str, tuple[Node, int]] = {}  # with the number of values each expands to
        self._open: list[_Open] = []
        self._opening: set[str] = set()
        self._root: Node | None = None
        self._total = 0

    def problem(self, index: int, message: str) -> None:
        """Note a problem; what follows from one already noted at the same place is not worth a second line."""
        place = self._place(index)
        if all(known.place != place for known in self.problems[-2:]):
            self.problems.append(Problem.at(place, message))

    def document(self) -> Node | None:
        documents = 0
        for event in yaml.parse(self._text, Loader=_PARSER):
            index = event.start_mark.index if event.start_mark else 0
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.problem(index, "a second document begins here; put it into a file of its own")
                    break
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, index)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event.anchor, index)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event, index)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
        return self._root

    def _place(self, index: int) -> Place:
        return Place(self._file, *self._lines.at(index))

    def _count(self, size: int, index: int) -> None:
        self._total += size
        if self._total > MOST_VALUES:
            self.problem(index, f"more than {MOST_VALUES:,} values, aliases expanded; split the file or expand less")
            raise _Stop

    def _scalar(self, event: Any, index: int) -> None:
        top = self._open[-1] if self._open else None
        if top and top.is_mapping and top.key is None:
            if event.anchor:
                self._anchors[event.anchor] = (Node(self._place(index), event.value, written=event.value), 1)
            self._key(top, event, index)
            return
        node = Node(self._place(index), self._value(event, index), written=event.value)
        self._add(node, 1, event.anchor, index)
        self._count(1, index)

    def _value(self, event: Any, index: int) -> Scalar:
        if event.tag is not None and event.tag not in _STRING_TAGS:
            self._tag(index)
        text: str = event.value
        if not event.implicit[0]:  # quoted, a block, or tagged as text
            return text
        try:
            understood = understand(text)
        except Ambiguous as trap:
            if self._scalars == "strict":
                self.problem(index, str(trap))
            return text
        return text if self._scalars == "text" and understood is not None else understood

    def _tag(self, index: int) -> None:
        self.problem(index, "tags (!…) are not used here; quote the text if it begins with an exclamation mark")

    def _key(self, top: _Open, event: Any, index: int) -> None:
        key: str = event.value
        top.key, top.is_odd = key, False
        top.is_merge = key == "<<" and event.implicit[0]
        if event.implicit[0] and key in ("", "~"):
            top.is_odd = True
            self.problem(index, "a key is missing before this colon")
        elif key in top.keys:
            line, column = top.keys[key][1:]
            self.problem(index, f"{key!r} is given twice; it is already on line {line}, column {column}")
        else:
            top.keys[key] = self._place(index)

    def _alias(self, name: str | None, index: int) -> None:
        name = name or ""
        if name in self._opening:
            self.problem(index, f"*{name} stands inside the value that &{name} names: it would never end")
            known = None
        else:
            known = self._anchors.get(name)
            if known is None:
                self.problem(index, f"*{name} refers to nothing; no &{name} stands above it")
        node, size = known or (Node(self._place(index), None), 1)
        top = self._open[-1] if self._open else None
        if top and top.is_mapping and top.key is None:
            text = node.written if not isinstance(node.value, dict | list) else ""
            self._key(top, yaml.ScalarEvent(None, None, (False, True), text), index)
            return
        self._add(node, size, None, index)
        self._count(size, index)

    def _begin(self, event: Any, index: int) -> None:
        if event.tag is not None:
            self._tag(index)
        if len(self._open) >= MOST_DEPTH:
            self.problem(index, f"nested deeper than {MOST_DEPTH} levels")
            raise _Stop
        opened = _Open(index, event.anchor, isinstance(event, yaml.MappingStartEvent))
        top = self._open[-1] if self._open else None
        if top and top.is_mapping and top.key is None:
            opened.as_key = True
            if self._text.startswith("{{", top.start):
                self.problem(top.start, "{{ … }} must stand in quotes, or YAML takes the braces for its own")
            else:
                self.problem(index, "a list or mapping stands where a key is expected; a key must be text")
        if event.anchor:
            self._opening.add(event.anchor)
        self._open.append(opened)

    def _end(self) -> None:
        done = self._open.pop()
        node = Node(self._place(done.start), done.items)
        if done.is_mapping:
            self._merge(done)
            node = Node(self._place(done.start), done.mapping, done.keys)
        self._opening.discard(done.anchor or "")
        if done.as_key:
            top = self._open[-1]
            top.key, top.is_merge, top.is_odd = "", False, True
            return
        self._add(node, done.size, done.anchor, done.start)
        self._count(1, done.start)

    def _add(self, node: Node, size: int, anchor: str | None, index: int) -> None:
        if anchor:
            self._anchors[anchor] = (node, size)
        if not self._open:
            self._root = node
            return
        top = self._open[-1]
        top.size += size
        if not top.is_mapping:
            top.items.append(node)
            return
        key, top.key = top.key or "", None
        if top.is_merge:
            top.merged.append((node, index))
        elif not top.is_odd:
            top.mapping.setdefault(key, node)

    def _merge(self, done: _Open) -> None:
        """YAML's `<<`: the mapping's own keys win, then the first of several merged mappings."""
        if done.merged:
            done.keys.pop("<<", None)
        for node, index in done.merged:
            for source in node.items or [node]:
                if not isinstance(source.value, dict):
                    self.problem(index, "<< takes a mapping, or a list of mappings, such as <<: *defaults")
                    continue
                for key, value in source.value.items():
                    if key not in done.mapping:
                        done.mapping[key] = value
                        done.keys[key] = source.keys.get(key, value.place)
