"""The life of an alert: pending, firing, resolved; what the clock decides, and what a glance may hasten."""

import pytest

from alerts.active import State
from alerts.rule import AlertingRule, Element, RuleFailed
from alerts.rulestate import RESOLVED_RETENTION, RuleState, Surroundings

AROUND = Surroundings({"shop": "main"}, "https://watch.example")
S = 1000
LABELS = (("alertname", "Down"), ("probe", "home"))


def down(*probes: str, value: float = 1.0) -> list[Element]:
    return [((("__name__", "m"), ("probe", probe)), value) for probe in probes]


def no_query(expr: str, at: int) -> list[Element]:
    raise RuleFailed("no query here")


class Play:
    """A rule's state with its evaluations in short."""

    def __init__(self, **rule: object) -> None:
        self.states = RuleState(AlertingRule("Down", "m", **rule))  # type: ignore[arg-type]

    def clock(self, at: float, *probes: str, value: float = 1.0, limit: int = 0) -> str:
        self.states.evaluate(down(*probes, value=value), round(at * S), no_query, AROUND, limit)
        return self.state()

    def glance(self, at: float, *probes: str, limit: int = 0) -> str:
        self.states.glance(down(*probes), round(at * S), no_query, AROUND, limit)
        return self.state()

    def state(self) -> str:
        alert = self.states.active.get(LABELS)
        return alert.state.value if alert else "none"


def test_without_for_it_fires_at_once_and_resolves_at_the_first_miss():
    play = Play()
    assert play.clock(0, "home") == "firing"
    assert play.clock(15) == "inactive"
    alert = play.states.active[LABELS]
    assert (alert.fired_at, alert.resolved_at) == (0, 15 * S)


def test_for_counts_from_the_first_evaluation_and_includes_its_end():
    play = Play(hold=30.0)
    assert play.clock(0, "home") == "pending"
    assert play.clock(29.999, "home") == "pending"
    assert play.clock(30, "home") == "firing"


def test_one_missing_sample_resets_pending():
    play = Play(hold=30.0)
    play.clock(0, "home")
    assert play.clock(15) == "none"
    assert play.clock(30, "home") == "pending"
    assert play.clock(45, "home") == "pending"
    assert play.clock(60, "home") == "firing"


def test_keep_firing_for_counts_from_the_first_miss():
    play = Play(keep=30.0)
    play.clock(0, "home")
    assert [play.clock(15), play.clock(30), play.clock(44.999)] == ["firing"] * 3
    assert play.clock(45) == "inactive"


def test_being_seen_again_ends_the_count_of_keep_firing_for():
    play = Play(keep=30.0)
    play.clock(0, "home")
    play.clock(15)
    play.clock(30, "home")
    assert play.clock(45) == "firing"
    assert play.clock(60) == "firing"
    assert play.clock(75) == "inactive"


def test_a_resolved_alert_is_remembered_for_fifteen_minutes():
    play = Play()
    play.clock(0, "home")
    play.clock(15)
    assert play.clock(15 + RESOLVED_RETENTION / S) == "inactive"
    assert play.clock(15.001 + RESOLVED_RETENTION / S) == "none"


def test_an_alert_that_comes_back_is_a_new_one():
    play = Play(hold=10.0)
    for at in (0, 10):
        play.clock(at, "home")
    play.clock(20)
    assert play.clock(30, "home") == "pending"
    assert play.states.active[LABELS].resolved_at is None


def test_value_and_annotations_are_those_of_the_last_evaluation():
    play = Play(
        annotations=(("summary", "{{ $labels.probe }} {{ $value }} {{ $externalLabels.shop }} {{ $externalURL }}"),)
    )
    play.clock(0, "home")
    play.clock(15, "home", value=2.5)
    alert = play.states.active[LABELS]
    assert alert.value == 2.5
    assert alert.annotations == {"summary": "home 2.5 main https://watch.example"}


def test_labels_of_the_rule_win_and_an_empty_one_removes():
    rule = (("alertname", "Other"), ("probe", ""), ("severity", "{{ if gt $value 5.0 }}page{{ else }}ticket{{ end }}"))
    play = Play(labels=rule)
    play.clock(0, "home")
    assert list(play.states.active) == [(("alertname", "Down"), ("severity", "ticket"))]


