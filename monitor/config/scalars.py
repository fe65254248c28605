"""Checks the single values that a validator would take too kindly: secrets that cannot be read, numbers as booleans."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel

from monitor.config.parts import parts
from monitor.config.problems import Problems
from monitor.config.sentences import unexpected
from probes.interpolated import Interpolated
from probes.settings import Secret, SecretUnreadable, Settings
from probes.yamlfile import Node


def check_scalars(model: type[Settings], node: Node, folder: Path, problems: Problems) -> None:
    """Note every secret below this node that cannot be read now, and every boolean that is none.

    Secrets written into the file itself are kept out of all messages. `folder` is where relative paths begin.
    """
    for part, here in parts(model, node):
        for name in part.secret_fields():
            _check_secret(name, here, folder, problems)
        for key in _booleans(part):
            value = here.step(key)
            if value is not None and not isinstance(value.value, bool | Interpolated | list | dict | None):
                problems.settle(value.place, unexpected(key, ["true or false"], value.kind, value.written))


@cache
def _booleans(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that take nothing but true or false."""
    fields = model.model_fields.items()
    return tuple(field.alias or name for name, field in fields if field.annotation in (bool, bool | None))


def _check_secret(name: str, node: Node, folder: Path, problems: Problems) -> None:
    given, file = node.step(name), node.step(f"{name}_file")
    if given is not None and isinstance(given.value, str):
        if not isinstance(given.value, Interpolated):
            problems.keep_secret(given.value, name, given.place)
        if not given.value:
            problems.settle(given.place, f"{name} is empty")
    if file is not None and isinstance(file.value, str):
        secret = Secret(file=Path(folder, str(file.value)))
        try:
            if not secret.read():
                problems.add(file.place, f"the secret file {secret.file} is empty")
        except SecretUnreadable as error:
            problems.add(file.place, str(error))
