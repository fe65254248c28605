"""Goes through rule files with every check, and leaves out what a comment allows.

A comment inside or right above a rule, `# rules check: allow counter, for (why)`, switches those checks off for it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from alerts.lint.carried import lost_labels
from alerts.lint.catalogue import Catalogue
from alerts.lint.expansion import templates_expand
from alerts.lint.metrics import (
    counts_that_never_reach_zero,
    guarded_metrics,
    misread_counters,
    silent_when_gone,
    unknown_metrics,
)
from alerts.lint.reach import unreachable_thresholds
from alerts.lint.remark import Found, Remark, place_of
from alerts.lint.story import Runbooks, runbook_stands, told_completely
from alerts.lint.timing import waits_long_enough, windows_hold_two_samples
from alerts.promql import parse
from alerts.promql.node import Node
from alerts.rule import AlertingRule, RecordingRule, Rule, RuleGroup, identity

_ALLOW = re.compile(r"#\s*rules check:\s*allow\s+([a-z]+(?:\s*,\s*[a-z]+)*)")


@dataclass(frozen=True, slots=True)
class _Scene:
    """One rule under review, with what surrounds it."""

    rule: Rule
    group: RuleGroup
    root: Node
    catalogue: Catalogue
    recorded: set[str]
    guarded: set[str]
    runbooks: Runbooks
    sample_interval: float

    @property
    def alert(self) -> AlertingRule | None:
        return self.rule if isinstance(self.rule, AlertingRule) else None


def _for_alerts(check: Callable[[AlertingRule, _Scene], Found]) -> Callable[[_Scene], Found]:
    return lambda scene: check(scene.alert, scene) if scene.alert else iter(())


#: Every check by its name, in the order of the report.
CHECKS: dict[str, Callable[[_Scene], Found]] = {
    "story": _for_alerts(lambda rule, scene: told_completely(rule)),
    "runbook": _for_alerts(lambda rule, scene: runbook_stands(rule, scene.runbooks)),
    "metric": lambda scene: unknown_metrics(scene.root, scene.catalogue, scene.recorded),
    "counter": lambda scene: misread_counters(scene.root, scene.catalogue),
    "for": _for_alerts(lambda rule, scene: waits_long_enough(rule, scene.group)),
    "window": lambda scene: windows_hold_two_samples(scene.root, scene.sample_interval),
    "absent": _for_alerts(lambda rule, scene: silent_when_gone(rule, scene.root, scene.catalogue, scene.guarded)),
    "count": lambda scene: counts_that_never_reach_zero(scene.root),
    "threshold": lambda scene: unreachable_thresholds(scene.root),
    "label": _for_alerts(lambda rule, scene: lost_labels(rule, scene.root)),
    "template": _for_alerts(lambda rule, scene: templates_expand(rule)),
}


def review(
    groups: Sequence[RuleGroup],
    sources: dict[str, str],
    catalogue: Catalogue,
    runbooks: Runbooks,
    *,
    sample_interval: float = 15.0,
) -> list[Remark]:
    """Everything to remark about these groups, in the order of the files.

    `sources` are the files' texts by name. `sample_interval` (seconds) is how often series get a sample.
    """
    rules = [(group, rule) for group in groups for rule in group.rules]
    roots = {id(rule): parse(rule.expr).root for _, rule in rules}
    recorded = {rule.record for _, rule in rules if isinstance(rule, RecordingRule)}
    guarded = {name for root in roots.values() for name in guarded_metrics(root)} | recorded
    remarks: list[Remark] = list(_duplicates(rules))
    for group, rule in rules:
        scene = _Scene(rule, group, roots[id(rule)], catalogue, recorded, guarded, runbooks, sample_interval)
        for name, check in CHECKS.items():
            source = sources.get(group.file, "")
            remarks += [Remark(place_of(rule, source, offset), name, text) for offset, text in check(scene)]
    allowed = _allowed(rules, sources)
    return sorted({remark for remark in remarks if remark.check not in allowed(remark)})


def _duplicates(rules: Sequence[tuple[RuleGroup, Rule]]) -> Iterator[Remark]:
    """Two rules of one name and the same labels make series or alerts that cannot be told apart."""
    first: dict[object, Rule] = {}
    for _, rule in rules:
        before = first.setdefault(identity(rule), rule)
        if before is rule:
            continue
        what = "alert" if isinstance(rule, AlertingRule) else "recording rule"
        same = "is the same rule" if before.expr == rule.expr else "has the same name and labels"
        yield Remark(rule.place, "duplicate", f"the {what} {rule.name} {same} as the one in {before.place}")


def _allowed(rules: Sequence[tuple[RuleGroup, Rule]], sources: dict[str, str]) -> Callable[[Remark], set[str]]:
    """Which checks the comments around a remark's rule switch off."""
    starts: dict[str, list[int]] = {}
    for group, rule in rules:
        starts.setdefault(group.file, []).append(rule.place.line)
    for lines in starts.values():
        lines.sort()

    def allowed(remark: Remark) -> set[str]:
        lines = sources.get(remark.place.file, "").splitlines()
        begins = max((line for line in starts.get(remark.place.file, []) if line <= remark.place.line), default=1)
        ends = min((line for line in starts.get(remark.place.file, []) if line > begins), default=len(lines) + 1)
        while begins > 1 and lines[begins - 2].lstrip().startswith("#"):
            begins -= 1
        while ends - 2 > begins and lines[ends - 2].lstrip().startswith("#"):
            ends -= 1
        found = [match[1] for line in lines[begins - 1 : ends - 1] if (match := _ALLOW.search(line))]
        return {word.strip() for words in found for word in words.split(",")}

    return allowed
