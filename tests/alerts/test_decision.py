"""Each thing that can happen to an incident, and what people hear of it."""

from dataclasses import replace

import pytest

from alerts.alert import Status
from alerts.decision import decide
from alerts.escalation import EscalationStep, Plan
from alerts.incident import Ack, Context, Decision, Due, Event, Incident, Kind, Resolve, State
from alerts.page import compose
from alerts.silence import Silence, parse_matchers
from probes.base import Evidence, Outcome, Step
from tests.alerts.making import NOW, TICKET, alert, context, labels


class Story:
    """One incident's life: events go in, and what was told is remembered."""

    def __init__(self, **around: object) -> None:
        self.context: Context = context(**around)
        self.incident: Incident | None = None
        self.told: list[tuple[str, str, tuple[str, ...]]] = []
        self.last: Decision | None = None

    def at(self, after: float, event: Event, **around: object) -> Decision:
        """An event so many seconds after NOW."""
        self.context = replace(self.context, **around)
        self.last = decide(self.incident, event, NOW + after, self.context)
        self.incident = self.last.incident or self.incident
        self.told.extend((page.notifier, page.kind.value, page.people) for page in self.last.pages)
        return self.last

    def fires(self, after: float, **changes: object) -> Decision:
        return self.at(after, alert(NOW + after, **changes))

    def resolves(self, after: float, **changes: object) -> Decision:
        return self.at(after, alert(NOW + after, Status.RESOLVED, **changes))

    @property
    def state(self) -> State:
        assert self.incident is not None
        return self.incident.state

    @property
    def next_at(self) -> float | None:
        assert self.incident is not None
        return None if self.incident.next_at is None else self.incident.next_at - NOW


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_firing_alert_opens_an_incident_and_pages_who_is_on_call(story: Story) -> None:
    decision = story.fires(0)
    assert story.state is State.OPEN
    assert story.told == [("slack", "page", ("mei",))]
    assert decision.reason == "CheckoutFailing fires, says Shopwatch's own rules; Paged mei by slack (step 1 of 2)"
    assert story.next_at == 300


def test_the_same_alert_again_changes_nothing_and_tells_nobody(story: Story) -> None:
    first = story.fires(0)
    again = story.fires(60)
    assert again.pages == ()
    assert again.audit == ()
    assert again.reason == "nothing has changed"
    assert first.incident is not None
    assert again.incident is not None
    assert again.incident.version == first.incident.version


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.STALE])
def test_what_never_fired_opens_nothing(story: Story, status: Status) -> None:
    decision = story.at(0, alert(NOW, status))
    assert decision.incident is None
    assert decision.reason == f"CheckoutFailing is {status}, and no incident is open for it"


def test_without_an_ack_the_next_step_is_taken_when_it_is_due(story: Story) -> None:
    story.fires(0)
    assert story.at(299, Due()).pages == ()
    decision = story.at(300, Due())
    assert [(page.notifier, page.kind, page.people) for page in decision.pages] == [
        ("slack", Kind.PAGE, ("mei", "ana")),
        ("phone", Kind.PAGE, ("mei", "ana")),
    ]
    assert decision.pages[0].line == "No ack within 5m. Paged mei, ana by slack, phone (step 2 of 2)"
    assert story.next_at == 900
    repeat = story.at(900, Due())
    assert repeat.pages[0].line == "No ack within 10m. Paged mei, ana by slack, phone (step 2 of 2, repeat 1 of 1)"
    end = story.at(1500, Due())
    assert [page.kind for page in end.pages] == [Kind.NEWS, Kind.NEWS]
    assert end.reason == "nobody acked, and every step has been taken"
    assert story.state is State.OPEN
    assert story.next_at is None


def test_an_ack_stops_the_escalation_and_everyone_told_hears_of_it(story: Story) -> None:
    story.fires(0)
    decision = story.at(10, Ack("mei", "slack"))
    assert decision.reason == "mei is on it (by slack)"
    assert [(page.notifier, page.kind) for page in decision.pages] == [("slack", Kind.NEWS)]
    assert story.state is State.ACKED
    assert story.next_at is None
    assert story.at(10_000, Due()).pages == ()


