"""Fills in what a probe does not say for itself, from `defaults:`."""

from typing import Any

from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from probes.base import ProbeSettings
from probes.settings import Settings
from probes.units import parse_duration
from probes.yamlfile import Node, plain

_NEVER = {"name", "type"}  # what makes a probe itself


class Defaults:
    """The values under `defaults:`; each is given to the probes whose type has that setting."""

    def __init__(self, node: Node | None, problems: Problems) -> None:
        self._values: dict[str, Any] = plain(node) if node and isinstance(node.value, dict) else {}
        self._known: set[str] = set(ProbeSettings.model_fields) - _NEVER
        self._node, self._problems = node, problems
        if node and not isinstance(node.value, dict | None):
            problems.add(node.place, f"defaults must be a mapping such as {{every: 15s}}, not {node.kind}")

    def complete(self, model: type[Settings], data: dict[str, Any]) -> dict[str, Any]:
        """The probe's own words, then the defaults; a timeout that nobody wrote for it never exceeds its interval."""
        fields = {field.alias or name for name, field in model.model_fields.items()} - _NEVER
        self._known |= fields
        filled = {key: value for key, value in self._values.items() if key in fields} | data
        if isinstance(data.get("labels"), dict) and isinstance(self._values.get("labels"), dict):
            filled["labels"] = self._values["labels"] | data["labels"]
        if "timeout" in fields and "timeout" not in data:
            _fit_timeout(model, filled)
        return filled

    def check(self) -> None:
        """Note each default that no probe could use. Call it when all probes were completed."""
        for key in self._values:
            if self._node and key not in self._known:
                hint = did_you_mean(key, sorted(self._known))
                self._problems.add(self._node.key_place(key), f"{key} is not a setting of any probe here{hint}")


def _fit_timeout(model: type[Settings], filled: dict[str, Any]) -> None:
    every = _seconds(filled.get("every", model.model_fields["every"].default))
    timeout = _seconds(filled.get("timeout", model.model_fields["timeout"].default))
    if every is not None and timeout is not None and 0 < every < timeout:
        filled["timeout"] = every


def _seconds(value: Any) -> float | None:
    try:
        return value if isinstance(value, float) else parse_duration(value)
    except ValueError:
        return None
