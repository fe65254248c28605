"""Reads objectives that are written in OpenSLO, for shops that have them already. https://github.com/OpenSLO/OpenSLO

Taken are SLOs of openslo/v1 with a ratioMetric of Prometheus counters, good or bad and total, over a rolling window.
Whatever else an SLO says is refused with a sentence: an objective that means something other than its author did is
worse than none.
"""

import re
from typing import Any

from pydantic import ValidationError

from alerts.form import Form
from alerts.objective import WINDOW, Objective
from alerts.promql import PromqlError, parse
from alerts.promql.node import Aggregate, Selector
from probes.units import parse_duration, parse_ratio
from probes.yamlfile import Node, Place, Problem, read

_VERSION = "openslo/v1"
_NEXT = re.compile(rb"^---[ \t]*(?:#.*)?\r?$", re.MULTILINE)
#: How other generators write the window, which they fill in as we do.
_WINDOWS = re.compile(r"\{\{\s*\.window\s*\}\}|\$__window\b")
_SUM = re.compile(r"sum\s*\((.+)\)", re.DOTALL)
_PASSED_OVER = {"Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"}
_SLO_KEYS = (
    "description",
    "service",
    "indicator",
    "indicatorRef",
    "timeWindow",
    "budgetingMethod",
    "objectives",
    "alertPolicies",
)


def read_slos(raw: bytes, file: str, at_least: int = 3) -> tuple[list[Objective], list[Problem]]:
    """The objectives of one file, which may hold several documents, and everything wrong with it."""
    reader = _Reader(file, at_least)
    return reader.objectives(_documents(raw, file, reader.problems)), sorted(set(reader.problems))


def _documents(raw: bytes, file: str, problems: list[Problem]) -> list[Node]:
    """Each document, with the lines before it left empty so that places stay right."""
    found, begin = [], 0
    for end in [*(match.start() for match in _NEXT.finditer(raw)), len(raw)]:
        part = _NEXT.sub(b"", raw[begin:end], count=1)
        document = read(b"\n" * raw.count(b"\n", 0, begin) + part, file, scalars="text")
        problems.extend(document.problems)
        if document.root.value is not None:
            found.append(document.root)
        begin = end
    return found


