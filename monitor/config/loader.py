"""Reads a config from its files: everything that is wrong with it is said at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alerts.notifiers import CHANNELS, IMPLIED
from monitor.config.checks import check_labels, check_probe, check_secrets, check_store
from monitor.config.coverage import check_coverage
from monitor.config.defaults import Defaults
from monitor.config.files import read_files
from monitor.config.interpolate import interpolate
from monitor.config.kinds import Entry, build, settings_model
from monitor.config.model import Config
from monitor.config.problems import Problems
from monitor.config.references import check_references
from monitor.config.rulefiles import read_rules, rule_files, shipped
from monitor.config.validate import folder_of, validate
from probes import KINDS
from probes.backup import ENGINES
from probes.yamlfile import plain

#: Sections that are built entry by entry, and words that only steer how a config is read.
_APART = {"probes", "backups", "notifiers", "rules", "defaults", "include"}


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The config of one file, or of a folder of *.yml and *.yaml files. Raises ConfigError with every problem found.

    `${VAR}` is filled in from `environ`, by default the process' own.
    """
    problems = Problems()
    root, files = read_files(Path(path), problems)
    root = interpolate(root, os.environ if environ is None else environ, problems)
    sections = root.mapping
    defaults = Defaults(sections.get("defaults"), problems)
    probes = build(sections.get("probes"), "probe", KINDS, problems, defaults.complete)
    defaults.check()
    for probe in probes:
        check_probe(probe, problems)
    backups = build(sections.get("backups"), "backup", ENGINES, problems)
    for backup in backups:
        check_labels(backup.node, problems)
    notifiers = build(sections.get("notifiers"), "notifier", CHANNELS, problems)
    names = [notifier.name for notifier in notifiers]
    said = {key: value for key, value in sections.items() if key not in _APART and value.value is not None}
    data = {key: plain(value) for key, value in said.items()}
    data |= {"probes": _settings(probes), "backups": _settings(backups), "notifiers": _settings(notifiers)}
    if not notifiers:
        data["notifiers"] = [settings_model(CHANNELS, IMPLIED).model_validate({"name": IMPLIED, "type": IMPLIED})]
        names = [IMPLIED]
    check_references(root, names, problems)
    if "routes" not in said:
        data["routes"] = [{"notify": names}]
    data["rules"] = rule_files(sections.get("rules"), problems)
    runbooks = (folder_of(root) / "runbooks", shipped("runbooks"))
    alerts = read_rules(data["rules"], runbooks, problems)
    config = validate(Config, root, "the config", problems, data, folder_of(sections.get("store", root)))
    for entry in [*probes, *backups, *notifiers]:
        check_secrets(entry.settings, entry.node, problems)
    if config is not None:
        check_store(config, root, problems)
        check_coverage(root, config.routes, alerts, problems)
    if problems or config is None:
        raise problems.error()
    config._files, config._runbooks = files, runbooks
    return config


def _settings(entries: list[Entry]) -> list[Any]:
    return [entry.settings for entry in entries if entry.settings is not None]
