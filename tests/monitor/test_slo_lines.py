"""The one-line objectives of docs/prometheus.md, evaluated over what the service counts of real results."""

import re
from pathlib import Path

import pytest

from alerts.promql import Engine, parse
from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.samples import Samples
from probes.base import Finding, Outcome, ProbeSettings, Result
from tests.monitor.prober.kinds import KINDS

NOW = 1_800_000_000.0
EVERY = 15.0
DOC = Path(__file__).parents[2] / "docs" / "prometheus.md"


def lines():
    (block,) = re.findall(r"```promql\n(.*?)```", DOC.read_text(), re.DOTALL)
    return [line for line in block.splitlines() if not line.startswith("#")]


FAILED, FAST, SLOWEST = lines()


def firing(expr, looks):
    """What a rule answers after these looks, (outcome, seconds) each, one a quarter of a minute."""
    now, exposition, samples = [NOW], Exposition("here", KINDS), Samples()
    exposition.configure([ProbeSettings(name="checkout", type="trivial", every=EVERY)], NOW)
    intake = Intake(exposition, samples, Latest(), lambda: None, lambda: now[0])
    intake.refresh()
    for number, (outcome, seconds) in enumerate(looks):
        now[0] = NOW + number * EVERY
        intake.take([Result("checkout", "trivial", now[0], 0.0, seconds, Finding(outcome))])
    answered = Engine(samples).instant(parse(expr), round(now[0] * 1000))
    return [sample.value for sample in answered.samples]


UP, DOWN, UNKNOWN = (Outcome.UP, 0.2), (Outcome.DOWN, 0.2), (Outcome.UNKNOWN, 0.2)
SLOW, FOR_EVER = (Outcome.UP, 1.7), (Outcome.DEGRADED, 4.0)
FIRST = [UP, DOWN, UNKNOWN, SLOW, FOR_EVER]  # a series grows only from its first sample on


@pytest.mark.parametrize(
    ("expr", "looks", "expected"),
    [
        (FAILED, [*FIRST, *[UP] * 195, *[DOWN] * 5], 0.025),
        (FAILED, [*FIRST, *[UP] * 199, DOWN], None),
        (FAILED, [*FIRST, *[UP] * 95, *[DOWN] * 5, *[UNKNOWN] * 100], 0.05),
        (FAST, [*FIRST, *[UP] * 180, *[SLOW] * 20], 0.9),
        (FAST, [*FIRST, *[UP] * 180, *[DOWN] * 20], 0.9),
        (FAST, [*FIRST, *[UP] * 198, *[SLOW] * 2], None),
        (SLOWEST, [*FIRST, *[UP] * 190, *[FOR_EVER] * 10], 4.5),
        (SLOWEST, [*FIRST, *[UP] * 200], None),
    ],
)
def test_a_line_fires_when_it_says(expr, looks, expected):
    answered = firing(expr, looks)
    if expected is None:
        assert answered == []
    else:
        assert answered == [pytest.approx(expected, rel=0.2)]
