"""Reads rule files, exactly in Prometheus' format, and reports everything that is wrong with them at once."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from alerts.expression import expression_problem
from alerts.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from alerts.template import Template, TemplateError
from alerts.texts import place_inside
from probes.base import Labels
from probes.units import parse_duration
from probes.yamlfile import Node, Place, Problem, YamlInvalid, read

#: Prometheus' own default when neither a group nor the config names an interval (global.evaluation_interval), seconds.
DEFAULT_INTERVAL = 60.0

N = TypeVar("N", int, float)

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LONGEST = 292 * 365 * 86400.0  # Go's durations end here
_GROUP_KEYS = ("name", "interval", "query_offset", "limit", "labels", "rules")
_RULE_KEYS = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")


class RulesInvalid(YamlInvalid):
    """Rule files have problems; all of them are in `problems`."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The groups of one file, and everything wrong with it. Rules that are wrong are not among the groups."""

    file: str
    groups: tuple[RuleGroup, ...]
    problems: tuple[Problem, ...]


def load(paths: Iterable[Path], interval: float = DEFAULT_INTERVAL) -> tuple[RuleGroup, ...]:
    """The groups of these files, in order. `interval` (seconds) is for groups that name none. Raises RulesInvalid."""
    files = [read_file(path, interval) for path in paths]
    problems = [problem for file in files for problem in file.problems]
    if problems:
        raise RulesInvalid(problems)
    return tuple(group for file in files for group in file.groups)


def read_file(path: Path, interval: float = DEFAULT_INTERVAL) -> RuleFile:
    """One file; that it cannot be read is a problem too."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        message = f"cannot read the rule file: {error.strerror or error}"
        return RuleFile(str(path), (), (Problem(str(path), 1, 1, message),))
    return read_rules(raw, str(path), interval)


def read_rules(raw: str | bytes, file: str, interval: float = DEFAULT_INTERVAL) -> RuleFile:
    """The groups written in a text; `file` is the name shown in problems and in the groups' keys."""
    document = read(raw, file, scalars="text")
    source = raw.decode("utf-8-sig", "replace") if isinstance(raw, bytes) else raw
    reader = _Reader(file, source, interval, list(document.problems))
    groups = reader.groups(document.root)
    return RuleFile(file, groups, tuple(sorted(set(reader.problems))))


