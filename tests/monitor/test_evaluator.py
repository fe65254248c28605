"""The evaluator on a clock of the test's own: slots, nudges, glances, failures, reloads; and once on the real clock."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from alerts.alert import Alert, Status
from alerts.promql import Engine
from alerts.rule import AlertingRule, Element, RecordingRule, Rule, RuleFailed, RuleGroup
from alerts.rulequery import query_of
from alerts.ruletest.samples import TestSamples
from monitor.evaluator import Evaluator
from monitor.rulekeeper import RuleKeeper
from monitor.store import Store
from monitor.timetable import REST, SETTLE, SPACING

T = 1_800_000_000.0


class Watch:
    """An evaluator whose clock stands still until the test moves it."""

    def __init__(
        self, *groups: RuleGroup, heard: Callable[[str], bool] = lambda probe: True, keeper: RuleKeeper | None = None
    ) -> None:
        self.now, self.spent = T, 0.0
        self.samples = TestSamples()
        self.told: list[tuple[float, str, str]] = []
        self.deaf = False
        self._query = query_of(Engine(self.samples))
        self.evaluator = Evaluator(
            self.query,
            self.samples.append,
            self.tell,
            clock=lambda: self.now,
            timer=lambda: self.now,
            keeper=keeper,
            heard=heard,
        )
        self.evaluator.apply(groups)
        self.evaluator.run_due()

    def query(self, expr: str, at: int) -> list[Element]:
        self.now += self.spent
        return list(self._query(expr, at))

    def tell(self, alerts: list[Alert]) -> None:
        if self.deaf:
            raise OSError("the desk is away")
        self.told += [(round(self.now - T, 3), alert.name, alert.status.value) for alert in alerts]

    def put(self, value: float, name: str = "m") -> None:
        self.samples.append((("__name__", name), ("probe", "home")), round(self.now * 1000), value)

    def run(self, until: float) -> None:
        """Let the evaluator run as its thread would, until this many seconds after T."""
        while True:
            wait = self.evaluator.run_due()
            if self.now + wait > T + until:
                break
            self.now += max(wait, 0.001)
        self.now = max(self.now, T + until)

    def counts(self) -> dict[str, float]:
        return {measure.name: measure.value for measure in self.evaluator.measures()}

    def slot(self) -> float:
        with self.evaluator.standing() as standing:
            return standing[0][1].last_at or 0.0


def group(*rules: Rule, name: str = "g", interval: float = 15.0) -> RuleGroup:
    return RuleGroup(name, "rules.yml", interval, rules)


def test_groups_are_evaluated_at_the_times_of_their_slots():
    watch = Watch(group(RecordingRule("r", "time()"), interval=10.0))
    watch.run(60)
    counts = watch.counts()
    assert counts["shopwatch_rule_group_iterations_total"] == 6
    assert counts["shopwatch_rule_group_iterations_missed_total"] == 0
    assert counts["shopwatch_rule_evaluations_total"] == 6
    [(_, value)] = watch.query("r", round(watch.now * 1000))
    assert value == watch.slot()
    assert watch.slot() == pytest.approx(counts["shopwatch_rule_group_last_evaluation_timestamp_seconds"])


def test_an_evaluation_slower_than_its_interval_misses_slots_and_says_so():
    watch = Watch(group(RecordingRule("r", "vector(1)"), interval=10.0))
    watch.spent = 25.0
    watch.run(100)
    counts = watch.counts()
    assert counts["shopwatch_rule_group_iterations_missed_total"] >= 4
    assert counts["shopwatch_rule_group_last_duration_seconds"] == 25.0
    assert counts["shopwatch_rule_group_last_lateness_seconds"] >= 5.0


def test_a_nudge_finds_a_failure_between_two_slots():
    watch = Watch(group(AlertingRule("Down", "m == 0")))
    watch.run(20)
    watch.put(0)
    watch.evaluator.nudge()
    watch.run(21)
    assert watch.told == [(20 + SETTLE, "Down", "firing")]


def test_a_nudge_never_resolves_and_the_next_slot_does():
    watch = Watch(group(AlertingRule("Down", "m == 0")))
    watch.put(0)
    watch.run(20)
    watch.put(1)
    watch.evaluator.nudge()
    before = watch.slot()
    watch.run(before - T + 14.9)
    assert [status for _, _, status in watch.told] == ["firing"]
    watch.run(before - T + 15.1)
    assert [status for _, _, status in watch.told] == ["firing", "resolved"]


def test_an_alert_with_for_fires_when_for_has_passed_not_at_the_next_slot():
    watch = Watch(group(AlertingRule("Down", "m == 0", hold=5.0), interval=60.0))
    watch.put(0)
    watch.evaluator.nudge()
    watch.run(10)
    [(at, _, status)] = watch.told
    assert status == "firing"
    assert at == pytest.approx(5 + SETTLE, abs=0.01)


def test_many_nudges_make_few_glances():
    watch = Watch(group(AlertingRule("Down", "m == 0"), interval=3600.0))
    for step in range(100):
        watch.evaluator.nudge()
        watch.run(step / 50)
    assert watch.counts()["shopwatch_rule_group_glances_total"] <= 2 / SPACING + 1


def test_slow_glances_rest_nine_times_as_long():
    watch = Watch(group(AlertingRule("Down", "m == 0"), interval=3600.0))
    watch.spent = 0.5
    for step in range(100):
        watch.evaluator.nudge()
        watch.run(step / 5)
    assert watch.counts()["shopwatch_rule_group_glances_total"] <= 20 / (0.5 * (1 + REST)) + 1


def test_a_glance_leaves_recorded_series_and_what_depends_on_them_to_the_clock():
    asked: list[str] = []
    watch = Watch(group(RecordingRule("r", "m"), AlertingRule("Raw", "m == 0"), AlertingRule("Late", "r == 0")))
    watch.run(20)
    query = watch.query
    watch.evaluator._query = lambda expr, at: asked.append(expr) or query(expr, at)  # type: ignore[func-returns-value]
    watch.put(0)
    watch.evaluator.nudge()
    watch.run(20.5)
    assert asked == ["m == 0"]


def test_a_failing_rule_is_counted_and_what_fired_goes_on_firing():
    watch = Watch(group(AlertingRule("Down", "m == 0")))
    watch.put(0)
    watch.run(20)
    assert [status for _, _, status in watch.told] == ["firing"]

    def fails(expr: str, at: int) -> list[Element]:
        raise RuleFailed("too much")

    watch.evaluator._query = fails
    watch.run(300)
    assert watch.counts()["shopwatch_rule_evaluation_failures_total"] >= 18
    assert {status for _, _, status in watch.told} == {"firing"}
    assert len(watch.told) >= 4  # told again, so that it does not expire
    with watch.evaluator.standing() as [(run, _)]:
        assert (run.rules[0].health.health, run.rules[0].health.error) == ("err", "too much")


def test_a_bug_in_a_query_is_a_failure_of_that_rule_only():
    watch = Watch(group(AlertingRule("Bad", "m == 1"), AlertingRule("Good", "m == 0")))
    query = watch.query

    def bug(expr: str, at: int) -> list[Element]:
        if expr == "m == 1":
            raise ZeroDivisionError
        return []

    watch.put(0)
    watch.evaluator._query = lambda expr, at: bug(expr, at) or query(expr, at)
    watch.run(16)
    assert [name for _, name, _ in watch.told] == ["Good"]
    assert watch.counts()["shopwatch_rule_evaluation_failures_total"] == 1


def test_what_could_not_be_told_is_told_at_the_next_evaluation():
    watch = Watch(group(AlertingRule("Down", "m == 0")))
    watch.deaf = True
    watch.put(0)
    watch.run(16)
    assert watch.told == []
    watch.deaf = False
    watch.run(31)
    assert [status for _, _, status in watch.told] == ["firing"]


def test_a_reload_keeps_slots_state_and_counts_of_what_stays():
    first = group(AlertingRule("Down", "m == 0", hold=60.0), name="first")
    second = group(AlertingRule("Slow", "m == 0", hold=60.0), name="second")
    watch = Watch(first, second)
    for _ in range(4):
        watch.put(0)
        watch.run(watch.now - T + 10)
    changed = group(AlertingRule("Slow", "m <= 0", hold=60.0), RecordingRule("r", "m"), name="second")
    watch.evaluator.apply([first, changed])
    while watch.now < T + 77:
        watch.put(0)
        watch.run(watch.now - T + 10)
    assert {(name, status) for _, name, status in watch.told} == {("Down", "firing"), ("Slow", "firing")}
    assert all(at < 77 for at, _, _ in watch.told)


def test_series_of_a_group_that_is_gone_end():
    watch = Watch(group(RecordingRule("r", "vector(1)")))
    watch.run(20)
    assert watch.query("r", round(watch.now * 1000))
    watch.evaluator.apply([])
    watch.run(21)
    assert watch.query("r", round(watch.now * 1000)) == []
    assert watch.evaluator.measures() == []


def test_a_clock_that_is_set_back_does_not_stop_the_evaluations():
    watch = Watch(group(RecordingRule("r", "vector(1)")))
    watch.run(20)
    before = watch.counts()["shopwatch_rule_group_iterations_total"]
    watch.now = T - 3600
    watch.evaluator.run_due()
    watch.run(-3600 + 31)
    assert watch.counts()["shopwatch_rule_group_iterations_total"] == before + 2


# On the real clock


def test_the_thread_tells_soon_after_a_nudge_and_ends_when_told():
    told = threading.Event()
    failing: list[Element] = []

    def tell(alerts: list[Alert]) -> None:
        if alerts[0].status is Status.FIRING:
            told.set()

    evaluator = Evaluator(lambda expr, at: failing, lambda *sample: True, tell)
    evaluator.apply([group(AlertingRule("Down", "m == 0"), interval=3600.0)])
    evaluator.start()
    time.sleep(0.1)
    failing.append(((("probe", "home"),), 0.0))
    started = time.monotonic()
    evaluator.nudge()
    assert told.wait(10)
    assert time.monotonic() - started < 5  # generous: this machine may be busy; 0.03 s is usual
    evaluator.stop()
    assert not any(thread.name == "rules" for thread in threading.enumerate())


def test_stop_does_not_wait_for_the_next_slot():
    evaluator = Evaluator(lambda expr, at: [], lambda *sample: True, lambda alerts: None)
    evaluator.apply([group(AlertingRule("Down", "m == 0"), interval=3600.0)])
    evaluator.start()
    started = time.monotonic()
    evaluator.stop()
    assert time.monotonic() - started < 5


def test_what_may_not_be_told_waits_and_is_told_as_soon_as_it_may():
    watch = Watch(group(AlertingRule("A", "m > 0")))
    allowed: list[str] = []
    watch.evaluator = Evaluator(
        watch.query,
        watch.samples.append,
        watch.tell,
        clock=lambda: watch.now,
        says=lambda alert: alert if alert.name in allowed else None,
    )
    watch.evaluator.apply([group(AlertingRule("A", "m > 0"), AlertingRule("B", "m > 0"))])
    watch.put(1.0)
    watch.run(40)
    assert watch.told == []
    allowed.append("B")
    watch.run(56)  # one interval, not one telling time
    assert [(name, status) for _, name, status in watch.told] == [("B", "firing")]


def test_a_group_that_is_not_evaluated_at_all_is_overdue():
    watch = Watch(group(RecordingRule("r", "time()"), interval=10.0))
    watch.run(60)
    assert watch.evaluator.overdue() == []
    watch.now += 75
    [(key, late)] = watch.evaluator.overdue()
    assert key == "rules.yml;g"
    assert 60 < late <= 75


def test_what_fired_before_a_restart_says_why_it_waits_until_its_rule_has_looked(tmp_path):
    store = Store(f"sqlite:{tmp_path}/state.db")
    long = group(AlertingRule("A", "min_over_time(m[10m]) == 0"))
    before = Watch(long, keeper=RuleKeeper(store))
    before.put(0.0)
    before.run(30)
    [(_, name, status)] = before.told
    assert (name, status) == ("A", "firing")
    labels = (("alertname", "A"), ("probe", "home"))
    alert = Alert(labels, Status.STALE, T, T)
    assert before.evaluator.doubt(alert) == ""  # it was told
    after = Watch(long, keeper=RuleKeeper(store))
    assert after.evaluator.doubt(alert) == (
        "Shopwatch restarted at 08:00; this rule needs 10m of looks before it may say that it is over (until 08:10 UTC)"
    )
    assert after.evaluator.doubt(replace(alert, source="prometheus")) == ""
    assert after.evaluator.doubt(replace(alert, labels=(("alertname", "B"), ("probe", "home")))) == ""
    after.put(1.0)
    after.run(590)
    assert after.told == []
    assert after.evaluator.doubt(alert) != ""
    after.run(630)
    assert after.told[-1][1:] == ("A", "resolved")
    assert after.evaluator.doubt(alert) == ""
    store.close()