class _Reader(Form):
    def __init__(self, file: str, at_least: int) -> None:
        super().__init__([])
        self._file, self._at_least = file, at_least
        self._indicators: dict[str, Node] = {}

    def objectives(self, documents: list[Node]) -> list[Objective]:
        slos = []
        for root in documents:
            version, kind = self.text(root, "apiVersion"), self.text(root, "kind")
            if version != _VERSION:
                said = f"apiVersion is {version!r}" if version else "it names no apiVersion"
                self.problem(root.place, f"only {_VERSION} is read, and {said}")
            elif kind == "SLI":
                self._indicators[self._name(root)] = _at(root, "spec")
            elif kind == "SLO":
                slos.append(root)
            elif kind not in _PASSED_OVER:
                self.problem(root.place, f"{kind!r} is no kind of OpenSLO; known are SLO and SLI")
        found = [self._objective(root) for root in slos]
        if not slos and not self.problems:
            self.problem(Place(self._file), "there is no SLO in this file")
        return [objective for objective in found if objective is not None]

    def _objective(self, root: Node) -> Objective | None:
        before, name, spec = len(self.problems), self._name(root), _at(root, "spec")
        self.known(spec, _SLO_KEYS, "an SLO")
        if self.entries(spec, "alertPolicies"):
            message = (
                "alert policies are not read: Shopwatch makes burn-rate alerts of its own; leave alertPolicies out"
            )
            self.problem(spec.key_place("alertPolicies"), message)
        method = self.text(spec, "budgetingMethod") or "Occurrences"
        if method != "Occurrences":
            place = spec.mapping["budgetingMethod"].place
            self.problem(place, f"the budgetingMethod {method} is not supported; only Occurrences is")
        settings = {
            "name": name,
            "objective": self._target(spec),
            "period": self._period(spec),
            "at_least": self._at_least,
            **self._counters(spec),
        }
        return self._made(settings, root) if len(self.problems) == before else None

    def _made(self, settings: dict[str, Any], root: Node) -> Objective | None:
        try:
            return Objective(**settings)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                reason = str(one.get("ctx", {}).get("error", "")) or one["msg"]
                word = f"{one['loc'][0]}: " if one["loc"] else ""
                self.problem(root.place, f"SLO {settings['name']!r}: {word}{reason}")
            return None

    def _name(self, root: Node) -> str:
        name = self.text(_at(root, "metadata"), "name")
        if not name:
            self.problem(root.place, "metadata.name is missing")
        return name

    def _target(self, spec: Node) -> float:
        targets = self.entries(spec, "objectives")
        if len(targets) != 1:
            self.problem(spec.key_place("objectives"), f"an SLO needs exactly one objective here, not {len(targets)}")
            return 0.5
        (one,) = targets
        self.known(one, ("displayName", "target", "targetPercent"), "an objective of a ratio")
        share, percent = self.text(one, "target"), self.text(one, "targetPercent")
        try:
            return parse_ratio(f"{percent}%") if percent else float(share)
        except ValueError:
            self.problem(one.place, "an objective needs `target`, such as 0.995, or `targetPercent`, such as 99.5")
            return 0.5

    def _period(self, spec: Node) -> float:
        windows = self.entries(spec, "timeWindow")
        if len(windows) != 1:
            self.problem(
                spec.key_place("timeWindow"), "an SLO needs one timeWindow, such as {duration: 30d, isRolling: true}"
            )
            return 30 * 86_400.0
        (window,) = windows
        if "calendar" in window.mapping or self.text(window, "isRolling") == "false":
            self.problem(window.place, "calendar windows are not supported; use {duration: 30d, isRolling: true}")
        try:
            return parse_duration(self.text(window, "duration"))
        except ValueError as error:
            self.problem(window.place, f"timeWindow: {error}")
            return 30 * 86_400.0

    def _indicator(self, spec: Node) -> Node | None:
        reference = self.text(spec, "indicatorRef")
        if not reference:
            return _at(_at(spec, "indicator"), "spec")
        if reference not in self._indicators:
            self.problem(spec.mapping["indicatorRef"].place, f"there is no SLI named {reference!r} in this file")
        return self._indicators.get(reference)

    def _counters(self, spec: Node) -> dict[str, str]:
        indicator = self._indicator(spec)
        if indicator is None:
            return {}
        if "thresholdMetric" in indicator.mapping:
            message = "a thresholdMetric is not supported; count what is good and all, as a ratioMetric"
            self.problem(indicator.key_place("thresholdMetric"), message)
        ratio = indicator.mapping.get("ratioMetric")
        if ratio is None:
            if "thresholdMetric" not in indicator.mapping:
                self.problem(indicator.place, "an SLO needs an indicator with a ratioMetric")
            return {}
        self.known(ratio, ("counter", "good", "bad", "total"), "a ratioMetric")
        if self.text(ratio, "counter").lower() == "false":
            self.problem(ratio.place, "only counters are supported: `counter: true`")
        return {part: self._query(ratio.mapping[part]) for part in ("good", "bad", "total") if part in ratio.mapping}

    def _query(self, part: Node) -> str:
        source = part.mapping.get("metricSource")
        if source is None:
            self.problem(part.place, "metricSource is missing")
            return ""
        kind = self.text(source, "type")
        if kind.lower() != "prometheus":
            said = f"not {kind!r}" if kind else "and this one names no type"
            self.problem(source.place, f"only metric sources of type Prometheus are read, {said}")
        query = self.text(_at(source, "spec"), "query")
        if not query.strip():
            self.problem(source.place, "spec.query is missing")
        return _counter(_WINDOWS.sub(lambda _: WINDOW, query.strip()))


def _counter(query: str) -> str:
    """`sum(counter)` is the counter: its growth is summed by us. Other expressions stay."""
    try:
        root = parse(query).root
    except PromqlError:
        return query
    inside = _SUM.fullmatch(query)
    is_sum = isinstance(root, Aggregate) and root.op == "sum" and isinstance(root.of, Selector)
    return inside[1].strip() if is_sum and inside is not None else query


def _at(node: Node, key: str) -> Node:
    """The mapping under a key; an empty one at the same place where there is none."""
    return node.mapping.get(key) or Node(node.place, {})
