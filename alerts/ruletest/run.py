"""Runs unit tests for rules as promtool does: every rule at every evaluation interval, compared when asked for."""

import glob
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.active import State
from alerts.promql import Engine
from alerts.rule import Element, Query, RuleFailed, RuleGroup, milliseconds
from alerts.rulefile import read_file
from alerts.rulegroup import GroupRun
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings
from alerts.ruletest.cases import AlertCase, ExpectedAlert, ExprCase, TestFile, TestGroup, read_tests
from alerts.ruletest.difference import alert_difference, sample_difference
from alerts.ruletest.samples import TestSamples
from probes.units import format_duration
from probes.yamlfile import Problem, YamlInvalid


@dataclass(frozen=True, slots=True)
class Report:
    """How one test file fared: `failures` are texts to print, `warnings` too, and do not make it fail."""

    file: str
    tests: int
    failures: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return not self.failures


def run_file(path: Path) -> Report:
    """Runs all tests of one file."""
    try:
        tests = read_tests(path)
    except YamlInvalid as error:
        return Report(str(path), 0, tuple(map(str, error.problems)))
    files, warnings = _rule_files(path.parent, tests.rule_files)
    failures = [failure for test in tests.tests for failure in _run_test(test, tests, files)]
    return Report(str(path), len(tests.tests), tuple(failures), tuple(warnings))


def _rule_files(folder: Path, patterns: Iterable[str]) -> tuple[list[Path], list[str]]:
    files: list[Path] = []
    warnings = []
    for pattern in patterns:
        found = sorted(glob.glob(str(folder / pattern)))  # noqa: PTH207 - a pattern may be absolute, Path.glob's not
        files += [Path(os.path.normpath(name)) for name in found]
        if not found:
            warnings.append(f"no file matches {folder / pattern}")
    return files, warnings


def _run_test(test: TestGroup, tests: TestFile, files: list[Path]) -> list[str]:
    groups: list[RuleGroup] = []
    problems: list[Problem] = []
    for file in files:
        read = read_file(file, test.interval)
        groups += read.groups
        problems += read.problems
    if problems:
        return [str(problem) for problem in problems]
    order = {name: position for position, name in enumerate(tests.order)}
    ordered = sorted(groups, key=lambda group: order.get(group.name, 0))
    return _Test(test, tests, ordered).run()


class _Test:
    """One test under way."""

    def __init__(self, test: TestGroup, tests: TestFile, groups: Sequence[RuleGroup]) -> None:
        self._test, self._every, self._fuzzy = test, milliseconds(tests.evaluation_interval), tests.fuzzy
        around = Surroundings(dict(test.external_labels), test.external_url)
        self._groups = [GroupRun(group, around, lambda: 0.0) for group in groups]
        self._samples = TestSamples()
        self._loaded = 0
        self._start = milliseconds(test.start)
        engine = Engine(self._samples, subquery_step=tests.evaluation_interval)
        self._query: Query = query_of(engine)

    def run(self) -> list[str]:
        """Every failure, as text."""
        asked = [alert.at for alert in self._test.alerts] + [expr.at for expr in self._test.exprs]
        end = milliseconds(max(asked, default=0.0))
        failures: list[str] = []
        for since in range(0, end + 1, self._every):
            broken = self._evaluate(since)
            if broken:
                return failures + broken
            for case in self._test.alerts:
                if since <= milliseconds(case.at) < since + self._every:
                    failures += self._check_alert(case)
        for expr in self._test.exprs:
            failures += self._check_expr(expr)
        return failures

    def _evaluate(self, since: int) -> list[str]:
        self._load(since)
        failures = []
        for group in self._groups:
            for rule, reason in group.evaluate(self._start + since, self._query, self._samples.append):
                failures.append(f"{rule.place}: rule {rule.name} failed at {format_duration(since / 1000)}: {reason}")
        return failures

    def _load(self, until: int) -> None:
        """Let the input series' samples come, up to this many milliseconds after the start."""
        step = milliseconds(self._test.interval)
        last = until // step
        for series in self._test.series:
            for index in range(self._loaded, min(last + 1, len(series.values))):
                value = series.values[index]
                if value is not None:
                    self._samples.append(series.labels, self._start + index * step, value)
        self._loaded = last + 1

    def _check_alert(self, case: AlertCase) -> list[str]:
        got = [
            ExpectedAlert(alert.labels, tuple(sorted(alert.annotations.items())))
            for group in self._groups
            for run, alert in group.alerts()
            if run.rule.name == case.alertname and alert.state is State.FIRING
        ]
        if _sorted(got) == _sorted(case.alerts):
            return []
        title = f"{case.place}: {self._named()}alert {case.alertname} at {format_duration(case.at)}"
        return [f"{title}\n{alert_difference(case.alerts, got)}"]

    def _check_expr(self, case: ExprCase) -> list[str]:
        title = f"{case.place}: {self._named()}expression {case.expr!r} at {format_duration(case.at)}"
        try:
            got = list(self._query(case.expr, self._start + milliseconds(case.at)))
        except RuleFailed as error:
            return [f"{title} failed: {error}"]
        wanted, found = sorted(case.samples, key=_labels), sorted(got, key=_labels)
        same = len(wanted) == len(found) and all(map(self._equal, wanted, found))
        return [] if same else [f"{title}\n{sample_difference(wanted, found)}"]

    def _equal(self, wanted: Element, found: Element) -> bool:
        if wanted[0] != found[0]:
            return False
        near = wanted[1] in (math.nextafter(found[1], math.inf), math.nextafter(found[1], -math.inf))
        return wanted[1] == found[1] or (self._fuzzy and near)

    def _named(self) -> str:
        return f"{self._test.name}: " if self._test.name else ""


def _labels(element: Element) -> tuple[tuple[str, str], ...]:
    return element[0]


def _sorted(alerts: Iterable[ExpectedAlert]) -> list[ExpectedAlert]:
    return sorted(alerts, key=lambda alert: (alert.labels, alert.annotations))
