"""Checks what one part's model cannot see: timeouts that outlast their interval, labels that are taken."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from alerts.rule import AlertingRule
from alerts.standby import SILENT
from monitor.config.kinds import Entry
from monitor.config.model import Config
from monitor.config.problems import Problems
from monitor.config.sentences import did_you_mean
from probes import KINDS
from probes.base import ProbeSettings
from probes.interpolated import Interpolated
from probes.units import format_duration
from probes.yamlfile import Node

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
#: Labels that Shopwatch and Prometheus set themselves.
_TAKEN = {"probe", "type", "location", "shard", "backup", "outcome", "alertname", "owner"} | {
    *("instance", "job", "le", "quantile")
}


def check_store(config: Config, root: Node, problems: Problems) -> None:
    """Note a store's password that has no use, or is written into the config itself."""
    store, password = root.step("store"), root.step("store_password") or root.step("store_password_file")
    if password is not None and config.store.startswith("sqlite:"):
        problems.add(password.place, "a SQLite store has no password; give a PostgreSQL store, or leave this out")
    if store is not None and not isinstance(store.value, Interpolated) and urlsplit(config.store).password:
        problems.add(
            store.place, "the store's password stands in the file; use store_password_file, or ${VAR} in the URL"
        )


def check_shard(config: Config, root: Node, problems: Problems) -> None:
    """Note machines that would keep the state of their rules in one store, and end each other's alerts there."""
    store = root.step("store")
    if config.part.alone or not config.rules or store is None or config.store.startswith("sqlite:"):
        return
    if not isinstance(store.value, Interpolated):
        problems.add(
            store.place,
            "all shards would keep what their rules say in this one store; give each its own, such as …/shopwatch_"
            "${SHARD}, or let a Prometheus in front evaluate the rules, with `rules: []`",
        )


def check_front(config: Config, root: Node, alerts: Iterable[AlertingRule], problems: Problems) -> None:
    """Note a Prometheus in front whose silence nobody would hear of."""
    section = root.step("prometheus")
    if section is not None and config.prometheus is not None and all(alert.alert != SILENT for alert in alerts):
        problems.add(
            section.place,
            f"no rule says {SILENT}, so nobody would hear that Prometheus is gone; "
            "keep `builtin` or `builtin/watchdog` among the rules",
        )


def check_canary(root: Node, entries: Iterable[Entry], problems: Problems) -> None:
    """Note canaries that are no probes, or probes that say nothing about the network."""
    section = root.step("canary")
    if section is None:
        return
    known = {entry.name: entry for entry in entries}
    for node in section.items if isinstance(section.value, list) else [section]:
        if not isinstance(node.value, str):
            continue
        if node.value not in known:
            problems.add(node.place, f"there is no probe {node.value!r}{did_you_mean(node.value, list(known))}")
        elif (settings := known[node.value].settings) is not None and not KINDS.get(settings.type).remote:
            problems.add(
                node.place, f"{node.value!r} is of type {settings.type}, which fails or not whatever our network does"
            )


def check_probe(entry: Entry, problems: Problems) -> None:
    """Note what is wrong between a probe's settings."""
    settings: ProbeSettings | None = entry.settings
    if settings is None:
        return
    timeout = entry.node.step("timeout")
    if timeout is not None and settings.timeout > settings.every:
        problems.add(
            timeout.place,
            f"timeout {format_duration(settings.timeout)} is longer than every {format_duration(settings.every)}: "
            "the next look would be due while this one still runs",
        )
    sooner = entry.node.step("while_failing")
    if sooner is not None and (settings.while_failing or 0.0) > settings.every:
        problems.add(
            sooner.place,
            f"while_failing {format_duration(settings.while_failing or 0.0)} is longer than every "
            f"{format_duration(settings.every)}; make it shorter, or as long for no extra looks",
        )
    check_labels(entry.node, problems)


def check_labels(node: Node, problems: Problems) -> None:
    """Note labels that Prometheus would refuse, or that would hide our own."""
    labels = node.step("labels")
    for label in labels.mapping if labels else ():
        place = labels.key_place(label) if labels else node.place
        if not _LABEL.fullmatch(label) or label.startswith("__"):
            problems.add(place, f"{label!r} is no label name; use letters, digits and underscores, and no __ in front")
        elif label in _TAKEN:
            problems.add(place, f"the label {label} is set by Shopwatch or Prometheus; choose another name")
