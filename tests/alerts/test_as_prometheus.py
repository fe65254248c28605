"""Rules over generated series (gaps, resets, ends, flapping): the same alerts in the same state as in Prometheus.

promtool's test engine is Prometheus' own rule manager and PromQL engine: what we saw at each of 27 evaluations of 68
alerting rules, in ALERTS, ALERTS_FOR_STATE, labels and annotations, is what it must see.
"""

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.alerts.comparison import EXPRESSIONS, as_promtool_test, generated_series, ours, rule_file
from tests.programs import require_program


@pytest.mark.integration
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking would take minutes, and says little here
)
@given(generated_series())
def test_the_same_alerts_in_the_same_state_at_every_evaluation(series: dict[str, str]):
    promtool = require_program("promtool")
    rules = rule_file()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "rules.yml").write_text(rules)
        Path(folder, "test.yml").write_text(as_promtool_test(series, ours(rules, series)))
        command = [promtool, "test", "rules", "test.yml"]
        done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_at_least_sixty_rules():
    assert len(set(EXPRESSIONS)) >= 60