def test_a_double_click_is_one_ack_and_another_person_takes_over(story: Story) -> None:
    story.fires(0)
    story.at(10, Ack("mei"))
    again = story.at(10.3, Ack("mei"))
    assert (again.pages, again.reason) == ((), "mei has acked it already")
    assert story.at(20, Ack("ana")).reason == "ana took over from mei"
    assert story.incident is not None
    assert story.incident.ack is not None
    assert story.incident.ack.by == "ana"


def test_resolved_beats_a_racing_ack(story: Story) -> None:
    story.fires(0)
    story.resolves(60)
    decision = story.at(60.1, Ack("mei"))
    assert decision.pages == ()
    assert decision.reason == "it is resolved already; an ack changes nothing"
    assert story.state is State.RESOLVED


def test_resolved_is_told_to_everyone_who_was_told(story: Story) -> None:
    story.fires(0)
    story.at(300, Due())
    story.told.clear()
    story.resolves(400)
    assert story.told == [("slack", "resolved", ("mei", "ana")), ("phone", "resolved", ("mei", "ana"))]
    assert story.next_at is None
    story.told.clear()
    assert story.resolves(460).reason == "known to be over"
    assert story.told == []


def test_a_flicker_reopens_the_same_incident_without_a_new_page(story: Story) -> None:
    story.fires(0)
    story.resolves(60)
    decision = story.fires(100)
    assert [(page.notifier, page.kind) for page in decision.pages] == [("slack", Kind.NEWS)]
    assert story.state is State.OPEN
    assert decision.incident is not None
    assert decision.incident.key == "K7Q2"
    assert story.next_at == 300  # the page sent at first is still to be answered
    assert [page.kind for page in story.at(300, Due()).pages] == [Kind.PAGE, Kind.PAGE]


@pytest.mark.parametrize("after", [60, 120, 500])
def test_firing_again_after_it_was_over_for_a_while_pages_anew(story: Story, after: int) -> None:
    story.fires(0)
    story.resolves(60)
    decision = story.fires(60 + after)
    assert [(page.kind, page.people) for page in decision.pages] == [(Kind.PAGE, ("mei",))]
    assert "Fires again. Paged mei" in decision.pages[0].line


def test_whoever_acked_is_not_woken_by_a_flicker_but_is_after_having_read_that_it_is_over(story: Story) -> None:
    story.fires(0)
    story.at(10, Ack("mei"))
    for start in range(60, 600, 120):
        story.resolves(start)
        assert [page.kind for page in story.fires(start + 50).pages] == [Kind.NEWS]
        assert story.state is State.ACKED
    story.resolves(620)
    assert [page.kind for page in story.fires(680).pages] == [Kind.PAGE]
    assert story.state is State.OPEN


def _walk(failing: str) -> Evidence:
    steps = [Step(name, Outcome.DOWN if name == failing else Outcome.UP, 0.1) for name in ("search", "cart", "pay")]
    return Evidence(f"{failing}: expected status 200, got 500.", tuple(steps))


@pytest.mark.parametrize("acked", [True, False])
def test_a_flicker_names_what_fails_and_pages_anew_when_that_is_another_step(story: Story, acked: bool) -> None:
    story.at(0, alert(NOW), evidence=_walk("pay"))
    if acked:
        story.at(5, Ack("mei"))
    story.resolves(60)
    [same] = story.at(80, alert(NOW + 80), evidence=_walk("pay")).pages
    assert (same.kind, same.line) == (Kind.NEWS, "Fires again: pay: expected status 200, got 500")
    assert story.state is (State.ACKED if acked else State.OPEN)
    story.resolves(100)
    [other] = story.at(120, alert(NOW + 120), evidence=_walk("cart")).pages
    assert (other.kind, other.people) == (Kind.PAGE, ("mei",))
    assert other.line.startswith("Fires again: cart: expected status 200, got 500. Paged mei")
    assert story.state is State.OPEN


@pytest.mark.parametrize(
    ("summary", "kind"),
    [
        ("refused after 31.5 ms", Kind.NEWS),
        ("expected status 200, got 500", Kind.PAGE),
        ("", Kind.NEWS),
    ],
)
def test_a_flicker_without_steps_is_told_apart_by_its_summary_but_not_by_its_numbers(
    story: Story, summary: str, kind: Kind
) -> None:
    story.at(0, alert(NOW), evidence=Evidence("refused after 2 ms"))
    story.resolves(60)
    again = story.at(80, alert(NOW + 80), evidence=Evidence(summary) if summary else None)
    assert [page.kind for page in again.pages] == [kind]


