"""Gatus' config: its endpoints, those that report by themselves, and what is no probe."""

from typing import Any

from probes.carry import Carried, Words
from probes.carry.credentials import variable_of
from probes.carry.duration import go_seconds
from probes.carry.endpoint import Endpoint, full_name, is_true
from probes.units import format_duration
from probes.yamlfile import Node, Problem, YamlInvalid, load, plain

_LATEST = 3600.0
_REPORTING = {"name", "group", "enabled", "token", "heartbeat"}


def carry(text: str, file: str) -> Carried:
    """The probes that a Gatus config amounts to. Raises YamlInvalid for a file that is none."""
    root = load(text, file, scalars="text")  # Gatus knows from its own types what is text and what is not
    carried = Carried()
    for section in sorted(set(root.mapping) - {"endpoints", "external-endpoints"}):
        why = "is no probe; see the sections of the same purpose in config.example.yaml"
        if section == "suites":
            why = "several looks in a row are one probe here, of type journey; write it anew"
        carried.lose(section, why)
    for words in _mappings(root, "endpoints"):
        Endpoint(carried, words).carry()
    for words in _mappings(root, "external-endpoints"):
        _carry_reporting(carried, words)
    return carried


def _mappings(root: Node, section: str) -> list[Words]:
    listed = root.step(section)
    if listed is None or listed.value is None:
        return []
    if not isinstance(listed.value, list):
        message = f"{section}: this is {listed.kind}; Gatus has a list of endpoints here"
        raise YamlInvalid([Problem.at(listed.place, message)])
    problems = [
        Problem.at(one.place, f"{section}: this is {one.kind}; an endpoint of Gatus is a mapping")
        for one in listed.items
        if not isinstance(one.value, dict)
    ]
    if problems:
        raise YamlInvalid(problems)
    return [plain(one) for one in listed.items]


def _carry_reporting(carried: Carried, words: Words) -> None:
    """An endpoint that reports by itself is a heartbeat, whose token is a secret and is not copied about."""
    name = full_name(words)
    for word in sorted(set(words) - _REPORTING):
        carried.lose(f"{name}, {word}", "has no word in a probe; alerting is done by rules and routes")
    if "enabled" in words and not is_true(words["enabled"]):
        carried.lose(f"{name}, the endpoint", "is not enabled")
        return
    variable = variable_of(name, "token")
    carried.lose(
        f"{name}, its token",
        f"is a secret; set the variable {variable}, or write token_file, and let the job report to /heartbeat/NAME",
    )
    carried.add(name, {"type": "heartbeat", **_patience(carried, name, words), "token": f"${{{variable}}}"})


def _patience(carried: Carried, name: str, words: Words) -> Words:
    """Gatus looks once an interval whether a report came in the last one, so it may notice an interval late."""
    heartbeat: Any = words.get("heartbeat")
    written = str((heartbeat if isinstance(heartbeat, dict) else {}).get("interval") or "0")
    seconds = go_seconds(written)
    if seconds is None:
        carried.lose(
            f"{name}, heartbeat.interval", f"is {written}, so that Gatus minds no silence; here a day is too long"
        )
        return {"every": "1d"}
    return {"every": format_duration(seconds), "grace": format_duration(min(seconds, _LATEST))}