def test_a_label_that_changes_with_the_value_makes_another_alert():
    play = Play(labels=(("size", "{{ $value }}"),))
    play.clock(0, "home", value=1.0)
    play.clock(15, "home", value=2.0)
    states = {dict(labels)["size"]: alert.state for labels, alert in play.states.active.items()}
    assert states == {"1": State.INACTIVE, "2": State.FIRING}


def test_a_template_that_fails_is_told_and_does_not_silence():
    play = Play(annotations=(("summary", "{{ query `up` | first | value }}"), ("other", "{{ toUpper $value }}")))
    assert play.clock(0, "home") == "firing"
    told = play.states.active[LABELS].annotations
    assert told["summary"] == "<error expanding template: no query here>"
    assert told["other"] == "<error expanding template: toUpper wants a string, not a float64>"


def test_two_series_that_become_one_alert_are_an_error_and_change_nothing():
    play = Play(labels=(("probe", "same"),))
    play.clock(0, "home")
    before = dict(play.states.active)
    with pytest.raises(RuleFailed, match="same labelset after applying alert labels"):
        play.clock(15, "home", "cart")
    assert play.states.active == before


def test_too_many_alerts_are_an_error_and_all_are_forgotten_as_in_prometheus():
    play = Play()
    play.clock(0, "home", limit=1)
    with pytest.raises(RuleFailed, match="exceeded limit of 1 with 2 alerts"):
        play.clock(15, "home", "cart", limit=1)
    assert play.states.active == {}


def test_the_series_of_a_firing_alert():
    play = Play(hold=10.0, labels=(("severity", "page"),))
    play.clock(5.9, "home")
    series = dict(play.states.series())
    shared = (("alertname", "Down"), ("probe", "home"), ("severity", "page"))
    pending = tuple(sorted((*shared, ("__name__", "ALERTS"), ("alertstate", "pending"))))
    since = tuple(sorted((*shared, ("__name__", "ALERTS_FOR_STATE"))))
    assert series == {pending: 1.0, since: 5.0}


# Glances


def test_a_glance_starts_an_alert_and_without_for_fires_it():
    play = Play()
    assert play.glance(3, "home") == "firing"
    assert play.clock(15, "home") == "firing"
    assert play.states.active[LABELS].fired_at == 3 * S


def test_for_may_run_from_a_glance_and_end_in_one():
    play = Play(hold=30.0)
    assert play.glance(3, "home") == "pending"
    assert play.clock(15, "home") == "pending"
    assert play.states.due() == 33 * S
    assert play.glance(33, "home") == "firing"


def test_a_miss_in_a_glance_takes_back_only_what_glances_gave():
    play = Play(hold=30.0)
    play.glance(3, "home")
    play.clock(15, "home")
    assert play.glance(20) == "pending"
    assert play.clock(30, "home") == "pending"
    assert play.clock(44, "home") == "pending"
    assert play.clock(45, "home") == "firing"


def test_after_a_miss_in_a_glance_only_the_clock_fires_what_the_clock_has_seen():
    play = Play(hold=30.0)
    play.clock(0, "home")
    play.glance(20)
    assert play.states.due() is None
    assert play.glance(31, "home") == "pending"
    assert play.states.due() == 61 * S
    assert play.clock(32, "home") == "firing"


def test_what_only_glances_have_seen_ends_with_a_glance():
    play = Play(hold=30.0)
    play.glance(3, "home")
    assert play.glance(7) == "none"


def test_a_glance_never_resolves():
    play = Play()
    play.clock(0, "home")
    assert play.glance(7) == "firing"
    assert play.clock(15, "home") == "firing"
    assert play.states.active[LABELS].fired_at == 0
    assert play.clock(30) == "inactive"


def test_a_glance_does_not_count_for_keep_firing_for():
    play = Play(keep=30.0)
    play.clock(0, "home")
    play.glance(5)
    assert [play.clock(15), play.clock(44.9), play.clock(45)] == ["firing", "firing", "inactive"]


def test_an_alert_that_a_glance_fired_and_the_clock_never_saw_is_resolved_by_it():
    play = Play()
    play.glance(3, "home")
    assert play.clock(15) == "inactive"


def test_a_glance_beyond_the_limit_changes_nothing():
    play = Play()
    play.clock(0, "home", limit=1)
    with pytest.raises(RuleFailed, match="exceeded limit of 1 with 2 alerts"):
        play.glance(3, "home", "cart", limit=1)
    assert list(play.states.active) == [LABELS]