def test_one_step_alone_is_not_counted() -> None:
    alone = Plan("page", (EscalationStep(notify=("primary",), by=("slack",), repeat=1),))
    story = Story(plan=alone)
    assert story.fires(0).pages[0].line == "Paged mei by slack"
    assert story.at(300, Due()).pages[0].line.endswith("Paged mei by slack (repeat 1 of 1)")


def test_firing_long_after_is_another_incident(story: Story) -> None:
    story.fires(0)
    story.resolves(60)
    decision = story.at(661, alert(NOW + 661), key="R3W9")
    assert decision.incident is not None
    assert decision.incident.key == "R3W9"
    assert [page.kind for page in decision.pages] == [Kind.PAGE]


def test_an_alert_that_is_not_told_again_is_stale_and_never_resolved(story: Story) -> None:
    story.fires(0, expires_at=NOW + 240)
    assert story.next_at == 240
    decision = story.at(240, Due())
    assert story.state is State.STALE
    assert decision.reason.startswith("Its source went quiet")
    assert [page.kind for page in story.at(300, Due()).pages] == [Kind.PAGE, Kind.PAGE]  # still nobody's
    for minute in range(6, 600):
        story.at(minute * 60, Due())
    assert story.state is State.STALE


def test_after_a_restart_it_says_that_its_rule_has_to_look_first(story: Story) -> None:
    sentence = "Shopwatch restarted at 03:01; this rule needs 15m of looks before it may say that it is over (until …)"
    story.fires(0, expires_at=NOW + 240)
    decision = story.at(240, Due(), doubt=lambda alert: sentence)
    assert decision.reason == sentence
    assert [page.line for page in decision.pages] == [sentence]
    assert compose(story.incident, Kind.NEWS, "", (), (), NOW, "").doubt == sentence
    assert story.at(290, Due(), doubt=lambda alert: sentence).pages == ()
    # The rule had its time, and still nothing is heard: now that is the truth.
    assert [page.line[:21] for page in story.at(295, Due(), doubt=lambda alert: "").pages] == ["Its source went quiet"]
    assert compose(story.incident, Kind.NEWS, "", (), (), NOW, "").doubt.startswith("Its source went quiet")
    assert [page.line for page in story.fires(298).pages] == ["Its source is back: still firing"]
    assert compose(story.incident, Kind.NEWS, "", (), (), NOW, "").doubt == ""


def test_what_was_in_doubt_after_a_restart_is_looked_at_again(story: Story) -> None:
    story.fires(0, expires_at=NOW + 240)
    story.at(240, Due(), doubt=lambda alert: "Shopwatch restarted")
    assert [page.line for page in story.fires(250).pages] == ["Looked at again: still firing"]
    assert story.state is State.OPEN


def test_a_source_that_speaks_again_ends_the_doubt(story: Story) -> None:
    story.fires(0, expires_at=NOW + 240)
    story.at(240, Due())
    assert story.fires(250, expires_at=NOW + 500).reason == "its source speaks again: still firing"
    assert story.state is State.OPEN
    story.at(500, Due())
    story.resolves(510)
    assert story.state is State.RESOLVED


def test_resolved_by_a_source_whose_probe_is_not_seen_is_stale_until_it_is_seen_again(story: Story) -> None:
    story.fires(0)
    story.at(60, alert(NOW + 60, Status.RESOLVED), quiet=lambda labels: True)
    assert story.state is State.STALE
    story.at(120, Due())
    assert story.state is State.STALE
    assert story.next_at == 180
    story.at(180, Due(), quiet=lambda labels: False)
    assert story.state is State.RESOLVED


def test_two_sources_of_one_alert_do_not_resolve_each_others_word(story: Story) -> None:
    story.fires(0, source="embedded")
    story.fires(5, source="prometheus", expires_at=NOW + 245)
    story.resolves(60, source="embedded")
    assert story.state is State.OPEN  # Prometheus still says firing
    story.resolves(70, source="prometheus")
    assert story.state is State.RESOLVED


def test_a_newer_resolved_settles_an_older_word_that_expired(story: Story) -> None:
    story.fires(0, source="prometheus", expires_at=NOW + 240)
    story.fires(10, source="embedded")
    story.resolves(100, source="embedded")
    assert story.state is State.OPEN
    story.at(240, Due())
    assert story.state is State.RESOLVED  # embedded spoke after Prometheus fell silent


