"""The page /metrics, word for word: metric names are promises. After a change on purpose: UPDATE_GOLDEN=1 pytest …"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from monitor.metrics import Exposition
from monitor.prober.slots import Missed, Reason
from monitor.prober.vitals import ProberVitals, ShardVitals
from probes import KINDS
from probes.base import Finding, Metric, Outcome, ProbeSettings, Result, Sample
from tests.programs import require_program

NOW = 1_800_000_000.0
GOLDEN = Path(__file__).parents[1] / "golden" / "metrics.txt"


class OneShard:
    def __init__(self) -> None:
        self.number = 0
        self.vitals = ShardVitals()


def samples_of(metric: Metric) -> list[Sample]:
    if metric.type != "histogram":
        return [Sample(metric.name, 1.5)]
    parts = {"_bucket": (("le", "+Inf"),), "_sum": (), "_count": ()}
    return [Sample(metric.name + part, 2.0, labels) for part, labels in parts.items()]


def page() -> bytes:
    """One probe of every kind, each with every metric that its kind declares, and one of every outcome."""
    exposition = Exposition("taipei-1")
    shard = OneShard()
    shard.vitals.pid = 1
    shard.vitals.began(0.004)
    exposition.registry.register(ProberVitals([shard], lambda: {"a http": True}))
    probes = {name: ProbeSettings(name=f"a {name}", type=name, labels={"shop": "main"}) for name in KINDS.names()}
    outcomes = {f"{outcome} http": ProbeSettings(name=f"{outcome} http", type="http") for outcome in Outcome}
    exposition.configure([*probes.values(), *outcomes.values()], NOW)
    for name, probe in probes.items():
        found = tuple(sample for metric in KINDS.get(name).metrics for sample in samples_of(metric))
        exposition.update(Result(probe.name, name, NOW, 0.01, 0.25, Finding(Outcome.UP, samples=found)), NOW)
    for outcome, name in zip(Outcome, outcomes, strict=True):
        exposition.update(Result(name, "http", NOW, 0.2, 5.0, Finding(outcome)), NOW)
        exposition.missed(Missed(name, Reason.OVERLOAD, 1), NOW)
    return re.sub(rb"^(process_\w+(?:{.*})?) .*$", rb"\1 0", exposition.text(), flags=re.MULTILINE)


def test_metrics_are_what_we_promised():
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_bytes(page())
    assert page().decode() == GOLDEN.read_text()


@pytest.mark.integration
def test_promtool_finds_nothing_to_complain_about():
    checked = subprocess.run(
        [require_program("promtool"), "check", "metrics"], input=page(), capture_output=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
