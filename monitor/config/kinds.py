"""Builds what is chosen by `type:` (probes, backups, notifiers) with the model that lies beside each kind."""

from collections.abc import Callable
from typing import Any, NamedTuple

from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from monitor.config.validate import validate
from probes.registry import Registry, UnknownKind
from probes.settings import Settings
from probes.yamlfile import Node

Completion = Callable[[type[Settings], Node], Node]


class Entry(NamedTuple):
    """One entry of a section as it was written, with its name, and its settings unless something is wrong with them."""

    node: Node
    name: str
    settings: Any | None


def build(
    section: Node | None, word: str, registry: Registry, problems: Problems, complete: Completion | None = None
) -> list[Entry]:
    """Every entry of a section. `word` says what one of them is: probe, backup or notifier.

    `complete` fills in, from the defaults, what an entry does not say. Problems are noted, names are unique.
    """
    if section is None or section.value is None:
        return []
    if not isinstance(section.value, list):
        problems.add(section.place, f"{word}s must be a list (- name: …), not {section.kind}")
        return []
    entries = [_entry(node, word, registry, problems, complete) for node in section.items]
    unique(entries, word, problems)
    return entries


def unique(entries: list[Entry], word: str, problems: Problems) -> None:
    """Note every name that is taken already."""
    first: dict[str, Node] = {}
    for entry in entries:
        if not entry.name:
            continue
        named = entry.node.mapping["name"]
        if entry.name in first:
            where = first[entry.name].place
            problems.add(
                named.place, f"there is already a {word} named {entry.name!r}, in {where}; every name is unique"
            )
        else:
            first[entry.name] = named


def _entry(node: Node, word: str, registry: Registry, problems: Problems, complete: Completion | None) -> Entry:
    if not isinstance(node.value, dict):
        problems.add(node.place, f"a {word} is a mapping (name: …, type: …), not {node.kind}")
        return Entry(node, "", None)
    named, chosen = node.mapping.get("name"), node.mapping.get("type")
    name = named.value if named and isinstance(named.value, str) else ""
    what = f"{word} {name!r}" if name else f"this {word}"
    if chosen is None:
        problems.add(node.place, f"{what} needs a type: {', '.join(registry.names())}")
        return Entry(node, name, None)
    model = _model(chosen, word, registry, problems)
    if model is None:
        return Entry(node, name, None)
    if complete is not None:
        node = complete(model, node)
    return Entry(node, name, validate(model, node, what, problems))


def _model(chosen: Node, word: str, registry: Registry, problems: Problems) -> type[Settings] | None:
    kind, known = chosen.value, registry.names()
    if not isinstance(kind, str) or kind not in known:
        shown = repr(chosen.written) if chosen.written else chosen.kind
        problems.add(chosen.place, f"{shown} is no type of {word}{did_you_mean(str(kind), known)}")
        return None
    try:
        return settings_model(registry, kind)
    except (ImportError, AttributeError, UnknownKind) as error:
        problems.add(chosen.place, f"the {word} type {kind} cannot be loaded: {error}")
        return None


def settings_model(registry: Registry, kind: str) -> type[Settings]:
    """The model of one kind's settings. Raises what importing the kind raises."""
    model: type[Settings] = registry.get(kind).settings_model
    return model
