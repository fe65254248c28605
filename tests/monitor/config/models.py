"""Every model that a config is made of, found by walking from Config and all kinds."""

from typing import Any, get_args

from pydantic import BaseModel

from alerts.notifiers import CHANNELS
from monitor.config.kinds import settings_model
from monitor.config.model import Config
from probes import KINDS
from probes.backup import ENGINES
from probes.registry import Registry
from probes.settings import Settings

SECTIONS: dict[str, Registry] = {"probes": KINDS, "backups": ENGINES, "notifiers": CHANNELS}


def kinds() -> dict[tuple[str, str], type[Settings]]:
    return {
        (section, kind): settings_model(registry, kind)
        for section, registry in SECTIONS.items()
        for kind in registry.names()
    }


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def all_models() -> list[type[Settings]]:
    pending: list[type[BaseModel]] = [Config, *kinds().values()]
    seen: dict[type[Settings], None] = {}
    while pending:
        model = pending.pop()
        assert issubclass(model, Settings), f"{model.__name__} is part of the config, but is no Settings: it may leak"
        if model not in seen:
            seen[model] = None
            pending += [inner for field in model.model_fields.values() for inner in models_in(field.annotation)]
    return list(seen)
