"""Kinds by name: built-in ones are one line each in their package, an outside package adds its own by entry point."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any


class UnknownKind(Exception):
    """No kind of this name is built in or installed."""


class Registry:
    """The kinds of one package: `{"http": "probes.http:HttpProbe"}` and the entry points of `group`.

    A kind's module is imported when it is first asked for, so that a config pays only for what it uses.
    """

    def __init__(self, group: str, built_in: dict[str, str]) -> None:
        self._group = group
        self._built_in = built_in

    def names(self) -> list[str]:
        """Every kind that can be written as `type:`, sorted."""
        return sorted({*self._built_in, *_installed(self._group)})

    def get(self, name: str) -> Any:
        """The class of this kind. Raises UnknownKind."""
        return _load(self._group, name, self._built_in.get(name))


@cache
def _installed(group: str) -> tuple[str, ...]:
    """The names that installed packages add; reading their metadata costs milliseconds."""
    return tuple(point.name for point in entry_points(group=group))


@cache
def _load(group: str, name: str, path: str | None) -> Any:
    if path is not None:
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)
    for point in entry_points(group=group, name=name):
        return point.load()
    raise UnknownKind(name)