def test_a_second_witness_that_saw_it_end_settles_what_the_first_left_behind(story: Story) -> None:
    story.fires(0, source="prometheus", expires_at=NOW + 240)
    story.resolves(100, source="embedded")
    assert story.state is State.OPEN  # Prometheus still says firing
    story.fires(130, source="prometheus", expires_at=NOW + 370)
    story.at(370, Due())
    assert story.state is State.STALE  # and went away after that: embedded's word is the older one
    story.resolves(400, source="embedded", ended_at=NOW + 100)
    assert story.state is State.RESOLVED  # said again: still over, and Prometheus is silent


def test_a_second_witness_can_take_its_word_back_while_nothing_is_settled(story: Story) -> None:
    story.fires(0, source="prometheus", expires_at=NOW + 240)
    story.resolves(20, source="embedded")
    story.at(40, alert(NOW + 40, Status.STALE, source="embedded"))
    story.at(240, Due())
    assert story.state is State.STALE
    story.resolves(300, source="embedded")
    assert story.state is State.RESOLVED
    story.at(310, alert(NOW + 310, Status.STALE, source="embedded"))
    assert story.state is State.RESOLVED


def test_a_second_witness_settles_nothing_that_began_after_its_own_was_over(story: Story) -> None:
    story.fires(0, source="prometheus", started_at=NOW - 5, expires_at=NOW + 240)
    decision = story.resolves(10, source="embedded", ended_at=NOW - 20)
    assert decision.reason == "what Shopwatch's own rules saw was over before this began"
    story.at(240, Due())
    assert story.state is State.STALE


def test_words_that_arrive_late_change_nothing(story: Story) -> None:
    story.fires(0)
    story.fires(100)
    assert (
        story.at(101, alert(NOW + 50, Status.RESOLVED)).reason == "Shopwatch's own rules said something newer already"
    )
    late = alert(NOW + 110, Status.RESOLVED, ended_at=NOW - 100)
    assert story.at(110, late).reason == "an earlier firing is over, not this one"
    assert story.state is State.OPEN


def test_a_clock_that_was_set_back_does_not_make_sources_deaf(story: Story) -> None:
    story.fires(3600)
    story.resolves(0)
    assert story.state is State.RESOLVED


def test_a_silence_keeps_the_incident_and_pages_when_it_ends(story: Story) -> None:
    silence = Silence("1", parse_matchers("probe=checkout"), NOW - 1, NOW + 3600, "deploy", "ana")
    story.at(0, alert(NOW), silences=(silence,))
    assert story.state is State.SILENCED
    assert story.told == []
    assert story.next_at == 3600
    story.at(3600, Due(), silences=(silence,))
    assert story.state is State.OPEN
    assert story.told == [("slack", "page", ("mei",))]


def test_a_silence_that_ends_after_the_trouble_tells_nobody(story: Story) -> None:
    silence = Silence("1", (), NOW - 1, NOW + 3600, "deploy", "ana")
    story.at(0, alert(NOW), silences=(silence,))
    story.resolves(100)
    assert story.told == []
    assert story.state is State.RESOLVED


def test_a_silence_stops_an_escalation_and_its_end_begins_it_anew(story: Story) -> None:
    story.fires(0)
    silence = Silence("1", (), NOW + 100, NOW + 400, "deploy", "ana")
    decision = story.at(100, Due(), silences=(silence,))
    assert [page.line for page in decision.pages] == ["Silenced by ana: deploy"]
    assert story.at(300, Due()).pages == ()
    ended = story.at(400, Due())
    assert [(page.kind, page.people) for page in ended.pages] == [(Kind.PAGE, ("mei",))]


def test_a_silence_over_what_is_acked_wakes_nobody_at_its_end(story: Story) -> None:
    story.fires(0)
    story.at(10, Ack("mei"))
    silence = Silence("1", (), NOW + 100, NOW + 400, "deploy", "ana")
    story.at(100, Due(), silences=(silence,))
    assert [page.kind for page in story.at(400, Due()).pages] == [Kind.NEWS]
    assert story.state is State.ACKED


