"""What a restart keeps: a running `for` as in Prometheus, and firing alerts until somebody could look again."""

import pytest

from alerts.active import Active, State
from alerts.rule import AlertingRule, Element, RuleGroup
from alerts.rulegroup import GroupRun, rule_key
from alerts.rulememory import Kept, has_looked, restored_start, wait_of, why_waiting
from alerts.rulestate import Surroundings
from probes.base import Labels

MINUTE = 60_000
T = 1_000 * MINUTE
LABELS = (("alertname", "A"), ("probe", "home"))


def kept(**more: object) -> Kept:
    facts = {"active_at": T - 20 * MINUTE, "seen_at": T - 5 * MINUTE, "state": State.PENDING, "fired_at": None}
    rest = {"missed_at": None, "value": 1.0, "annotations": (("summary", "s"),), "labels": LABELS}
    return Kept(**{"group": "r.yml;g", "rule": rule_key(rule())} | facts | rest | more)  # type: ignore[arg-type]


def rule(hold: float = 1800.0, expr: str = "m") -> AlertingRule:
    return AlertingRule("A", expr, hold=hold)


@pytest.mark.parametrize(
    ("hold_minutes", "pending_minutes", "away_minutes", "fires_in"),
    [
        (9, 5, 1, 9),  # shorter than the grace period: not restored
        (30, 15, 61, 30),  # away for too long
        (30, 15, 5, 15),  # what was left
        (30, 25, 5, 10),  # never sooner than the grace period
        (30, 30, 5, 0),  # was firing
        (30, 45, 5, 0),
    ],
)
def test_when_a_pending_alert_fires_after_a_restart(
    hold_minutes: float, pending_minutes: float, away_minutes: float, fires_in: float
):
    seen = T - round(away_minutes * MINUTE)
    before = kept(seen_at=seen, active_at=seen - round(pending_minutes * MINUTE))
    start = restored_start(rule(hold_minutes * 60), before, T)
    start = T if start is None else start
    assert max(0, start + round(hold_minutes * MINUTE) - T) == fires_in * MINUTE


class Restarted:
    """A group right after a restart, at T."""

    def __init__(self, of: AlertingRule, *records: Kept) -> None:
        self.run = GroupRun(RuleGroup("g", "r.yml", 15.0, (of,)), Surroundings(), lambda: 0.0)
        self.run.recall(records)
        self.heard = False

    def evaluate(self, at: int, *, present: bool) -> str:
        elements: list[Element] = [((("probe", "home"),), 1.0)] if present else []
        self.run.release(at, T, lambda probe: self.heard)
        assert self.run.evaluate(at, lambda expr, when: elements, lambda *sample: True) == []
        states = [alert.state.value for _, alert in self.run.alerts()]
        return states[0] if states else "none"


def test_a_pending_alert_goes_on_where_it_was_when_it_is_seen_again():
    group = Restarted(rule(), kept())
    assert group.evaluate(T, present=True) == "pending"
    assert group.evaluate(T + 15 * MINUTE - 1, present=True) == "pending"
    assert group.evaluate(T + 15 * MINUTE, present=True) == "firing"


def test_a_pending_alert_that_is_not_seen_again_is_over():
    group = Restarted(rule(), kept())
    assert group.evaluate(T, present=False) == "none"
    assert group.evaluate(T + MINUTE, present=True) == "pending"


def test_a_firing_alert_is_awaited_silently_until_its_probe_has_reported():
    firing = kept(state=State.FIRING, fired_at=T - 10 * MINUTE)
    group = Restarted(rule(), firing)
    assert group.evaluate(T, present=False) == "firing"
    assert group.run.telling(T) == []
    group.heard = True
    assert group.evaluate(T + 15_000, present=False) == "inactive"
    [told] = group.run.telling(T + 15_000)
    assert (told.status, told.started_at) == ("resolved", (T - 10 * MINUTE) / 1000)


def test_a_firing_alert_that_is_seen_again_has_fired_since_then():
    group = Restarted(rule(), kept(state=State.FIRING, fired_at=T - 10 * MINUTE))
    assert group.evaluate(T, present=True) == "firing"
    [told] = group.run.telling(T)
    assert (told.status, told.started_at) == ("firing", (T - 10 * MINUTE) / 1000)


def test_records_of_other_groups_and_vanished_rules_are_left_alone():
    group = Restarted(rule(), kept(state=State.FIRING, rule="gone"))
    assert list(group.run.alerts()) == []


def test_an_empty_answer_means_something_once_the_window_has_filled():
    alert = Active(LABELS, {}, 1.0, State.FIRING, awaited=True)
    window = 15 * MINUTE
    assert not has_looked(alert, window, T + window - 1, T, lambda probe: True)
    assert has_looked(alert, window, T + window, T, lambda probe: True)
    assert not has_looked(alert, window, T + window, T, lambda probe: False)
    assert has_looked(alert, window, T + 60 * MINUTE, T, lambda probe: False)
    nobody = Active((("alertname", "A"),), {}, 1.0, State.FIRING, awaited=True)
    assert not has_looked(nobody, 0, T + 5 * MINUTE - 1, T, lambda probe: False)
    assert has_looked(nobody, 0, T + 5 * MINUTE, T, lambda probe: False)


def test_what_is_kept_of_a_group():
    group = Restarted(rule(hold=0.0))
    group.evaluate(T, present=True)
    [record] = group.run.keepsakes(T + 1)
    assert record == kept(
        state=State.FIRING, active_at=T, fired_at=T, seen_at=T + 1, annotations=(), rule=rule_key(rule())
    )


@pytest.mark.parametrize(
    ("labels", "window", "minutes"), [(LABELS, 15, 15), (LABELS, 0, 0), ((), 0, 5), (LABELS, 90, 60)]
)
def test_why_nothing_is_said_after_a_restart_yet(labels: Labels, window: int, minutes: int):
    alert = Active(labels, {}, 1.0, awaited=True)
    wait = wait_of(alert, window * MINUTE)
    assert wait == minutes * MINUTE
    assert has_looked(alert, window * MINUTE, T + wait, T, lambda probe: True)
    assert wait == 0 or not has_looked(alert, window * MINUTE, T + wait - 1, T, lambda probe: True)


def test_the_sentence_names_the_restart_the_wait_and_its_end():
    noon = 1_795_435_200_000  # 2026-11-23 12:00 UTC
    assert why_waiting(15 * MINUTE, noon) == (
        "Shopwatch restarted at 12:00; this rule needs 15m of looks before it may say that it is over (until 12:15 UTC)"
    )
