"""Finds the rule files that a config names: our own packs as `builtin`, and the shop's as globs."""

from pathlib import Path

from monitor.config.files import expand
from monitor.config.model import shipped_packs
from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from monitor.config.validate import folder_of
from probes.yamlfile import Node

BUILTIN = "builtin"


def rule_files(section: Node | None, problems: Problems) -> tuple[Path, ...]:
    """Every rule file, absolute, each once, in the order of the config; all shipped packs when it says nothing."""
    if section is None or section.value is None:
        return tuple(_packs())
    found: dict[Path, None] = {}
    for node in section.items or [section]:
        if not isinstance(node.value, str):
            problems.add(node.place, "rules takes a list of globs, such as [builtin, rules/*.yml]")
            continue
        found |= dict.fromkeys(_named(node, node.value, problems))
    return tuple(found)


def _named(node: Node, pattern: str, problems: Problems) -> list[Path]:
    if pattern == BUILTIN:
        return _packs()
    if pattern.startswith(f"{BUILTIN}/"):
        wanted = pattern.removeprefix(f"{BUILTIN}/")
        packs = [pack for pack in _packs() if pack.stem == wanted]
        if not packs:
            known = did_you_mean(wanted, [pack.stem for pack in _packs()])
            problems.add(node.place, f"rules: there is no shipped pack {wanted!r}{known}")
        return packs
    folder = folder_of(node)
    files = [file for file in expand(folder, pattern) if file.is_file()]
    if not files:
        problems.add(node.place, f"rules: no file matches {pattern} in {folder}")
    return files


def _packs() -> list[Path]:
    return sorted(shipped_packs().glob("*.yml"))
