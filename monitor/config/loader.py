"""Reads a config from its files: everything that is wrong with it is said at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alerts.notifiers import CHANNELS, IMPLIED
from alerts.objective import Objective
from monitor.config.checks import check_canary, check_front, check_labels, check_probe, check_shard, check_store
from monitor.config.coverage import check_coverage
from monitor.config.defaults import Defaults
from monitor.config.files import read_files
from monitor.config.kinds import Entry, build, settings_model
from monitor.config.model import Config
from monitor.config.objectives import check_names, check_objectives, objective_alerts, read_openslo
from monitor.config.problems import Problems
from monitor.config.references import check_references
from monitor.config.rulefiles import read_rules, rule_files, shipped
from monitor.config.validate import WHOLE, folder_of, validate
from probes import KINDS
from probes.backup import ENGINES
from probes.settings import Settings
from probes.yamlfile import Node, plain

#: Words that only steer how a config is read, and sections that are read before the rest.
_READING = ("include", "defaults")
_APART = {"probes", "backups", "notifiers", "rules", "openslo", *_READING}


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """The config of one file, or of a folder of *.yml and *.yaml files. Raises ConfigError with every problem found.

    `${VAR}` is filled in from `environ`, by default the process' own.
    """
    problems = Problems()
    root, files = read_files(Path(path), os.environ if environ is None else environ, problems)
    config = _build(root, problems)
    if problems or config is None:
        raise problems.error()
    config._files = files
    return config


def _build(root: Node, problems: Problems) -> Config | None:
    """The config that a tree of values means, with every problem noted; None where no whole one could be made."""
    sections = root.mapping
    probes, backups, notifiers = _entries(sections, problems)
    names = [notifier.name for notifier in notifiers] or [IMPLIED]
    check_references(root, names, problems)
    check_objectives(root, probes, problems)
    check_canary(root, probes, problems)
    runbooks = (folder_of(root) / "runbooks", shipped("runbooks"))
    rules = rule_files(sections.get("rules"), problems)
    alerts = read_rules(rules, runbooks, problems)
    data = {key: plain(value) for key, value in sections.items() if key not in _APART and not _is_bare(key, value)}
    data |= {"probes": _settings(probes), "backups": _settings(backups), "rules": rules}
    data["notifiers"] = _settings(notifiers) if notifiers else [_implied()]
    openslo = read_openslo(sections.get("openslo"), problems)
    data |= {"openslo": tuple(openslo), "objectives": _joined(data.get("objectives"), openslo)}
    data.setdefault("routes", [{"notify": names}])
    folder = folder_of(sections.get("store", root))
    config = validate(Config, root, WHOLE, problems, data, folder, known=_READING)
    if config is not None:
        check_store(config, root, problems)
        check_shard(config, root, problems)
        check_front(config, root, alerts, problems)
        check_names(config, root, problems)
        check_coverage(root, config.routes, [*alerts, *objective_alerts(config)], problems)
        config._runbooks = runbooks
    return config


def _entries(sections: Mapping[str, Node], problems: Problems) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """The probes, backups and notifiers, each checked by itself."""
    defaults = Defaults(sections.get("defaults"), problems)
    probes = build(sections.get("probes"), "probe", KINDS, problems, defaults.complete)
    defaults.check()
    backups = build(sections.get("backups"), "backup", ENGINES, problems)
    notifiers = build(sections.get("notifiers"), "notifier", CHANNELS, problems)
    for probe in probes:
        check_probe(probe, problems)
    for backup in backups:
        check_labels(backup.node, problems)
    return probes, backups, notifiers


def _joined(written: Any, files: Mapping[Path, list[Objective]]) -> Any:
    """The objectives of the config, and those of OpenSLO files behind them."""
    found = [objective for some in files.values() for objective in some]
    return [*(written or ()), *found] if isinstance(written, list | None) else written


def _settings(entries: list[Entry]) -> list[Any]:
    return [entry.settings for entry in entries if entry.settings is not None]


def _implied() -> Settings:
    """The notifier of a config that names none, so that the first page is seen without further ado."""
    return settings_model(CHANNELS, IMPLIED).model_validate({"name": IMPLIED, "type": IMPLIED})


def _is_bare(key: str, node: Node) -> bool:
    """A heading with nothing under it, as when a list was commented out."""
    field = Config.model_fields.get(key)
    return node.value is None and field is not None and not isinstance(field.default, str | int)
