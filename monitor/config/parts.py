"""Walks a part of the config and the models that it is checked against, side by side."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

from probes.settings import Settings
from probes.yamlfile import Key, Node

Model = type[BaseModel]


def parts(model: Model, node: Node) -> Iterator[tuple[type[Settings], Node]]:
    """Every mapping below a node, the node itself first, with the model that it must fit."""
    if not node.mapping or not issubclass(model, Settings):
        return
    yield model, node
    for key, inner in _below(model):
        child = node.step(key)
        for item in (child, *child.items, *child.mapping.values()) if child is not None else ():
            for below in inner:
                yield from parts(below, item)


def model_at(model: Model, way: Sequence[Key]) -> Model:
    """The model whose keys are meant at the end of a validator's way, where a branch of a union is a model's name."""
    models: tuple[Model, ...] = (model,)
    for key in way:
        found = tuple(inner for one in models for name, below in _below(one) if name == key for inner in below)
        models = found or tuple(one for one in models if one.__name__ == key) or models
    return models[0]


@cache
def _below(model: Model) -> tuple[tuple[str, tuple[Model, ...]], ...]:
    """The keys of a model that hold other models, and which."""
    held = ((field.alias or name, _models_in(field.annotation)) for name, field in model.model_fields.items())
    return tuple((key, models) for key, models in held if models)


def _models_in(annotation: Any) -> tuple[Model, ...]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for part in getattr(annotation, "__args__", ()) for model in _models_in(part))
