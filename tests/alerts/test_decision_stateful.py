"""Whatever happens in whatever order: no page is lost, none is sent twice, and the end is always told."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.alert import Alert, Status
from alerts.audit import Fault, audit
from alerts.decision import decide
from alerts.incident import Ack, Decision, Due, Event, Incident, Kind, Resolve, State
from alerts.silence import Silence
from tests.alerts.making import NOW, PLAN, TICKET, alert, context, labels

_SOURCES = st.sampled_from(["embedded", "prometheus", "alertmanager"])
_MEMBERS = st.sampled_from(["One", "Two"])
_PEOPLE = st.sampled_from(["mei", "ana"])


class Corridor(RuleBasedStateMachine):
    """The desk without a store: one group of alerts, one incident at a time, an outbox that is only read."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.incident: Incident | None = None
        self.silences: tuple[Silence, ...] = ()
        self.quiet = False
        self.count = 0
        self.outbox: dict[str, list[tuple[str, Kind]]] = {}
        self.transitions: set[str] = set()
        self.paged: set[tuple[object, ...]] = set()
        self.said_over: set[tuple[object, str]] = set()

    def decide(self, event: Event) -> Decision:
        before = self.incident
        self.count += 1
        around = context(
            key=f"K{self.count}",
            labels=(("shop", "main"),),
            plan=self.plan,
            silences=self.silences,
            quiet=lambda labels: self.quiet,
        )
        decision = decide(before, event, self.now, around)
        self.incident = decision.incident or self.incident
        assert decision.reason
        if self.incident is not None and self.incident.next_at is not None:
            assert self.incident.next_at > self.now
        self.check_pages(before, decision)
        if isinstance(event, Alert):
            told = {(event.labels, event.source)}
            if event.status is Status.RESOLVED:
                self.said_over |= told
            elif event.status is Status.FIRING:
                self.said_over -= told
        if self.incident is not None:  # time and silence mend nothing: what is over was said to be over
            over = {(one.labels, one.source) for one in self.incident.alerts if one.status is Status.RESOLVED}
            assert over <= self.said_over
        return decision

    plan = PLAN

    def check_pages(self, before: Incident | None, decision: Decision) -> None:
        incident = decision.incident
        if incident is None:
            assert not decision.pages
            return
        for page in decision.pages:
            assert page.transition not in self.transitions
            self.transitions.add(page.transition)
            self.outbox.setdefault(incident.key, []).append((page.notifier, page.kind))
            if page.kind is Kind.PAGE:
                assert not incident.over
                assert incident.ack is None
                assert incident.hush is None
                once = (incident.key, incident.round, incident.position, page.notifier)
                assert once not in self.paged
                self.paged.add(once)
        same = before is not None and before.key == incident.key
        if same and before is not None and before.state != incident.state:
            assert decision.audit, f"{before.state} became {incident.state} without a word"
        if same and before is not None and before.hush and not incident.hush and not incident.over:
            assert incident.ack or not self.plan.insists or any(page.kind is Kind.PAGE for page in decision.pages)
        if incident.over and same and before is not None and not before.over:
            told = {known.notifier for known in before.told}
            assert {page.notifier for page in decision.pages if page.kind is Kind.RESOLVED} == told

    @rule(member=_MEMBERS, source=_SOURCES, lasts=st.sampled_from([None, 60.0, 240.0]))
    def fires(self, member: str, source: str, lasts: float | None) -> None:
        expires = None if lasts is None else self.now + lasts
        self.decide(alert(self.now, labels=labels(member), source=source, expires_at=expires))

    @rule(member=_MEMBERS, source=_SOURCES)
    def resolves(self, member: str, source: str) -> None:
        self.decide(alert(self.now, Status.RESOLVED, labels=labels(member), source=source))

    @rule(member=_MEMBERS, source=_SOURCES)
    def goes_stale(self, member: str, source: str) -> None:
        self.decide(alert(self.now, Status.STALE, labels=labels(member), source=source))

    @rule(person=_PEOPLE)
    def acks(self, person: str) -> None:
        first = self.decide(Ack(person))
        again = self.decide(Ack(person))
        assert not again.pages
        assert again.incident == first.incident

    @rule(person=_PEOPLE)
    def resolves_by_hand(self, person: str) -> None:
        self.decide(Resolve(person))
        if self.incident is not None:
            assert self.incident.over
            assert not self.decide(Resolve(person)).pages

    @rule(lasts=st.sampled_from([30.0, 600.0, 7200.0]))
    def silences_all(self, lasts: float) -> None:
        self.silences = (Silence("1", (), self.now, self.now + lasts, "deploy", "ana"),)
        self.decide(Due())

    @rule()
    def ends_silences(self) -> None:
        self.silences = ()
        self.decide(Due())

    @rule(quiet=st.booleans())
    def probe_is_seen_or_not(self, quiet: bool) -> None:
        self.quiet = quiet

    @rule(seconds=st.sampled_from([0.0, 1.0, 59.0, 61.0, 299.0, 301.0, 900.0, 86400.0]))
    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        steps = 0
        while self.incident is not None and self.incident.next_at is not None and self.incident.next_at <= end:
            self.now = max(self.now, self.incident.next_at)
            self.decide(Due())
            steps += 1
            assert steps < 5000, "the timers do not come to rest"
        self.now = end

    @precondition(lambda self: self.incident is not None)
    @rule()
    def restarts(self) -> None:
        """A restart looks at everything once more, twice if it must, and nobody notices."""
        self.decide(Due())
        before = self.incident
        again = self.decide(Due())
        assert not again.pages
        assert again.incident == before

    @invariant()
    def no_page_is_lost(self) -> None:
        incident = self.incident
        if incident is None or incident.over or incident.hush is not None:
            return
        if incident.ack is None:
            assert any(once[:2] == (incident.key, incident.round) for once in self.paged)

    @invariant()
    def the_end_is_told_to_whoever_was_paged(self) -> None:
        if self.incident is None or self.incident.state is not State.RESOLVED:
            return
        last: dict[str, Kind] = {}
        for notifier, kind in self.outbox.get(self.incident.key, []):
            last[notifier] = kind
        assert all(kind is Kind.RESOLVED for kind in last.values()), last

    @invariant()
    def the_auditor_agrees(self) -> None:
        if self.incident is None:
            return
        faults = {complaint.fault for complaint in audit([self.incident], 0.0, self.now)}
        assert faults <= {Fault.EXHAUSTED}


class Tickets(Corridor):
    """The same for what is told once."""

    plan = TICKET


TestCorridor = Corridor.TestCase
TestCorridor.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestTickets = Tickets.TestCase
TestTickets.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


def test_the_auditor_complains() -> None:
    around = context()
    opened = decide(None, alert(), NOW, around).incident
    assert opened is not None
    assert audit([opened], 0.0, NOW + 350) == []
    assert [each.text for each in audit([opened], 0.0, NOW + 420)] == ["the next step of K7Q2 is overdue by 2m"]
    assert [each.fault for each in audit([replace(opened, told=())], 0.0, NOW)] == [Fault.UNTOLD]
    ends = opened
    for after in (300, 900, 1500):
        ends = decide(ends, Due(), NOW + after, around).incident or ends
    assert [each.text for each in audit([ends], 90.0, NOW + 1500)] == [
        "nobody acked K7Q2, and every step has been taken",
        "a page has been waiting for 1m30s and is not delivered",
    ]
