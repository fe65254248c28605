"""Collects everything that is wrong with a config, and sees to it that no secret is quoted while saying so."""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote

from probes.yamlfile import Node, Place, Problem

#: A piece of a secret this long must not be seen in a message about the value that holds it.
_TELLTALE = 4
#: A secret this long is hidden wherever it turns up; a shorter one could be any word, and is hidden in quotes.
_DISTINCT = 6
_URL_PASSWORD = re.compile(r"(://[^\s/@:'\"]*):[^\s@'\"]+@")


class ConfigError(Exception):
    """The config cannot be used; `problems` has every reason, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """What was found so far. Of several complaints about one place the first is kept: the others follow from it."""

    def __init__(self) -> None:
        self._found: dict[Place, list[Problem]] = {}
        self._settled: set[Place] = set()
        self._secrets: dict[str, str] = {}
        self._secrets_at: dict[Place, set[str]] = {}

    def keep_secret(self, value: str, name: str, place: Place) -> None:
        """Never show this value, which stands here; where a message would quote it, it says `name` instead."""
        if value:
            self._secrets[value] = name
            self._secrets_at.setdefault(place, set()).add(value)

    def add(self, place: Place, message: str, *, also: bool = False, within: Node | None = None) -> None:
        """Note a problem. With `also` it stands beside what a validator already said about this place.

        `within` is the part of the config that the message may quote, when that is more than the value at the place.
        """
        if place in self._settled:
            return
        near = self._secrets_at.get(place, set()) | (self._secrets_in(within) if within else set())
        problem = Problem.at(place, " ".join(self._without_secrets(message, near).split()))
        said = self._found.setdefault(place, [])
        if not said or (also and problem not in said):
            said.append(problem)

    def settle(self, place: Place, message: str) -> None:
        """Note a problem that makes whatever else is said about this place meaningless."""
        self.add(place, message, also=True)
        self._settled.add(place)

    def extend(self, problems: Sequence[Problem]) -> None:
        """Note what a reader of a file found; nothing that follows from it is noted too."""
        for problem in problems:
            self.settle(problem.place, problem.message)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ConfigError:
        """All of it, by place."""
        return ConfigError([problem for _, said in sorted(self._found.items()) for problem in said])

    def _secrets_in(self, node: Node) -> set[str]:
        found = set(self._secrets_at.get(node.place, set()))
        for child in (*node.items, *node.mapping.values()) if self._secrets else ():
            found |= self._secrets_in(child)
        return found

    def _without_secrets(self, message: str, near: set[str]) -> str:
        message = _URL_PASSWORD.sub(r"\1:…@", message)
        for value, name in sorted(self._secrets.items(), key=lambda item: -len(item[0])):
            message = _hide(message, value, name)
        for value in sorted(near):
            name = self._secrets[value]
            if _shows_part_of(value, message.replace(name, "")):
                return f"the value of {name} does not fit here (it is not shown, it may be a secret)"
        return message


def _hide(message: str, value: str, name: str) -> str:
    if len(value) >= _DISTINCT:
        for form in (value, repr(value)[1:-1], quote(value), quote(value, safe="")):
            message = message.replace(form, name)
        return message
    for mark in "'\"":
        message = message.replace(f"{mark}{value}{mark}", name)
    return message


def _shows_part_of(value: str, message: str) -> bool:
    """Whether a piece of the value, such as what follows an @ in a password, is left in the message."""
    lowered, shown = value.lower(), f"{message} {unquote(message)}".lower()
    return any(lowered[i : i + _TELLTALE] in shown for i in range(max(0, len(value) - _TELLTALE + 1)))
