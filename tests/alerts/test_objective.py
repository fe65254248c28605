"""Objectives become rules that Prometheus accepts, that the linter has nothing to say about, and that fire when due."""

import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from alerts.burnrate import Burn, fast, slow
from alerts.objective import Objective
from alerts.objectiverules import FAST, FILE, SLOW, rules_text
from alerts.rule import AlertingRule, RecordingRule
from alerts.rulefile import read_rules
from alerts.ruletest import run_file
from monitor.cli import main
from tests.programs import require_program

HOUR, DAY = 3600.0, 86_400.0
CHECKOUT = Objective(name="checkout-works", of="checkout", objective=0.995, owner="checkout")
FASTNESS = Objective(name="home-fast", of="home", faster_than=1.0, objective=0.99, owner="web")
ORDERS = Objective(
    name="orders", total="shop_orders_total", bad='shop_orders_total{ok="no"}', objective=0.99, owner="o"
)
REPLIES = Objective(
    name="replies",
    total="sum(increase(replies_total[$window]))",
    good='sum(increase(replies_total{code!~"5.."}[$window]))',
    objective=0.999,
    period=7 * DAY,
    owner="web",
)
ALL = (CHECKOUT, FASTNESS, ORDERS, REPLIES)


def test_the_windows_of_thirty_days_are_the_workbooks() -> None:
    assert fast(30 * DAY, 0.001) == (Burn(14.4, HOUR, 300), Burn(6, 6 * HOUR, 1800))
    assert slow(30 * DAY, 0.001) == (Burn(3, DAY, 2 * HOUR), Burn(1, 3 * DAY, 6 * HOUR))


@pytest.mark.parametrize("days", [7, 14, 28, 90])
def test_every_pair_uses_up_the_same_part_of_another_period(days: int) -> None:
    parts = [burn.rate * burn.long / (days * DAY) for burn in (*fast(days * DAY, 0.01), *slow(days * DAY, 0.01))]
    assert parts == pytest.approx([0.02, 0.05, 0.1, 0.1], rel=0.02)
    assert all(300 <= burn.short < burn.long for burn in fast(days * DAY, 0.01))


def test_a_rate_that_cannot_be_reached_makes_no_alert() -> None:
    assert [burn.rate for burn in fast(30 * DAY, 0.1)] == [6]
    lax = Objective(name="lax", of="home", objective=0.5, owner="web")
    alerts = [
        r for group in read_rules(rules_text([lax]), FILE).groups for r in group.rules if isinstance(r, AlertingRule)
    ]
    assert [alert.alert for alert in alerts] == [SLOW]


def test_our_own_trouble_is_no_failure_and_no_success() -> None:
    text = rules_text([CHECKOUT, FASTNESS])
    assert "unknown" not in text
    assert "blocked" not in text


def test_only_whole_names_and_numbers_are_objectives() -> None:
    with pytest.raises(ValidationError, match="must be one number"):
        Objective(name="x", total="increase(a_total[$window])", bad="b_total", objective=0.9)
    with pytest.raises(ValidationError, match="an objective of 100%"):
        Objective(name="x", of="home", objective=1.0)


