"""All rules that a config means: those of its rule files, and those that its objectives become."""

from alerts.rule import RuleGroup
from alerts.rulefile import load
from monitor.config import Config
from monitor.config.objectives import objective_groups


def rule_groups(config: Config, interval: float) -> tuple[RuleGroup, ...]:
    """Every group, ready to be evaluated. `interval` (seconds) is for groups that name none. Raises RulesInvalid."""
    return (*load(config.rules, interval), *objective_groups(config))
