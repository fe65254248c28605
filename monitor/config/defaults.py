"""Fills in what a probe does not say for itself, from `defaults:`."""

from dataclasses import replace

from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean, known_keys
from probes.base import ProbeSettings
from probes.settings import Settings
from probes.units import format_duration, parse_duration
from probes.yamlfile import Node

_ITSELF = {"name", "type"}  # what makes a probe itself
_WITHIN_EVERY = ("timeout", "while_failing")  # never longer than `every`: what nobody wrote for a probe is fitted


class Defaults:
    """The values under `defaults:`; each is given to the probes whose type has that setting."""

    def __init__(self, node: Node | None, problems: Problems) -> None:
        self._node, self._problems = node, problems
        self._known = set(known_keys(ProbeSettings)) - _ITSELF
        if node and not isinstance(node.value, dict | None):
            problems.add(node.place, f"defaults must be a mapping such as {{every: 15s}}, not {node.kind}")

    def complete(self, model: type[Settings], probe: Node) -> Node:
        """The probe's own words, then the defaults; what nobody wrote for it never exceeds its interval."""
        keys = set(known_keys(model)) - _ITSELF
        self._known |= keys
        given = self._node.mapping if self._node else {}
        said = {key: value for key, value in given.items() if key in keys and not _says(probe, key)}
        filled = replace(probe, value=probe.mapping | said)
        labels, own = given.get("labels"), probe.step("labels")
        if labels and own and isinstance(own.value, dict):
            merged = replace(own, value=labels.mapping | own.mapping)
            filled = replace(filled, value=filled.mapping | {"labels": merged})
        for key in _WITHIN_EVERY:
            if key in keys and not _says(probe, key):
                filled = _fit(model, filled, key)
        return filled

    def check(self) -> None:
        """Note each default that no probe could use. Call it when all probes were completed."""
        if self._node is None:
            return
        for key in self._node.mapping:
            place = self._node.key_place(key)
            if key in _ITSELF:
                self._problems.add(place, f"{key} makes a probe itself; every probe says its own")
            elif key not in self._known:
                hint = did_you_mean(key, sorted(self._known))
                self._problems.add(place, f"{key} is not a setting of any probe here{hint}")


def _says(probe: Node, key: str) -> bool:
    """Whether the probe gives this setting, be it as a secret's file or in place."""
    bare = key.removesuffix("_file")
    return any(word in probe.mapping for word in (key, bare, f"{bare}_file"))


def _fit(model: type[Settings], probe: Node, key: str) -> Node:
    every, seconds = _seconds(model, probe, "every"), _seconds(model, probe, key)
    if every is None or seconds is None or not 0 < every < seconds:
        return probe
    return replace(probe, value=probe.mapping | {key: Node(probe.place, format_duration(every))})


def _seconds(model: type[Settings], probe: Node, key: str) -> float | None:
    node = probe.step(key)
    try:
        return parse_duration(node.value) if node else model.model_fields[key].default
    except (ValueError, KeyError):
        return None
