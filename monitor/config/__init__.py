"""Turns the shop's YAML into one frozen Config, or into a list of everything that is wrong with it."""

from monitor.config.diff import FIXED, Changes, diff
from monitor.config.loader import load
from monitor.config.model import Config
from monitor.config.problems import ConfigError
from monitor.config.share import share
from probes.yamlfile import Problem

__all__ = ["FIXED", "Changes", "Config", "ConfigError", "Problem", "diff", "load", "share"]
