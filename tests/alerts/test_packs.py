"""The shipped rule packs: clean, tested in both directions, with runbooks; and promtool agrees."""

import subprocess
from pathlib import Path

import pytest

from alerts.objectiverules import FAST, SLOW
from alerts.rule import AlertingRule
from alerts.rulefile import read_file
from alerts.ruletest import run_file
from alerts.ruletest.cases import read_tests
from alerts.standby import WATCHDOG
from monitor.cli import main
from tests.programs import require_program

ROOT = Path(__file__).parents[2]
PACKS = sorted((ROOT / "alerts" / "rules").glob("*.yml"))
TESTS = sorted((ROOT / "alerts" / "rules" / "tests").glob("*_test.yml"))
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate"]


def alerts(pack: Path) -> list[AlertingRule]:
    return [rule for group in read_file(pack).groups for rule in group.rules if isinstance(rule, AlertingRule)]


ALERTS = [(pack, rule) for pack in PACKS for rule in alerts(pack)]


def test_the_packs_are_clean(capsys):
    assert main(["rules", "check", *map(str, PACKS)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_unit_tests_of_the_packs_pass(path):
    report = run_file(path)
    assert report.tests
    assert report.failures == ()
    assert report.warnings == ()


@pytest.mark.parametrize(("pack", "rule"), ALERTS, ids=lambda value: getattr(value, "name", ""))
def test_every_alert_is_tested_to_fire_and_not_to_fire(pack, rule):
    tests = read_tests(pack.parent / "tests" / f"{pack.stem}_test.yml")
    cases = [case for test in tests.tests for case in test.alerts if case.alertname == rule.alert]
    assert any(case.alerts for case in cases), f"no test lets {rule.alert} fire"
    if rule.alert != WATCHDOG:  # which always fires
        assert any(not case.alerts for case in cases), f"no test keeps {rule.alert} quiet"


@pytest.mark.parametrize(("pack", "rule"), ALERTS, ids=lambda value: getattr(value, "name", ""))
def test_every_alert_says_whom_it_wakes_and_what_to_do(pack, rule):
    labels, annotations = dict(rule.labels), dict(rule.annotations)
    assert labels["severity"] in (("none",) if rule.alert == WATCHDOG else ("page", "ticket"))
    assert labels["owner"]
    assert annotations["summary"]
    assert annotations["description"]
    assert annotations["runbook_url"] == f"runbooks/{rule.alert}"
    text = (ROOT / "runbooks" / f"{rule.alert}.md").read_text()
    assert text.startswith(f"# {rule.alert}\n")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == HEADINGS


def test_every_runbook_belongs_to_an_alert():
    assert {path.stem for path in (ROOT / "runbooks").glob("*.md")} == {rule.alert for _, rule in ALERTS} | {FAST, SLOW}


@pytest.mark.integration
@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_promtool_accepts_the_rules(path):
    promtool = require_program("promtool")
    checked = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.integration
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool_agrees_with_the_unit_tests(path):
    promtool = require_program("promtool")
    tested = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
