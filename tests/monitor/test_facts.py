"""What decisions are told about the world, at any second of the test's own clock."""

from typing import cast

import pytest

from monitor.facts import Facts
from monitor.latest import Latest
from monitor.verifications import Verifications
from probes.base import Evidence, Finding, Outcome, Result

NOW = 1_000_000.0
LABELS = (("alertname", "SiteDown"), ("probe", "home"))


class NoBackups:
    def evidence(self, name: str) -> Evidence | None:
        return Evidence(f"restored {name}") if name == "orders" else None


def facts(*results: Result, now: float = NOW, interval: float | None = 15.0) -> Facts:
    latest = Latest()
    for result in results:
        latest.put(result)
    return Facts(latest, cast(Verifications, NoBackups()), lambda name: interval, lambda: now)


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
        (Outcome.DOWN, False),
        (Outcome.BLOCKED, True),
        (Outcome.UNKNOWN, True),
    ],
)
def test_only_a_look_at_the_shop_speaks_for_the_shop(outcome, quiet):
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
