"""Reads a config from its files: everything that is wrong with it is said at once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alerts.notifiers import CHANNELS
from monitor.config.defaults import Defaults
from monitor.config.files import read_files
from monitor.config.interpolate import interpolate
from monitor.config.kinds import Entry, build
from monitor.config.model import Config
from monitor.config.problems import Problems
from monitor.config.rulefiles import rule_files
from monitor.config.validate import validate
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
    backups = build(sections.get("backups"), "backup", ENGINES, problems)
    notifiers = build(sections.get("notifiers"), "notifier", CHANNELS, problems)
    data = {key: plain(value) for key, value in sections.items() if key not in _APART}
    data |= {"probes": _settings(probes), "backups": _settings(backups), "notifiers": _settings(notifiers)}
    data["rules"] = rule_files(sections.get("rules"), problems)
    config = validate(Config, root, "the config", problems, data)
    if problems or config is None:
        raise problems.error()
    config._files = files
    return config


def _settings(entries: list[Entry]) -> list[Any]:
    return [entry.settings for entry in entries if entry.settings is not None]
