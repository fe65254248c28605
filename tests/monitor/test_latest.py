from monitor.latest import Latest
from probes.base import Evidence, Finding, Outcome, Result, Sample


def result(outcome, slot=0.0, probe="home"):
    return Result(probe, "http", slot, 0.0, 0.1, Finding(outcome))


def test_the_newest_result_and_the_newest_failure_are_kept():
    latest = Latest()
    assert latest.result("home") is None
    assert latest.failure("home") is None
    down, up = result(Outcome.DOWN, 1.0), result(Outcome.UP, 2.0)
    latest.put(down)
    latest.put(up)
    assert latest.result("home") is up
    assert latest.failure("home") is down


def test_a_change_of_outcome_is_told():
    latest = Latest()
    outcomes = [Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.DOWN, Outcome.UP]
    assert [latest.put(result(outcome)) for outcome in outcomes] == [True, False, True, False, True]
    assert latest.put(result(Outcome.UP, probe="shop"))


def test_a_probe_that_left_the_config_is_forgotten():
    latest = Latest()
    for probe in ("home", "shop"):
        latest.put(result(Outcome.DOWN, probe=probe))
    latest.keep(["shop"])
    assert (latest.result("home"), latest.failure("home")) == (None, None)
    assert latest.failure("shop") is not None


def test_samples_are_not_kept_a_second_time():
    latest = Latest()
    found = Finding(Outcome.DOWN, "no", (Sample("a", 1.0),), Evidence("e"))
    full = Result("home", "http", 1.0, 0.5, 0.1, found, True, "a1")
    latest.put(full)
    kept = latest.result("home")
    assert kept.finding == Finding(Outcome.DOWN, "no", (), Evidence("e"))
    assert (kept.probe, kept.type, kept.at, kept.extra, kept.run_id) == ("home", "http", full.at, True, "a1")