def test_the_rules_are_prometheus_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / FILE
    path.write_text(rules_text(ALL))
    assert main(["rules", "check", str(path)]) == 0, capsys.readouterr().out
    groups = read_rules(path.read_text(), FILE).groups
    recorded = {rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
    assert recorded >= {
        "slo:sli_error:ratio_rate5m",
        "slo:sli_error:ratio_rate30d",
        "slo:period_error_budget_remaining:ratio",
        "slo:current_burn_rate:ratio",
        "slo:objective:ratio",
    }
    for group in groups:
        for rule in group.rules:
            assert dict(rule.labels)["slo"] in {one.name for one in ALL}


@pytest.mark.integration
def test_promtool_accepts_them(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(rules_text(ALL))
    checked = subprocess.run(
        [require_program("promtool"), "check", "rules", str(tmp_path / FILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


LABELS = {"location": "here", "type": "journey"}


def series(name: str, values: str, **labels: str) -> dict[str, str]:
    inside = ",".join(f'{key}="{value}"' for key, value in (LABELS | labels).items())
    return {"series": f"{name}{{{inside}}}", "values": values}


def looks(up: str, down: str, blocked: str = "0x20000") -> list[dict[str, str]]:
    return [
        series("probe_results_total", values, probe="checkout", outcome=outcome)
        for outcome, values in (("up", up), ("degraded", "0x20000"), ("down", down), ("blocked", blocked))
    ]


def burning(name: str, share: str, severity: str, rest: str) -> dict[str, object]:
    return {
        "exp_labels": {"slo": "checkout-works", "probe": "checkout", "severity": severity, "owner": "checkout"},
        "exp_annotations": {
            "summary": f"checkout-works fails {share} of the time; 0.5% is what it may",
            "description": f"At this pace the error budget of 30d lasts {rest} at most. 99.5% has to go well.",
            "runbook_url": f"runbooks/{name}",
        },
    }


def case(name: str, interval: str, inputs: list[dict[str, str]], alerts: list[tuple[str, str, object]], **more: object):
    tests = [
        {"eval_time": at, "alertname": alert, "exp_alerts": [expected] if expected else []}
        for at, alert, expected in alerts
    ]
    return {"name": name, "interval": interval, "input_series": inputs, "alert_rule_test": tests, **more}


def value(expr: str, at: str, *samples: tuple[str, float]) -> dict[str, object]:
    return {"expr": expr, "eval_time": at, "exp_samples": [{"labels": labels, "value": v} for labels, v in samples]}


NAMED = '{slo="checkout-works", probe="checkout"}'
CASES = [
    case(
        "an outage pages within minutes, and only when enough looks failed",
        "59s",  # so that no sample lies on a window's left end, which Prometheus 2 includes and 3 does not
        # Seven hours up, then down: 3 failures among an hour's 60 looks are 5 %, below 7.2 %; 10 are a sixth.
        looks("0+1x427 427+0x30", "0x427 1+1x30"),
        [("7h3m", FAST, None), ("7h10m", FAST, burning(FAST, "16.5%", "page", "5 days"))],
    ),
    case(
        "two failures of a probe that looks every ten minutes are no reason to wake anybody",
        "10m",
        [
            series("probe_results_total", values, probe="checkout", outcome=outcome)
            for outcome, values in (("up", "0+1x3 3x10"), ("degraded", "0x20"), ("down", "0x3 1 2 2x10"))
        ],
        [("40m", FAST, None), ("50m", FAST, None)],
    ),
    case(
        "what we could not see is neither good nor bad",
        "1m",
        looks("0+1x60 60+0x120", "0x200", "0x60 1+1x120"),
        [("2h", FAST, None)],
        promql_expr_test=[
            value("slo:sli_error:ratio_rate5m", "2h"),
            value("slo:sli_error:ratio_rate6h", "2h", (f"slo:sli_error:ratio_rate6h{NAMED}", 0.0)),
        ],
    ),
    case(
        "one failure in fifty for a day is a ticket, not a page",
        "5m",
        looks("0+49x400", "0+1x400"),
        [("1d6h", FAST, None), ("1d6h", SLOW, burning(SLOW, "2%", "ticket", "30 days"))],
    ),
    case(
        "what is left of the budget",
        "1h",
        looks("0+9975x720", "0+25x720"),
        [],
        promql_expr_test=[
            value("slo:objective:ratio", "2d", (f"slo:objective:ratio{NAMED}", 0.995)),
            value(
                "round(slo:period_error_budget_remaining:ratio, 0.001)",
                "2d",
                ('{slo="checkout-works", probe="checkout"}', 0.5),
            ),
            value("round(slo:period_burn_rate:ratio, 0.001)", "2d", ('{slo="checkout-works", probe="checkout"}', 0.5)),
        ],
    ),
]


@pytest.fixture
def tests_file(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_text(rules_text([CHECKOUT]))
    path = tmp_path / "objectives_test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [FILE], "evaluation_interval": "1m", "tests": CASES}))
    return path


def test_unit_tests_pass(tests_file: Path) -> None:
    report = run_file(tests_file)
    assert report.tests == len(CASES)
    assert report.failures == ()


@pytest.mark.integration
def test_promtool_agrees(tests_file: Path) -> None:
    tested = subprocess.run(
        [require_program("promtool"), "test", "rules", str(tests_file)], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
