"""Two witnesses of one trouble, of which one comes and goes: nothing is lost, doubled or ended unseen."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.alert import Alert, Status
from alerts.decision import decide
from alerts.incident import Due, Incident, Kind
from alerts.standby import WATCHDOG, PrometheusSettings, Standby
from tests.alerts.making import NOW, TICKET, alert, context, labels

STEP, RESEND, EXPIRES, RETENTION = 15.0, 60.0, 240.0, 900.0
PATIENCE = 300.0


@dataclass
class Witness:
    """Evaluates one rule as Prometheus does: tells a change at once, what fires each minute, what ended for a while."""

    source: str
    severity: str
    started: float | None = None
    ended: float | None = None
    told: float = float("-inf")

    def look(self, now: float, broken: bool) -> Alert | None:
        """What it says now, if anything."""
        if broken and (self.started is None or self.ended is not None):
            self.started, self.ended, self.told = now, None, float("-inf")
        elif not broken and self.started is not None and self.ended is None:
            self.ended, self.told = now, float("-inf")
        if self.started is None or now - self.told < RESEND:
            return None
        if self.ended is not None and now - self.ended > RETENTION:
            return None
        told = {"labels": labels(severity=self.severity), "source": self.source, "started_at": self.started}
        if self.ended is not None:
            return alert(now, Status.RESOLVED, ended_at=self.ended, **told)
        return alert(now, expires_at=now + EXPIRES, **told)


@dataclass
class World:
    """A shop, a Prometheus in front, and us."""

    severity: str
    ours: Witness
    now: float = NOW
    prometheus: Witness | None = None
    standby: Standby = field(default_factory=lambda: Standby(PrometheusSettings(watchdog=PATIENCE), NOW))
    incident: Incident | None = None
    opened: int = 0
    pages: int = 0
    broken_for: float = 0.0

    def step(self, broken: bool, alive: bool) -> None:
        self.now += STEP
        self.broken_for = self.broken_for + STEP if broken else 0.0
        if not alive:
            self.prometheus = None  # and it forgets what it had told
        else:
            self.prometheus = self.prometheus or Witness("prometheus", self.severity)
            self.standby.hear(alert(self.now, labels=labels(WATCHDOG)), self.now)
            self._tell(self.prometheus, self.prometheus.look(self.now, broken), broken)
        seen = self.ours.look(self.now, broken)
        said = seen and self.standby.says(seen, self.now)
        if said is seen:
            self._tell(self.ours, said, broken)
        elif said is not None:
            self._decide(said, broken)
        self._decide(Due(), broken)

    def _tell(self, witness: Witness, said: Alert | None, broken: bool) -> None:
        if said is not None:
            witness.told = self.now
            self._decide(said, broken)

    def _decide(self, event: Alert | Due, broken: bool) -> None:
        before = self.incident
        decision = decide(before, event, self.now, context(plan=TICKET))
        if decision.incident is None:
            return
        self.incident = decision.incident
        if before is None or decision.incident.opened_at != before.opened_at:
            self.opened += 1
        self.pages += sum(page.kind is Kind.PAGE for page in decision.pages)
        ends = self.incident.over and before is not None and not before.over
        assert not (ends and broken), "it was called mended while it is broken"


phases = st.lists(
    st.tuples(st.integers(1, 60), st.booleans(), st.booleans()), min_size=1, max_size=8
)  # steps of 15 s, broken, Prometheus alive


@given(phases, st.sampled_from(["page", "ticket"]))
@settings(max_examples=200, deadline=None)
def test_nothing_is_lost_or_doubled_or_ended_unseen(story: list[tuple[int, bool, bool]], severity: str) -> None:
    world = World(severity, Witness("embedded", severity))
    least = PATIENCE + RESEND + STEP if severity == "page" else float("inf")  # tickets wait for Prometheus
    for steps, broken, alive in story:
        for _ in range(steps):
            world.step(broken, alive)
            open_now = world.incident is not None and not world.incident.over
            if broken and (alive or world.broken_for > least):
                assert open_now, "it is broken, and nobody is told"
            assert world.pages == world.opened, "one page an incident"
    for _ in range(80):
        world.step(False, True)
    assert world.incident is None or world.incident.over, "it is mended, both see it, and nobody says so"
