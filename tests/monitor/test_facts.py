"""What decisions are told about the world, at any second of the test's own clock."""

from typing import cast

import pytest

from alerts.rulefile import read_rules
from monitor.facts import Facts
from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.samples import Samples
from monitor.verifications import Verifications
from probes.base import Evidence, Finding, Outcome, ProbeSettings, Result, Sample

NOW = 1_000_000.0
LABELS = (("alertname", "SiteDown"), ("probe", "home"))


HERE = {"location": "here", "shard": "1"}


class NoBackups:
    def evidence(self, name: str) -> Evidence | None:
        return Evidence(f"restored {name}") if name == "orders" else None


def facts(*results: Result, now: float = NOW, interval: float | None = 15.0) -> Facts:
    """What is known after these results, entered as the service enters them."""
    latest, samples, exposition = Latest(), Samples(), Exposition("here")
    exposition.configure([ProbeSettings(name="home", type="http")], NOW - 9000)
    for order, one in enumerate(results):
        entered = one.at + order / 1000
        Intake(exposition, samples, latest, lambda: None, lambda entered=entered: entered).take([one])
    return Facts(latest, samples, cast(Verifications, NoBackups()), lambda name: interval, HERE, lambda: now + 0.01)


def result(outcome: Outcome, ago: float = 0.0, summary: str = "") -> Result:
    evidence = Evidence(summary) if summary else None
    return Result("home", "http", NOW - ago, 0.0, 0.0, Finding(outcome, "expected 200, got 500", evidence=evidence))


def test_a_recent_failure_is_the_evidence_even_when_it_is_up_again():
    found = facts(result(Outcome.DOWN, 60, "status 500"), result(Outcome.UP, 0, "fine")).evidence(LABELS)
    assert found == Evidence("status 500")


def test_an_old_failure_is_no_evidence_of_anything_now():
    found = facts(result(Outcome.DOWN, 3600, "status 500"), result(Outcome.UP, 0, "fine")).evidence(LABELS)
    assert found == Evidence("fine")


def test_a_finding_without_evidence_still_says_its_reason():
    assert facts(result(Outcome.DOWN)).evidence(LABELS) == Evidence("expected 200, got 500")


def test_the_evidence_of_a_look_ends_with_its_id():
    proof = Evidence("status 500", facts=(("status", "500"),))
    look = Result("home", "http", NOW, 0.0, 0.0, Finding(Outcome.DOWN, "no", evidence=proof), run_id="a1b2")
    assert facts(look).evidence(LABELS) == Evidence("status 500", facts=(("status", "500"), ("run_id", "a1b2")))


def test_a_backup_has_its_verification_as_evidence():
    assert facts().evidence((("backup", "orders"),)) == Evidence("restored orders")


def test_there_is_no_evidence_for_what_nobody_looks_at():
    assert facts().evidence((("instance", "db:9100"),)) is None
    assert facts().evidence(LABELS) is None


@pytest.mark.parametrize(
    ("outcome", "quiet"),
    [
        (Outcome.UP, False),
        (Outcome.DEGRADED, False),
        (Outcome.DOWN, True),
        (Outcome.BLOCKED, True),
        (Outcome.UNKNOWN, True),
    ],
)
def test_only_a_look_that_went_well_proves_that_trouble_is_over(outcome, quiet):
    assert facts(result(outcome)).quiet(LABELS) is quiet


def test_an_alert_about_an_outcome_ends_with_that_outcome():
    assert not facts(result(Outcome.UNKNOWN)).quiet((*LABELS, ("outcome", "blocked")))


def test_a_probe_that_does_not_look_any_more_is_quiet():
    assert not facts(result(Outcome.UP, 59)).quiet(LABELS)
    assert facts(result(Outcome.UP, 61)).quiet(LABELS)
    assert not facts(result(Outcome.UP, 3600), interval=3600.0).quiet(LABELS)
    assert facts().quiet(LABELS)


def test_who_is_not_ours_is_never_quiet():
    assert not facts(interval=None).quiet(LABELS)
    assert not facts(interval=None).quiet((("instance", "db:9100"),))


@pytest.mark.parametrize("elsewhere", [("location", "berlin"), ("shard", "2")])
def test_of_what_another_machine_saw_nothing_is_known(elsewhere):
    found = facts(result(Outcome.UNKNOWN, summary="no route"))
    assert found.evidence((*LABELS, *HERE.items())) == Evidence("no route")
    assert found.evidence((*LABELS, elsewhere)) is None
    assert found.quiet((*LABELS, *HERE.items()))
    assert not found.quiet((*LABELS, elsewhere)), "its source's word is all there is"


RULES = """
groups:
  - name: numbers
    rules:
      - {alert: QueueLong, expr: "queue_depth > 10"}
      - {record: "shop:orders:rate", expr: "rate(orders_total[5m])"}
      - {alert: OrdersLow, expr: "shop:orders:rate < 1"}
      - {alert: SiteDown, expr: "probe_success == 0"}
      - {alert: Overdue, expr: "time() - probe_last_run_timestamp_seconds > 60"}
      - {alert: DownHere, expr: 'probe_success == 0 unless on (probe) ALERTS{alertname="DownEverywhere"}'}
      - alert: Late
        expr: "time() - probe_last_run_timestamp_seconds > 60 unless on (probe) shopwatch_probe_set_aside == 1"
"""


def with_rules(*results: Result) -> Facts:
    found = facts(*results)
    found.apply(read_rules(RULES, "rules.yml").groups)
    return found


def numbers(outcome: Outcome, *names: str) -> Result:
    return Result("home", "scrape", NOW, 0.0, 0.0, Finding(outcome, samples=tuple(Sample(name, 1.0) for name in names)))


def test_a_number_that_was_not_brought_proves_nothing_about_it():
    queue = (("alertname", "QueueLong"), ("probe", "home"))
    assert with_rules(numbers(Outcome.DOWN)).quiet(queue)
    assert with_rules(numbers(Outcome.UP, "other")).quiet(queue)
    assert not with_rules(numbers(Outcome.UP, "queue_depth")).quiet(queue)
    assert not with_rules(numbers(Outcome.DOWN, "queue_depth")).quiet(queue), (
        "a host without its nginx has a disk still"
    )


def test_a_look_however_it_ended_proves_that_the_probe_looks():
    assert not with_rules(numbers(Outcome.DOWN)).quiet((("alertname", "Overdue"), ("probe", "home")))


def test_recorded_series_are_no_numbers_of_the_probe():
    assert not with_rules(numbers(Outcome.UP)).quiet((("alertname", "OrdersLow"), ("probe", "home")))


@pytest.mark.parametrize("alert", ["DownHere", "Late"])
def test_what_no_look_ever_brings_need_not_be_brought(alert):
    assert not with_rules(result(Outcome.UP)).quiet((("alertname", alert), ("probe", "home")))


def test_a_probe_that_left_the_config_is_quiet_and_not_mended():
    found = facts(interval=None)
    found.apply((), left=["home"])
    assert found.quiet(LABELS)
