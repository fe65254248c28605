import pytest

from alerts.canary import Canary, Whose
from probes.base import Evidence, Finding, Outcome, Result, Sample

NOW = 1_800_000_000.0


def look(probe, outcome=Outcome.DOWN, began=0.0, took=0.1):
    finding = Finding(outcome, "connection refused", (Sample("a", 1.0),), Evidence("refused", facts=(("ip", "::1"),)))
    return Result(probe, "http", NOW + began, 0.0, took, finding)


def canary(*birds):
    return Canary([(name, 10.0) for name in birds or ("bird",)])


def test_without_a_canary_every_failure_is_the_shops():
    assert Canary(()).whose(look("home")) is Whose.SHOP


def test_before_a_canary_was_looked_at_nothing_is_known():
    assert canary().whose(look("home")) is Whose.OPEN


@pytest.mark.parametrize("outcome", [Outcome.UP, Outcome.DEGRADED, Outcome.BLOCKED])
def test_a_canary_that_answers_after_the_failure_makes_it_the_shops(outcome):
    it = canary()
    it.hear(look("bird", outcome, began=0.05))
    assert it.whose(look("home")) is Whose.OPEN, "the network may have gone between the two"
    it.hear(look("bird", outcome, began=0.1))
    assert it.whose(look("home")) is Whose.SHOP


def test_a_canary_that_fails_makes_it_ours_until_it_answers():
    it = canary()
    it.hear(look("bird", Outcome.DOWN, began=-3.0))
    assert it.whose(look("home")) is Whose.OURS
    assert it.whose(look("home", began=7.5)) is Whose.OPEN, "that was too long ago"
    it.hear(look("bird", Outcome.UP, began=1.0))
    assert it.whose(look("home", began=0.0)) is Whose.SHOP, "it failed before this look, and answered after it"
    assert it.whose(look("home", began=2.0)) is Whose.OPEN


def test_a_network_that_came_back_while_a_look_hung_was_gone_all_the_same():
    it = canary()
    it.hear(look("bird", Outcome.DOWN, began=1.0))
    it.hear(look("bird", Outcome.UP, began=6.0))
    assert it.whose(look("home", began=0.0, took=5.0)) is Whose.OURS


def test_that_we_could_not_look_says_nothing():
    it = canary()
    it.hear(look("bird", Outcome.UNKNOWN, began=1.0))
    assert it.whose(look("home")) is Whose.OPEN
    assert it.alive("bird")


def test_of_several_all_must_fail():
    it = canary("one", "two")
    it.hear(look("one", Outcome.DOWN, began=0.2))
    assert it.whose(look("home")) is Whose.OPEN
    it.hear(look("two", Outcome.UP, began=0.2))
    assert it.whose(look("home")) is Whose.SHOP
    it.hear(look("two", Outcome.DOWN, began=1.0))
    assert it.whose(look("home", began=1.0)) is Whose.OURS
    assert it.excuse(look("home")).finding.reason == "our own network: the canaries one, two fail too"


def test_an_excused_look_is_unknown_and_keeps_what_it_saw():
    excused = canary().excuse(look("home"))
    assert excused.outcome is Outcome.UNKNOWN
    assert excused.finding.reason == "our own network: the canary bird fails too"
    assert excused.finding.samples == ()
    evidence = excused.finding.evidence
    assert evidence.summary == "our own network: the canary bird fails too. refused"
    assert evidence.facts == (("seen from here", "down after 100ms: connection refused"), ("ip", "::1"))
    assert (excused.slot, excused.probe) == (NOW, "home")


def test_patience_is_the_shortest_interval():
    assert Canary([("a", 10.0), ("b", 3.0)]).patience == 3.0