class _Reader:
    """Walks one file's values and collects its problems."""

    def __init__(self, file: str, source: str, interval: float, problems: list[Problem]) -> None:
        self._file, self._source, self._interval = file, source, interval
        self.problems = problems

    def problem(self, place: Place, message: str) -> None:
        self.problems.append(Problem.at(place, message))

    def groups(self, root: Node) -> tuple[RuleGroup, ...]:
        if root.value is None:
            return ()
        if not isinstance(root.value, dict):
            self.problem(root.place, f"a rule file begins with `groups:`, not with {root.kind}")
            return ()
        self._known(root, ("groups",), "a rule file")
        groups: dict[str, RuleGroup] = {}
        for node in self._list(root, "groups"):
            group = self._group(node)
            if group is None:
                continue
            if group.name in groups:
                line = groups[group.name].place.line
                self.problem(group.place, f"the group {group.name!r} is already on line {line} of this file")
                continue
            groups[group.name] = group
        return tuple(groups.values())

    def _group(self, node: Node) -> RuleGroup | None:
        if not self._is_mapping(node, "a group", _GROUP_KEYS):
            return None
        name = self._text(node, "name")
        if not name:
            self.problem(node.place, "a group needs a name")
        labels = self._labels(node, "labels", templates=False)
        rules = [self._rule(child, labels) for child in self._list(node, "rules")]
        return RuleGroup(
            name=name,
            file=self._file,
            interval=self._duration(node, "interval") or self._interval,
            rules=tuple(rule for rule in rules if rule is not None),
            query_offset=self._duration(node, "query_offset"),
            limit=self._count(node, "limit"),
            place=node.mapping["name"].place if name else node.place,
        )

    def _rule(self, node: Node, shared: Labels) -> Rule | None:
        if not self._is_mapping(node, "a rule", _RULE_KEYS):
            return None
        before = len(self.problems)
        record, alert = self._text(node, "record"), self._text(node, "alert")
        if bool(record) == bool(alert):
            self.problem(node.place, "a rule is either `record: name` or `alert: Name`; give one of them")
        expr = self._expr(node)
        labels = self._labels(node, "labels", templates=bool(alert))
        merged = tuple(sorted((dict(shared) | dict(labels)).items()))
        if record and not alert:
            self._check_record(node, record)
            sound = len(self.problems) == before
            return RecordingRule(record, expr, merged, node.place) if sound else None
        annotations = self._labels(node, "annotations", templates=True)
        hold, keep = self._duration(node, "for"), self._duration(node, "keep_firing_for")
        if len(self.problems) > before:
            return None
        return AlertingRule(alert, expr, hold, keep, merged, annotations, node.place)

    def _check_record(self, node: Node, record: str) -> None:
        for key in ("for", "keep_firing_for", "annotations"):
            if key in node.mapping and node.mapping[key].value not in (None, {}):
                self.problem(node.key_place(key), f"a recording rule has no `{key}`; only an alert has")
        if not _METRIC.fullmatch(record):
            place = node.mapping["record"].place
            self.problem(place, f"{record!r} is no name for a series; use letters, digits, _ and :")

    def _expr(self, node: Node) -> str:
        expr = self._text(node, "expr")
        if not expr.strip():
            place = node.key_place("expr")
            self.problem(place, "a rule needs an `expr`, the PromQL expression that it evaluates")
            return ""
        wrong = expression_problem(expr)
        if wrong:
            self.problem(node.mapping["expr"].place, f"this is not PromQL that we can evaluate: {wrong}")
        return expr

    def _labels(self, node: Node, key: str, *, templates: bool) -> Labels:
        child = node.mapping.get(key)
        if child is None or child.value is None:
            return ()
        if not isinstance(child.value, dict):
            self.problem(child.place, f"`{key}` takes names and texts, such as severity: page, not {child.kind}")
            return ()
        pairs = []
        for name, value in child.mapping.items():
            if not _LABEL.fullmatch(name) or (key == "labels" and name == "__name__"):
                self.problem(child.key_place(name), f"{name!r} is not a name for one of the {key}")
            text = self._scalar(value, f"{key}: {name}")
            if templates:
                self._template(text, value.place)
            pairs.append((name, text))
        return tuple(sorted(pairs))

    def _template(self, text: str, place: Place) -> None:
        try:
            Template(text)
        except TemplateError as error:
            inside = place_inside(self._source, place, text, error.line, error.column)
            self.problem(inside, f"this template cannot be read: {error.message}")

    # Values

    def _is_mapping(self, node: Node, what: str, keys: Sequence[str]) -> bool:
        if not isinstance(node.value, dict):
            self.problem(node.place, f"{what} is a mapping with the keys {', '.join(keys)}, not {node.kind}")
            return False
        self._known(node, keys, what)
        return True

    def _known(self, node: Node, keys: Sequence[str], what: str) -> None:
        for key in node.mapping:
            if key not in keys:
                self.problem(node.key_place(key), f"{what} has no key {key!r}; it knows {', '.join(keys)}")

    def _list(self, node: Node, key: str) -> list[Node]:
        child = node.mapping.get(key)
        if child is None or child.value is None:
            return []
        if not isinstance(child.value, list):
            self.problem(child.place, f"`{key}` takes a list, not {child.kind}")
        return child.items

    def _scalar(self, node: Node, what: str) -> str:
        if isinstance(node.value, dict | list):
            hint = "; put a text that begins with {{ in quotes" if isinstance(node.value, dict) else ""
            self.problem(node.place, f"`{what}` takes a text, not {node.kind}{hint}")
            return ""
        return "" if node.value is None else str(node.value)

    def _text(self, node: Node, key: str) -> str:
        child = node.mapping.get(key)
        return "" if child is None else self._scalar(child, key)

    def _duration(self, node: Node, key: str) -> float:
        return self._parsed(node, key, _seconds, 0.0)

    def _count(self, node: Node, key: str) -> int:
        return self._parsed(node, key, _whole, 0)

    def _parsed(self, node: Node, key: str, parse: Callable[[str], N], default: N) -> N:
        text = self._text(node, key)
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.problem(node.mapping[key].place, f"`{key}`: {error}")
            return default


def _seconds(text: str) -> float:
    seconds = parse_duration(text)
    if seconds > _LONGEST:
        raise ValueError(f"{text!r} is too long; 292 years is the most")
    return seconds


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)
