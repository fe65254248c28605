"""Checks what objectives refer to, reads those that are written in OpenSLO, and makes rules of them all."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.objective import Objective
from alerts.objectiverules import FILE, rules_text
from alerts.openslo import read_slos
from alerts.rule import AlertingRule, RuleGroup
from alerts.rulefile import read_rules
from monitor.config.files import beside, expand
from monitor.config.kinds import Entry
from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from monitor.config.validate import folder_of
from monitor.metrics.tally import BOUNDS
from probes.units import format_duration, parse_duration
from probes.yamlfile import Node

if TYPE_CHECKING:
    from monitor.config.model import Config

#: Who answers for an objective that names nobody, and whose probe names nobody.
NOBODY = "shop"


def check_objectives(root: Node, probes: Iterable[Entry], problems: Problems) -> None:
    """Note objectives of no probe, names that are taken, and latencies that nothing counts."""
    known = [probe.name for probe in probes if probe.name]
    names: dict[str, Node] = {}
    section = root.mapping.get("objectives", root)
    for node in section.items:
        name, of = node.step("name"), node.step("of")
        if name is not None and isinstance(name.value, str):
            first = names.setdefault(name.value, name)
            if first is not name:
                message = f"there is already an objective named {name.value!r}, in {first.place}; every name is unique"
                problems.add(name.place, message)
        if of is not None and isinstance(of.value, str) and of.value and of.value not in known:
            problems.add(of.place, f"there is no probe {of.value!r}{did_you_mean(of.value, known)}")
        _check_bound(node, problems)


def _check_bound(node: Node, problems: Problems) -> None:
    """Looks are counted by how long they took at most; between two bounds nobody knows."""
    limit = node.step("faster_than")
    try:
        seconds = parse_duration(limit.value) if limit is not None else BOUNDS[0]
    except ValueError:
        return  # which the model says
    if limit is not None and seconds not in BOUNDS:
        bounds = ", ".join(map(format_duration, BOUNDS))
        problems.add(limit.place, f"looks are not counted at {limit.written or limit.value}; take one of {bounds}")


def read_openslo(section: Node | None, problems: Problems) -> dict[Path, list[Objective]]:
    """The objectives of every file that `openslo` names. What is wrong with them is noted."""
    if section is None or section.value is None:
        return {}
    if not isinstance(section.value, list):
        problems.add(section.place, f"openslo takes a list of globs, such as [slo/*.yml], not {section.kind}")
    found: dict[Path, list[Objective]] = {}
    for node in section.items:
        if not isinstance(node.value, str):
            problems.add(node.place, f"openslo takes globs, such as slo/*.yml, not {node.kind}")
            continue
        named = [file for file in expand(folder_of(node), node.value) if file.is_file()]
        if not named:
            problems.add(node.place, f"openslo: no file matches {beside(node.value)}")
        for file in named:
            if file not in found:
                found[file] = _read(file, node, problems)
    return found


def _read(file: Path, node: Node, problems: Problems) -> list[Objective]:
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    try:
        found, wrong = read_slos(file.read_bytes(), str(shown))
    except OSError as error:
        problems.add(node.place, f"openslo: cannot read {shown}: {error.strerror}")
        return []
    problems.extend(wrong)
    return found


def check_names(config: "Config", root: Node, problems: Problems) -> None:
    """Note names that an OpenSLO file gives a second time."""
    taken: set[str] = set()
    for one in config.objectives:
        if one.name in taken and (section := root.step("openslo")) is not None:
            problems.add(section.place, f"there is already an objective named {one.name!r}; every name is unique")
        taken.add(one.name)


def objective_groups(config: "Config") -> tuple[RuleGroup, ...]:
    """The rule groups that the objectives become."""
    return tuple(group for text in objective_rules(config).values() for group in read_rules(text, FILE).groups)


def objective_alerts(config: "Config") -> list[AlertingRule]:
    """The alerts among them."""
    rules = [rule for group in objective_groups(config) for rule in group.rules]
    return [rule for rule in rules if isinstance(rule, AlertingRule)]


def objective_rules(config: "Config") -> dict[str, str]:
    """The rules of the objectives as a file by its name; none where there are no objectives."""
    owners = {probe.name: probe.owner for probe in config.probes}
    owned = [one.model_copy(update={"owner": one.owner or owners.get(one.of) or NOBODY}) for one in config.objectives]
    return {FILE: rules_text(owned)} if owned else {}