def test_a_person_may_resolve_and_is_believed_for_a_while(story: Story) -> None:
    story.fires(0)
    story.at(10, Resolve("mei", "slack"))
    assert story.state is State.RESOLVED
    assert story.fires(60).pages == ()
    assert story.state is State.RESOLVED
    assert story.next_at == 310
    decision = story.at(310, Due())
    assert story.state is State.OPEN
    assert decision.pages[0].kind is Kind.PAGE
    assert "Fires again, though mei said it was over" in decision.pages[0].line
    assert story.at(311, Resolve("mei")).reason == "Resolved by mei"


def test_a_persons_resolve_stands_when_the_sources_agree(story: Story) -> None:
    story.fires(0)
    story.at(10, Resolve("mei"))
    story.resolves(60)
    assert story.next_at is None
    assert story.state is State.RESOLVED
    assert story.at(70, Resolve("ana")).reason == "it is resolved already"


def test_a_stale_incident_is_resolved_by_hand(story: Story) -> None:
    story.fires(0, expires_at=NOW + 240)
    story.at(240, Due())
    story.at(250, Resolve("mei"))
    story.at(9999, Due())
    assert story.state is State.RESOLVED


def test_a_ticket_is_told_once_and_never_insists() -> None:
    story = Story(plan=TICKET)
    story.fires(0)
    assert story.told == [("slack", "page", ())]
    assert story.next_at is None
    assert story.at(100_000, Due()).pages == ()
    story.resolves(100_001)
    assert [page.kind for page in story.fires(100_060).pages] == [Kind.NEWS]


def test_a_group_is_over_when_all_its_alerts_are() -> None:
    story = Story(labels=(("shop", "main"),))
    one, two = labels("OneBroken", shop="main"), labels("TwoBroken", shop="main")
    story.fires(0, labels=one)
    joined = story.fires(5, labels=two, annotations={"summary": "Two is broken"})
    assert [(page.kind, page.line) for page in joined.pages] == [(Kind.NEWS, "Also: Two is broken")]
    story.resolves(60, labels=one)
    assert story.state is State.OPEN
    story.resolves(70, labels=two)
    assert story.state is State.RESOLVED


def test_a_group_is_silenced_only_as_a_whole() -> None:
    silence = Silence("1", parse_matchers("alertname=OneBroken"), NOW - 1, NOW + 3600, "known", "ana")
    story = Story(silences=(silence,))
    story.fires(0, labels=labels("OneBroken"))
    assert story.state is State.SILENCED
    story.fires(5, labels=labels("TwoBroken"))
    assert story.state is State.OPEN
    assert story.told[-1] == ("slack", "page", ("mei",))


def test_a_worse_alert_makes_the_incident_worse() -> None:
    story = Story()
    story.fires(0, labels=labels(severity="ticket"))
    story.fires(5, labels=labels("Worse"))
    assert story.incident is not None
    assert story.incident.severity == "page"


def _proof(step: str) -> Evidence:
    return Evidence(f"{step} failed", (Step("home", Outcome.UP, 0.1), Step(step, Outcome.DOWN, 0.2)))


def test_evidence_is_kept_from_the_failure_and_told_when_the_trouble_moves() -> None:
    story = Story(evidence=_proof("pay"))
    story.fires(0)
    assert story.fires(90, value=3.0).pages == ()
    moved = story.at(120, alert(NOW + 120), evidence=_proof("search"))
    assert [page.line for page in moved.pages] == ["Now: search failed"]
    assert story.at(130, alert(NOW + 130), evidence=_proof("pay")).pages == ()  # not twice a minute
    story.at(200, alert(NOW + 200, Status.RESOLVED), evidence=None)
    assert story.incident is not None
    assert story.incident.evidence == _proof("search")


def test_nobody_on_call_still_reaches_the_channel_and_says_so() -> None:
    story = Story(who=lambda names, at: ())
    decision = story.fires(0)
    assert decision.pages[0].line == "Paged the channel, for nobody is on call, by slack (step 1 of 2)"


def test_a_plan_made_shorter_by_a_reload_ends_instead_of_failing(story: Story) -> None:
    story.fires(0)
    story.at(300, Due())
    shorter = replace(story.context.plan, steps=story.context.plan.steps[:1])
    assert story.at(900, Due(), plan=shorter).reason == "nobody acked, and every step has been taken"


@pytest.mark.parametrize("event", [Ack("mei"), Resolve("mei"), Due()])
def test_nothing_is_decided_about_no_incident(event: Event) -> None:
    assert decide(None, event, NOW, context()).reason == "there is no such incident"
