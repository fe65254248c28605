"""Finds the rule files that a config names: our own packs as `builtin`, and the shop's as globs; and reads them."""

from collections.abc import Iterable
from pathlib import Path

from alerts.rule import AlertingRule
from alerts.rulefile import read_file
from monitor.config.files import MOST_FILES, beside, expand
from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from monitor.config.validate import folder_of
from probes.yamlfile import Node

BUILTIN = "builtin"


def shipped(package: str) -> Path:
    """The folder of one of our own packages, where its data files lie. Never one of that name in the working folder."""
    return Path(__file__).parents[2] / package


def rule_files(section: Node | None, problems: Problems) -> tuple[Path, ...]:
    """Every rule file, absolute, each once, in the order of the config; all shipped packs when it says nothing."""
    if section is None or section.value is None:
        return tuple(packs())
    found: dict[Path, None] = {}
    if not isinstance(section.value, list):
        problems.add(section.place, f"rules takes a list of globs, such as [builtin, rules/*.yml], not {section.kind}")
    for node in section.items:
        if isinstance(node.value, str):
            found |= dict.fromkeys(_named(node, node.value, problems))
        else:
            problems.add(node.place, f"rules takes globs, such as rules/*.yml, not {node.kind}")
    return tuple(found)


def _named(node: Node, pattern: str, problems: Problems) -> list[Path]:
    if pattern == BUILTIN:
        return packs()
    if pattern.startswith(f"{BUILTIN}/"):
        wanted = pattern.removeprefix(f"{BUILTIN}/")
        found = [pack for pack in packs() if pack.stem == wanted]
        if not found:
            known = did_you_mean(wanted, [pack.stem for pack in packs()])
            problems.add(node.place, f"rules: there is no shipped pack {wanted!r}{known}")
        return found
    files = [file for file in expand(folder_of(node), pattern) if file.is_file()]
    if not files:
        problems.add(node.place, f"rules: no file matches {beside(pattern)}")
    elif len(files) > MOST_FILES:
        problems.add(node.place, f"rules: more than {MOST_FILES} files match {beside(pattern)}")
    return files


def packs() -> list[Path]:
    """The packs that we ship, by name."""
    return sorted((shipped("alerts") / "rules").glob("*.yml"))


def read_rules(files: Iterable[Path], runbooks: Iterable[Path], problems: Problems) -> list[AlertingRule]:
    """The alerting rules of these files. What is wrong in them is noted, and every alert without a runbook.

    `runbooks` are the folders in which a runbook may lie as NAME.md.
    """
    folders = list(runbooks)
    alerts = []
    for file in files:
        content = read_file(_shown(file))
        problems.extend(content.problems)
        for group in content.groups:
            alerts += [rule for rule in group.rules if isinstance(rule, AlertingRule)]
    for alert in alerts:
        _check_runbook(alert, folders, problems)
    return alerts


def _check_runbook(alert: AlertingRule, folders: list[Path], problems: Problems) -> None:
    url = dict(alert.annotations).get("runbook_url", "")
    if not url:
        problems.add(
            alert.place,
            f"the alert {alert.alert} has no runbook; add the annotation runbook_url: runbooks/{alert.alert}, "
            f"and write runbooks/{alert.alert}.md",
        )
    elif url.startswith("runbooks/") and "{{" not in url:
        name = url.removeprefix("runbooks/").partition("#")[0]
        if not any((folder / f"{name}.md").is_file() for folder in folders):
            message = f"the runbook of {alert.alert} is missing; write runbooks/{name}.md beside the config"
            problems.add(alert.place, message)


def _shown(file: Path) -> Path:
    """A file's name as short as it can be said from here."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
