"""Unit tests for rules, in promtool's format and with promtool's verdicts: series in, expected alerts out."""

from alerts.ruletest.run import Report, run_file

__all__ = ["Report", "run_file"]
