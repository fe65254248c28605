"""Fills `${VAR}` into the values of a config from the environment, after YAML was understood, never into keys."""

import re
from collections.abc import Mapping
from dataclasses import replace

from monitor.config.problems import Problems
from probes.interpolated import Interpolated
from probes.yamlfile import Node

_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{")


def interpolate(node: Node, environ: Mapping[str, str], problems: Problems) -> Node:
    """The same tree with `${VAR}` and `${VAR:-default}` filled in; `$${` stands for a literal `${`."""
    return _Interpolation(environ, problems).of(node)


class _Interpolation:
    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self._environ, self._problems = environ, problems
        self._done: dict[int, Node] = {}  # a node that several aliases share is done once

    def of(self, node: Node) -> Node:
        if id(node) not in self._done:
            self._done[id(node)] = self._anew(node)
        return self._done[id(node)]

    def _anew(self, node: Node) -> Node:
        if isinstance(node.value, dict):
            return replace(node, value={key: self.of(value) for key, value in node.value.items()})
        if isinstance(node.value, list):
            return replace(node, value=[self.of(value) for value in node.value])
        if isinstance(node.value, str) and "${" in node.value:
            return replace(node, value=self._filled(node, node.value))
        return node

    def _filled(self, node: Node, text: str) -> str:
        from_environment = False

        def fill(match: re.Match[str]) -> str:
            nonlocal from_environment
            if match[0] == "$${":
                return "${"
            name, default = match["name"], match["default"]
            if name is None:
                self._problems.settle(node.place, "${ begins no variable here; write ${NAME}, or $${ for the text ${")
                return match[0]
            value = self._environ.get(name)
            if not value and default is not None:
                return str(default)
            if value is None:
                self._problems.settle(
                    node.place, f"the environment has no {name}; set it, or give a default: ${{{name}:-…}}"
                )
                return match[0]
            from_environment = True
            self._problems.keep_secret(value, f"${{{name}}}", node.place)
            return value

        filled = _VARIABLE.sub(fill, text)
        return Interpolated(filled, text) if from_environment else filled
