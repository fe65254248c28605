"""Reads rule files, exactly in Prometheus' format, and reports everything that is wrong with them at once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alerts.expression import expression_problem
from alerts.form import Form
from alerts.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from alerts.template import Template, TemplateError
from alerts.texts import place_inside
from probes.base import Labels
from probes.yamlfile import Node, Place, Problem, YamlInvalid, read

#: Prometheus' own default when neither a group nor the config names an interval (global.evaluation_interval), seconds.
DEFAULT_INTERVAL = 60.0

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
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


class _Reader(Form):
    """Walks one rule file's values."""

    def __init__(self, file: str, source: str, interval: float, problems: list[Problem]) -> None:
        super().__init__(problems)
        self._file, self._source, self._interval = file, source, interval

    def groups(self, root: Node) -> tuple[RuleGroup, ...]:
        if root.value is None:
            return ()
        if not isinstance(root.value, dict):
            self.problem(root.place, f"a rule file begins with `groups:`, not with {root.kind}")
            return ()
        self.known(root, ("groups",), "a rule file")
        groups: dict[str, RuleGroup] = {}
        for node in self.entries(root, "groups"):
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
        if not self.is_mapping(node, "a group", _GROUP_KEYS):
            return None
        name = self.text(node, "name")
        if not name:
            self.problem(node.place, "a group needs a name")
        labels = self._labels(node, "labels", templates=False)
        rules = [self._rule(child, labels) for child in self.entries(node, "rules")]
        return RuleGroup(
            name=name,
            file=self._file,
            interval=self.duration(node, "interval") or self._interval,
            rules=tuple(rule for rule in rules if rule is not None),
            query_offset=self.duration(node, "query_offset"),
            limit=self.count(node, "limit"),
            place=node.mapping["name"].place if name else node.place,
        )

    def _rule(self, node: Node, shared: Labels) -> Rule | None:
        if not self.is_mapping(node, "a rule", _RULE_KEYS):
            return None
        before = len(self.problems)
        record, alert = self.text(node, "record"), self.text(node, "alert")
        if bool(record) == bool(alert):
            self.problem(node.place, "a rule is either `record: name` or `alert: Name`; give one of them")
        expr = self._expr(node)
        labels = self._labels(node, "labels", templates=bool(alert))
        expr_place = node.mapping["expr"].place if "expr" in node.mapping else node.place
        merged = tuple(sorted((dict(shared) | dict(labels)).items()))
        if record and not alert:
            self._check_record(node, record)
            sound = len(self.problems) == before
            return RecordingRule(record, expr, merged, node.place, expr_place) if sound else None
        annotations = self._labels(node, "annotations", templates=True)
        hold, keep = self.duration(node, "for"), self.duration(node, "keep_firing_for")
        if len(self.problems) > before:
            return None
        return AlertingRule(alert, expr, hold, keep, merged, annotations, node.place, expr_place)

    def _check_record(self, node: Node, record: str) -> None:
        given = {key for key in ("for", "keep_firing_for") if self.duration(node, key)}
        if node.mapping.get("annotations", node).mapping and "annotations" in node.mapping:
            given.add("annotations")
        for key in sorted(given):
            self.problem(node.key_place(key), f"a recording rule has no `{key}`; only an alert has")
        if not _METRIC.fullmatch(record):
            place = node.mapping["record"].place
            self.problem(place, f"{record!r} is no name for a series; use letters, digits, _ and :")

    def _expr(self, node: Node) -> str:
        expr = self.text(node, "expr")
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
            text = self.scalar(value, f"{key}: {name}")
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
