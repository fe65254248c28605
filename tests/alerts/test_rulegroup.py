"""A group in order: recorded series, stale markers, what is told when, what fails, what a reload keeps."""

import pytest

from alerts.active import State
from alerts.alert import Alert, Status
from alerts.promql import Engine
from alerts.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from alerts.rulegroup import GroupRun
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings
from alerts.ruletest.samples import TestSamples

S = 1000


def group(*rules: Rule, **more: object) -> RuleGroup:
    return RuleGroup("g", "rules.yml", 15.0, rules, **more)  # type: ignore[arg-type]


def run_of(of: RuleGroup) -> GroupRun:
    return GroupRun(of, Surroundings(), lambda: 0.0)


class Bench:
    """A group over samples in memory."""

    def __init__(self, of: RuleGroup) -> None:
        self.samples = TestSamples()
        self.query = query_of(Engine(self.samples))
        self.run = run_of(of)

    def put(self, name: str, at: float, value: float | None, **labels: str) -> None:
        self.samples.append(tuple(sorted({"__name__": name, **labels}.items())), round(at * S), value)

    def evaluate(self, at: float) -> list[str]:
        return [reason for _, reason in self.run.evaluate(round(at * S), self.query, self.samples.append)]

    def ask(self, expr: str, at: float) -> dict[str, float]:
        answer = self.query(expr, round(at * S))
        return {",".join(f"{k}={v}" for k, v in labels if k != "__name__"): value for labels, value in answer}

    def told(self, at: float) -> list[tuple[str, Status]]:
        return [(alert.label("i"), alert.status) for alert in self.run.telling(round(at * S))]


def test_what_a_rule_records_the_next_one_sees_in_the_same_evaluation():
    bench = Bench(group(RecordingRule("job:m", "sum by (job) (m)"), AlertingRule("Much", "job:m > 2")))
    bench.put("m", 0, 2, job="a", i="1")
    bench.put("m", 0, 1, job="a", i="2")
    assert bench.evaluate(0) == []
    assert [alert.value for _, alert in bench.run.alerts()] == [3.0]
    assert bench.ask("ALERTS", 0) == {"alertname=Much,alertstate=firing,job=a": 1.0}


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("probe_success == 0", None),
        ('probe_outcome{outcome="blocked"} == 1', None),
        ("1 - avg_over_time(probe_success[5m]) > 0.1", 0.5),
        ("min_over_time(m[5m]) == 0", 0.0),
        ("m + probe_success >= 0", 0.0),
    ],
)
def test_an_outcomes_own_0_or_1_is_not_told_as_a_value(expr: str, value: float | None):
    bench = Bench(group(AlertingRule("A", expr)))
    for at, up in ((0, 1), (15, 0)):
        bench.put("probe_success", at, up)
        bench.put("probe_outcome", at, 1 - up, outcome="blocked")
        bench.put("m", at, 0)
    bench.evaluate(15)
    assert [alert.value for alert in bench.run.telling(round(15 * S))] == [value]
    assert bench.ask("ALERTS", 15) != {}


def test_a_recorded_series_that_disappears_is_marked_stale_at_once():
    bench = Bench(group(RecordingRule("r", "m > 1", (("kind", "x"),))))
    bench.put("m", 0, 2, i="1")
    bench.put("m", 0, 2, i="2")
    bench.evaluate(0)
    bench.put("m", 15, 0, i="1")
    bench.evaluate(15)
    assert bench.ask("r", 14) == {"i=1,kind=x": 2.0, "i=2,kind=x": 2.0}
    assert bench.ask("r", 15) == {"i=2,kind=x": 2.0}


def test_the_pending_series_ends_when_the_alert_fires_and_both_when_it_resolves():
    bench = Bench(group(AlertingRule("A", "m > 1", hold=15.0)))
    bench.put("m", 0, 2)
    bench.evaluate(0)
    assert bench.ask("ALERTS", 0) == {"alertname=A,alertstate=pending": 1.0}
    bench.evaluate(15)
    assert bench.ask("ALERTS", 15) == {"alertname=A,alertstate=firing": 1.0}
    bench.put("m", 20, 0)
    bench.evaluate(30)
    assert bench.ask("{__name__=~'ALERTS.*'}", 30) == {}


def test_a_query_offset_moves_questions_and_series_into_the_past():
    bench = Bench(group(RecordingRule("r", "m"), AlertingRule("A", "m == 1"), query_offset=60.0))
    bench.put("m", 0, 1)
    bench.put("m", 100, 2)
    bench.evaluate(120)
    assert bench.ask("r", 60) == {"": 1.0}
    assert [alert.active_at for _, alert in bench.run.alerts()] == [120 * S]
    assert bench.ask("ALERTS", 59) == {}
    assert bench.ask("ALERTS", 60) == {"alertname=A,alertstate=firing": 1.0}


def test_a_rule_that_fails_keeps_what_it_said_and_the_others_go_on():
    bench = Bench(group(AlertingRule("A", "m > 1"), RecordingRule("n", "vector(1)")))
    bench.put("m", 0, 2)
    bench.evaluate(0)
    broken = query_of(Engine(bench.samples))

    def query(expr, at):
        return broken("sum by (x) (m) + on () group_left () (m or n)" if expr == "m > 1" else expr, at)

    bench.put("n", 1, 5, k="v")
    failures = bench.run.evaluate(15 * S, query, bench.samples.append)
    assert [failure.rule.name for failure in failures] == ["A"]
    assert [alert.state for _, alert in bench.run.alerts()] == [State.FIRING]
    healths = [(run.health.health, bool(run.health.error)) for run in bench.run.rules]
    assert healths == [("err", True), ("ok", False)]
    assert bench.ask("ALERTS", 15) == {"alertname=A,alertstate=firing": 1.0}


