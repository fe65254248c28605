"""Finds the files of a config (one file or a folder, and what they include) and merges them into one tree."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from monitor.config.interpolate import interpolate
from monitor.config.problems import Problems
from probes.yamlfile import MOST_BYTES, Node, Place, plain, read

#: So many files at most are read, and found by one glob.
MOST_FILES = 1000
_ENDINGS = {".yml", ".yaml"}


def read_files(path: Path, environ: Mapping[str, str], problems: Problems) -> tuple[Node, tuple[Path, ...]]:
    """Every file as one mapping, variables filled in, and the files that were read, in the order that counts."""
    if not path.exists():
        problems.add(Place(str(path)), "there is no such file or folder")
        return Node(Place(str(path)), {}), ()
    reading = _Reading(environ, problems)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if _is_config(file))
        if not files:
            problems.add(Place(str(path)), "the folder holds no *.yml or *.yaml file")
        for file in files:
            reading.file(file)
    else:
        reading.file(path)
    root = Node(Place(str(path)), {}) if not reading.roots else _merge(reading.roots, problems)
    return root, tuple(reading.files)


def _is_config(file: Path) -> bool:
    return file.suffix in _ENDINGS and not file.name.startswith(".") and file.is_file()


class _Reading:
    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ, self._problems = environ, problems
        self._seen: set[Path] = set()
        self.files: list[Path] = []
        self.roots: list[Node] = []

    def file(self, path: Path) -> None:
        """Read one file and what it includes; a file is read once, however often it is named."""
        if path.resolve() in self._seen:
            return
        self._seen.add(path.resolve())
        text = self._text(path)
        if text is None:
            return
        document = read(text, str(path))
        self._problems.extend(document.problems)
        self.files.append(path)
        root = interpolate(document.root, self._environ, self._problems)
        if "groups" in root.mapping:
            message = (
                "this looks like a file of alert rules; name it under rules:, and keep it out of the config's folder"
            )
            self._problems.add(root.key_place("groups"), message)
        elif isinstance(root.value, dict):
            self.roots.append(root)
            self._includes(root, path)
        elif root.value is None and not document.problems:
            self._problems.add(root.place, f"the file is empty; begin with a probe, such as {_FIRST}")
        elif not document.problems:
            self._problems.add(
                root.place, f"a config is a mapping of settings such as probes:, but this is {root.kind}"
            )

    def _text(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        except OSError as error:
            self._problems.add(Place(str(path)), f"cannot read the file: {error.strerror}")
            return None

    def _includes(self, root: Node, path: Path) -> None:
        include = root.mapping.get("include")
        if include is None or include.value is None:
            return
        for node in include.items if isinstance(include.value, list) else [include]:
            if not isinstance(node.value, str):
                self._problems.add(node.place, "include takes a list of files, such as [shops/*.yml]")
                continue
            found = sorted(file for file in expand(path.parent, node.value) if file.is_file())
            if not found:
                self._problems.add(node.place, f"include: no file matches {beside(node.value)}")
            for file in found:
                if len(self.files) >= MOST_FILES:
                    self._problems.add(node.place, f"include: more than {MOST_FILES} files")
                    return
                self.file(file)


_FIRST = "probes: [{name: home, type: http, url: https://shop.example/}]"


def beside(pattern: str) -> str:
    """A glob as it is quoted in a message, with the place that a relative one starts from."""
    return pattern if pattern.startswith("/") else f"{pattern} (looked for beside this file)"


def expand(folder: Path, pattern: str) -> list[Path]:
    """The paths that a glob names, relative to a folder unless it begins at the root; none when it is malformed."""
    pattern = str(pattern)  # a text with a variable in it is no plain str, and pathlib takes no other
    anchor = Path(pattern).anchor
    start, rest = (Path(anchor), pattern.removeprefix(anchor)) if anchor else (folder, pattern)
    try:
        return sorted(islice(start.glob(rest or "."), MOST_FILES + 1))
    except (ValueError, NotImplementedError, OSError, IndexError):  # what pathlib raises for odd patterns
        return []


def _merge(nodes: list[Node], problems: Problems) -> Node:
    """One mapping of several: lists concatenate, mappings merge; anything else may be said only once."""
    first = nodes[0]
    merged: dict[str, Node] = {}
    keys: dict[str, Place] = {}
    for node in nodes:
        for key, value in node.mapping.items():
            place = node.key_place(key)
            if key not in merged:
                merged[key], keys[key] = value, place
            elif isinstance(value.value, list) and isinstance(merged[key].value, list):
                merged[key] = replace(merged[key], value=[*merged[key].items, *value.items])
            elif isinstance(value.value, dict) and isinstance(merged[key].value, dict):
                merged[key] = _merge([merged[key], value], problems)
            elif key == "version" and plain(value) == plain(merged[key]):
                continue  # every file may say which version it is written for
            else:
                problems.add(place, f"{key} is given twice; it is already in {keys[key]}")
    return replace(first, value=merged, keys=keys)
