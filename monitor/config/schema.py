"""Describes the whole config as a JSON Schema, so that an editor completes and checks it while it is written."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from alerts.notifiers import CHANNELS
from monitor.config.kinds import settings_model
from monitor.config.model import Config
from probes import KINDS
from probes.backup import ENGINES
from probes.registry import Registry
from probes.units import format_duration, format_size

_SECTIONS: tuple[tuple[str, Registry], ...] = (("probes", KINDS), ("backups", ENGINES), ("notifiers", CHANNELS))
_VARIABLE = {"type": "string", "pattern": r"\$\{.+\}"}
_BOUNDS = {"gt", "ge", "lt", "le", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_Schema = dict[str, Any]


def schema() -> _Schema:
    """The schema. Raises what importing a kind raises."""
    kinds = {
        (section, kind): settings_model(registry, kind) for section, registry in _SECTIONS for kind in registry.names()
    }
    models: list[type[BaseModel]] = [Config, *kinds.values()]
    references, definitions = models_json_schema([(model, "validation") for model in models], by_alias=True)
    found: _Schema = definitions["$defs"]
    for value in found.values():
        _as_written(value)
    names = {key: references[model, "validation"]["$ref"].rpartition("/")[2] for key, model in kinds.items()}
    for (_, kind), name in names.items():
        _choose(found[name], kind)
    config = found.pop(references[Config, "validation"]["$ref"].rpartition("/")[2])
    for section, registry in _SECTIONS:
        entries = {kind: f"#/$defs/{names[section, kind]}" for kind in registry.names()}
        config["properties"][section] |= {"type": "array", "items": _by_type(entries)}
    probes = [found[names["probes", kind]] for kind in KINDS.names()]
    config["properties"] |= _only_written(probes)
    used = _mentioned(config, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shopwatch config",
        **config,
        "$defs": {name: found[name] for name in sorted(used)},
    }


def _mentioned(part: Any, definitions: _Schema, seen: set[str] | None = None) -> set[str]:
    """The names of the definitions that this part refers to, and those that they refer to."""
    seen = set() if seen is None else seen
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        _mentioned(value, definitions, seen)
    name = str(part.get("$ref", "")).rpartition("/")[2] if isinstance(part, dict) else ""
    if name and name not in seen:
        seen.add(name)
        _mentioned(definitions[name], definitions, seen)
    return seen


def _choose(settings: _Schema, kind: str) -> None:
    """One kind's settings are those whose `type` is its name."""
    settings["properties"]["type"] = {"const": kind}
    settings["required"] = [
        "name",
        "type",
        *(key for key in settings.get("required", []) if key not in ("name", "type")),
    ]


def _by_type(references: dict[str, str]) -> _Schema:
    """An entry whose other keys depend on its `type`: editors then complain about the right kind only."""
    return {
        "type": "object",
        "required": ["name", "type"],
        "properties": {"type": {"enum": list(references)}},
        "allOf": [
            {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": {"$ref": reference}}
            for kind, reference in references.items()
        ],
    }


def _only_written(probes: list[_Schema]) -> _Schema:
    """The words that steer how a config is read, and are gone once it is."""
    shared: _Schema = {}
    for settings in probes:
        for key, value in settings["properties"].items():
            shared.setdefault(key, {name: part for name, part in value.items() if name != "default"})
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "openslo": texts | {"description": Config.model_fields["openslo"].description},
        "rules": texts | {"description": Config.model_fields["rules"].description, "default": ["builtin"]},
        "include": texts | {"description": "More files of this config: globs, relative to the file that names them."},
        "defaults": {
            "type": "object",
            "description": "What every probe does that does not say otherwise.",
            "additionalProperties": False,
            "properties": {key: shared[key] for key in sorted(shared.keys() - {"name", "type"})},
        },
    }


def _as_written(part: Any) -> None:
    """Values as YAML has them: defaults with their units, and `${VAR}` wherever a number or a boolean may stand."""
    if isinstance(part, list):
        for item in part:
            _as_written(item)
    if not isinstance(part, dict):
        return
    part.pop("title", None) if isinstance(part.get("title"), str) else None
    unit = part.get("x-unit") or next((one.get("x-unit") for one in part.get("anyOf", []) if "x-unit" in one), None)
    if unit and isinstance(part.get("default"), int | float):
        part["default"] = _with_unit(unit, part["default"])
    for value in list(part.values()):
        _as_written(value)
    if part.get("type") in ("integer", "number", "boolean") or "x-unit" in part:
        kept = {key: part.pop(key) for key in list(part) if key not in ("description", "default")}
        if "x-unit" in kept:  # pydantic's bounds are of the number behind the text
            kept = {key: value for key, value in kept.items() if key not in _BOUNDS}
        part["anyOf"] = [kept, _VARIABLE]


def _with_unit(unit: str, value: float) -> str:
    if unit == "duration":
        return format_duration(value)
    return format_size(int(value)) if unit == "size" else f"{value * 100:g}%"