def test_two_rules_that_record_one_series_with_different_values_are_an_error():
    bench = Bench(group(RecordingRule("r", "vector(1)"), RecordingRule("r", "vector(2)")))
    assert bench.evaluate(0) == ["1 of its series already have another value at this time"]
    assert bench.ask("r", 0) == {"": 1.0}


def test_series_that_become_one_are_an_error():
    bench = Bench(group(RecordingRule("r", "m", (("i", ""),))))
    bench.put("m", 0, 1, i="1")
    bench.put("m", 0, 1, i="2")
    assert bench.evaluate(0) == ["vector contains metrics with the same labelset after applying rule labels"]


def test_the_limit_holds_for_recorded_series():
    bench = Bench(group(RecordingRule("r", "m"), limit=1))
    bench.put("m", 0, 1, i="1")
    bench.put("m", 0, 1, i="2")
    assert bench.evaluate(0) == ["exceeded limit of 1 with 2 series"]
    assert bench.ask("r", 0) == {}


# Telling


def test_firing_is_told_at_once_and_then_once_a_minute():
    bench = Bench(group(AlertingRule("A", "m > 1")))
    bench.put("m", 0, 2, i="1")
    told = {}
    for at in range(0, 151, 15):
        bench.put("m", at, 2, i="1")
        bench.evaluate(at)
        told[at] = bench.told(at)
    assert [at for at, alerts in told.items() if alerts] == [0, 75, 150]


def test_pending_is_not_told_and_resolved_is_told_at_once_and_again_for_a_quarter_of_an_hour():
    bench = Bench(group(AlertingRule("A", "m > 1", hold=15.0)))
    bench.put("m", 0, 2, i="1")
    bench.evaluate(0)
    assert bench.told(0) == []
    bench.evaluate(15)
    assert bench.told(15) == [("1", Status.FIRING)]
    bench.put("m", 20, 0, i="1")
    bench.evaluate(30)
    assert bench.told(30) == [("1", Status.RESOLVED)]
    again = []
    for at in range(45, 1200, 15):
        bench.evaluate(at)
        again += [at] * bool(bench.told(at))
    assert again == list(range(105, 931, 75))


def test_an_alert_says_when_it_fired_when_it_ended_and_until_when_it_is_to_be_believed():
    bench = Bench(group(AlertingRule("A", "m > 1", hold=15.0, annotations=(("summary", "s {{ $value }}"),))))
    bench.put("m", 0, 2.5, i="1")
    bench.evaluate(0)
    bench.evaluate(15)
    labels = (("alertname", "A"), ("i", "1"))
    assert bench.run.telling(15 * S) == [
        Alert(labels, Status.FIRING, 15.0, 15.0, {"summary": "s 2.5"}, 2.5, expires_at=15.0 + 4 * 60.0)
    ]
    bench.put("m", 20, 0, i="1")
    bench.evaluate(30)
    assert bench.run.telling(30 * S) == [
        Alert(labels, Status.RESOLVED, 15.0, 30.0, {"summary": "s 2.5"}, 2.5, ended_at=30.0)
    ]


def test_what_did_not_arrive_is_told_again():
    bench = Bench(group(AlertingRule("A", "m > 1")))
    bench.put("m", 0, 2, i="1")
    bench.evaluate(0)
    bench.run.untold(bench.run.telling(0))
    assert bench.told(15) == [("1", Status.FIRING)]


# Reload


def test_a_reload_keeps_the_state_of_rules_with_the_same_name_and_labels():
    before = Bench(group(AlertingRule("A", "m > 1", hold=60.0), AlertingRule("B", "m > 1", hold=60.0)))
    before.put("m", 0, 2, i="1")
    before.evaluate(0)
    after = run_of(group(AlertingRule("B", "m > 1.5", hold=30.0), AlertingRule("A", "m > 1", labels=(("x", "y"),))))
    after.adopt(before.run)
    assert [(run.rule.name, alert.active_at) for run, alert in after.alerts()] == [("B", 0)]
    after.evaluate(30 * S, before.query, before.samples.append)
    states = {(run.rule.name, alert.state.value) for run, alert in after.alerts()}
    assert states == {("B", "firing"), ("A", "firing")}


def test_series_of_a_rule_that_a_reload_removed_end_with_the_next_evaluation():
    before = Bench(group(RecordingRule("r", "m"), RecordingRule("q", "m")))
    before.put("m", 0, 2)
    before.evaluate(0)
    after = run_of(group(RecordingRule("q", "m")))
    after.adopt(before.run)
    after.evaluate(15 * S, before.query, before.samples.append)
    assert before.ask("r", 15) == {}
    assert before.ask("q", 15) == {"": 2.0}


def test_duplicates_are_matched_in_their_order():
    twins = (AlertingRule("A", "m > 1"), AlertingRule("A", "m > 100"))
    before = Bench(group(*twins))
    before.put("m", 0, 2)
    before.evaluate(0)
    after = run_of(group(*twins))
    after.adopt(before.run)
    assert [len(run.states.active) for run in after.rules if run.states] == [1, 0]
