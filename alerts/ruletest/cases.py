"""What a unit test file for rules says: which rules, which made-up series, and what is expected when."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alerts.form import Form
from alerts.ruletest.series import NotationError, parse_series, parse_values
from probes.base import Labels
from probes.yamlfile import Node, Place, Problem, YamlInvalid, read

_FILE_KEYS = ("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare")
_TEST_KEYS = (
    "name",
    "interval",
    "input_series",
    "alert_rule_test",
    "promql_expr_test",
    "external_labels",
    "external_url",
    "start_timestamp",
)
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?")
_WORDS = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}


@dataclass(frozen=True, slots=True)
class InputSeries:
    """A made-up series: one value an interval, None where there is none."""

    labels: Labels
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """One alert that should fire."""

    labels: Labels
    annotations: Labels


@dataclass(frozen=True, slots=True)
class AlertCase:
    """The alerts of one name that should fire at `at`, seconds after the start."""

    at: float
    alertname: str
    alerts: tuple[ExpectedAlert, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ExprCase:
    """What an expression should answer at `at`, seconds after the start: series and values."""

    at: float
    expr: str
    samples: tuple[tuple[Labels, float], ...]
    place: Place


@dataclass(frozen=True, slots=True)
class TestGroup:
    """One test: series every `interval` seconds from `start` (Unix seconds) on, and what is expected of them."""

    __test__ = False  # pytest: this is no test class

    name: str
    interval: float
    start: float
    series: tuple[InputSeries, ...]
    alerts: tuple[AlertCase, ...]
    exprs: tuple[ExprCase, ...]
    external_labels: Labels
    external_url: str
    place: Place


@dataclass(frozen=True, slots=True)
class TestFile:
    """One file of tests. `fuzzy` lets numbers differ in the last bit."""

    __test__ = False  # pytest: this is no test class

    rule_files: tuple[str, ...]
    evaluation_interval: float
    order: tuple[str, ...]
    tests: tuple[TestGroup, ...]
    fuzzy: bool


def read_tests(path: Path) -> TestFile:
    """The tests of one file. Raises YamlInvalid with every problem."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise YamlInvalid([Problem(str(path), 1, 1, f"cannot read the test file: {error.strerror or error}")]) from None
    document = read(raw, str(path), scalars="text")
    reader = _Reader(list(document.problems))
    tests = reader.file(document.root)
    if reader.problems:
        raise YamlInvalid(sorted(reader.problems))
    return tests


class _Reader(Form):
    """Walks one test file's values."""

    def file(self, root: Node) -> TestFile:
        if root.value is not None:
            self.is_mapping(root, "a test file", _FILE_KEYS)
        every = self.duration(root, "evaluation_interval") or 60.0
        return TestFile(
            rule_files=tuple(self.scalar(node, "rule_files") for node in self.entries(root, "rule_files")),
            evaluation_interval=every,
            order=self._order(root),
            tests=tuple(self._test(node, every) for node in self.entries(root, "tests")),
            fuzzy=self._flag(root, "fuzzy_compare"),
        )

    def _order(self, root: Node) -> tuple[str, ...]:
        names: list[str] = []
        for node in self.entries(root, "group_eval_order"):
            name = self.scalar(node, "group_eval_order")
            if name in names:
                self.problem(node.place, f"the group {name!r} is repeated in group_eval_order")
            names.append(name)
        return tuple(names)

    def _flag(self, node: Node, key: str) -> bool:
        text = self.text(node, key)
        if text not in ("", "true", "True", "TRUE", "false", "False", "FALSE"):
            self.problem(node.mapping[key].place, f"`{key}` is true or false, not {text!r}")
        return text.lower() == "true"

    def _test(self, node: Node, every: float) -> TestGroup:
        self.is_mapping(node, "a test", _TEST_KEYS)
        return TestGroup(
            name=self.text(node, "name"),
            interval=self.duration(node, "interval") or every,
            start=self._start(node),
            series=self._series(node),
            alerts=tuple(self._alert(child) for child in self.entries(node, "alert_rule_test")),
            exprs=tuple(self._expr(child) for child in self.entries(node, "promql_expr_test")),
            external_labels=self._pairs(node, "external_labels"),
            external_url=self.text(node, "external_url"),
            place=node.place,
        )

    def _start(self, node: Node) -> float:
        text = self.text(node, "start_timestamp")
        if not text:
            return 0.0
        if _FLOAT.fullmatch(text):
            return float(text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = datetime.min
        if moment.tzinfo is None:
            place = node.mapping["start_timestamp"].place
            self.problem(place, f"{text!r} is neither Unix seconds nor a time such as 2026-11-11T20:00:00Z")
            return 0.0
        return moment.timestamp()

    def _series(self, node: Node) -> tuple[InputSeries, ...]:
        found: dict[Labels, InputSeries] = {}
        for child in self.entries(node, "input_series"):
            self.is_mapping(child, "an input series", ("series", "values"))
            try:
                labels = parse_series(self.text(child, "series"))
                found[labels] = InputSeries(labels, tuple(parse_values(self.text(child, "values"))))
            except NotationError as error:
                self.problem(child.place, str(error))
        return tuple(found.values())

    def _alert(self, node: Node) -> AlertCase:
        self.is_mapping(node, "an alert_rule_test", ("eval_time", "alertname", "exp_alerts"))
        name = self.text(node, "alertname")
        if not name:
            self.problem(node.place, "an alert_rule_test needs the `alertname` that it is about")
        alerts = tuple(self._expected(child, name) for child in self.entries(node, "exp_alerts"))
        return AlertCase(self.duration(node, "eval_time"), name, alerts, node.place)

    def _expected(self, node: Node, name: str) -> ExpectedAlert:
        if node.value is not None:
            self.is_mapping(node, "an expected alert", ("exp_labels", "exp_annotations"))
        labels = dict(self._pairs(node, "exp_labels")) | {"alertname": name}
        return ExpectedAlert(tuple(sorted(labels.items())), self._pairs(node, "exp_annotations"))

    def _expr(self, node: Node) -> ExprCase:
        self.is_mapping(node, "a promql_expr_test", ("expr", "eval_time", "exp_samples"))
        samples = []
        for child in self.entries(node, "exp_samples"):
            self.is_mapping(child, "an expected sample", ("labels", "value", "histogram"))
            if self.text(child, "histogram"):
                self.problem(child.key_place("histogram"), "native histograms are not evaluated by Shopwatch")
            try:
                samples.append((parse_series(self.text(child, "labels")), self._float(child)))
            except NotationError as error:
                self.problem(child.place, str(error))
        return ExprCase(self.duration(node, "eval_time"), self.text(node, "expr"), tuple(samples), node.place)

    def _float(self, node: Node) -> float:
        text = self.text(node, "value")
        word = _WORDS.get(text.lower())
        if word is not None or not text:
            return float(word or 0)
        if not _FLOAT.fullmatch(text):
            self.problem(node.mapping["value"].place, f"{text!r} is not a number; infinities are written .inf")
            return 0.0
        return float(text.replace("_", ""))

    def _pairs(self, node: Node, key: str) -> Labels:
        child = node.mapping.get(key)
        if child is None or child.value is None:
            return ()
        if not isinstance(child.value, dict):
            self.problem(child.place, f"`{key}` takes names and texts, not {child.kind}")
        return tuple(sorted((name, self.scalar(value, name)) for name, value in child.mapping.items()))
