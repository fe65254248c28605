"""One transaction of the desk: finds the incident, has it decided, and writes what follows."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from alerts import inhibit
from alerts.alert import Alert, Status
from alerts.decision import decide
from alerts.duty import Assignment, Duty
from alerts.incident import Ack, Context, Decision, Due, Event, Incident, Policy, Resolve
from alerts.match import matches
from alerts.quiet import quiet_silence
from alerts.silence import Silence
from monitor.store import StoreError, incidents, outbox, silences
from monitor.store.incidents import Stored
from probes.base import Evidence, Labels

#: Without what looks or sounds alike at night: no 0 O, 1 I L, 2 Z, 5 S, 8 B.
_ALPHABET = "ACDEFGHJKMNPQRTUVWXY34679"
_KEY_LENGTH = 4


class NotKnown(Exception):
    """There is no incident of this key, or no silence of this id."""


@dataclass(frozen=True)
class Surroundings:
    """What decisions look up: `evidence` is the newest proof for an alert's labels, `quiet` whether the thing behind
    them has gone quiet, `doubt` why nothing is heard of an alert. All are called from the store's thread and must
    answer at once.
    """

    evidence: Callable[[Labels], Evidence | None] = lambda labels: None
    quiet: Callable[[Labels], bool] = lambda labels: False
    doubt: Callable[[Alert], str] = lambda alert: ""
    policy: Policy = field(default_factory=Policy)


class Case:
    """The decisions of one transaction, all at the same moment. `told` counts what was put into the outbox, `story` is
    what to log once it is committed: (incident, line).
    """

    def __init__(self, connection: Connection, duty: Duty, surroundings: Surroundings, now: float) -> None:
        self._connection, self._duty, self._around, self._now = connection, duty, surroundings, now
        self._silences: tuple[Silence, ...] | None = None
        self.told = 0
        self.story: list[tuple[str, str]] = []
        self.events: list[str] = []

    def alert(self, alert: Alert) -> Decision:
        """Decide what a source says about an alert; all or nothing of it is written."""
        with self._connection.begin_nested():
            assigned = self._duty.assign(alert.labels)
            since = self._now - self._around.policy.flap
            stored = incidents.find(self._connection, assigned.identity, since)
            return self._decide(stored, replace(alert, labels=assigned.labels), assigned, assigned.labels)

    def act(self, key: str, event: Ack | Resolve) -> Decision:
        """Decide what a person did to an incident. Raises NotKnown."""
        stored = incidents.by_key(self._connection, key)
        if stored is None:
            raise NotKnown(f"there is no incident {key}; `shopwatch incidents` lists them")
        return self._again(stored, event)

    def drill(self, to: str, by: str) -> Decision:
        """Open an incident in which nothing is broken, and tell one notifier or person of it; all when `to` is empty.

        Raises NotKnown when there is no such notifier or person.
        """
        plan = self._duty.drill(to)
        if plan is None:
            raise NotKnown(f"there is no notifier and no person called {to!r}")
        key = self._new_key()
        labels = (("alertname", "PageTest"), ("drill", key), ("severity", "test"))
        words = {
            "summary": "A test page: nothing is broken",
            "description": f"{by} wants to know whether pages arrive.",
        }
        alert = Alert(labels, Status.FIRING, self._now, self._now, words, source=f"a drill of {by}")
        assigned = replace(self._duty.assign(labels), plan=plan)
        return self._decide(None, alert, assigned, labels, key)

    def due(self) -> None:
        """Look again at every incident whose time has come."""
        for stored in incidents.due(self._connection, self._now):
            self._again(stored, Due())

    def silence(self, silence: Silence) -> Silence:
        """Begin or change a silence, and look again at every open incident. Raises NotKnown."""
        if silence.id and silences.get(self._connection, silence.id) is None:
            raise NotKnown(f"there is no silence {silence.id}")
        silence = replace(silence, id=silence.id or str(uuid.uuid4()), updated_at=self._now)
        self._put_silence(silence)
        return silence

    def unsilence(self, silence_id: str) -> Silence:
        """End a silence now. Raises NotKnown."""
        silence = silences.get(self._connection, silence_id)
        if silence is None:
            raise NotKnown(f"there is no silence {silence_id}")
        if silence.ends_at <= self._now:
            return silence
        starts = min(silence.starts_at, self._now)
        ended = replace(silence, starts_at=starts, ends_at=self._now, updated_at=self._now)
        self._put_silence(ended)
        return ended

    def _put_silence(self, silence: Silence) -> None:
        silences.put(self._connection, silence)
        self._silences = None
        for stored in incidents.unresolved(self._connection):
            self._again(stored, Due())

    def _again(self, stored: Stored, event: Event) -> Decision:
        lead = stored.incident.lead
        labels = lead.labels if lead else stored.incident.labels
        return self._decide(stored, event, self._duty.assign(labels), labels)

    def _decide(
        self, stored: Stored | None, event: Event, assigned: Assignment, labels: Labels, key: str = ""
    ) -> Decision:
        known = stored.incident if stored else None
        key = key or (known.key if known else self._new_key())
        decision = decide(known, event, self._now, self._context(known, key, assigned, labels))
        self.events.append(type(event).__name__.lower())
        if decision.incident is not None:
            self._keep(stored, decision.incident, decision)
            self._let_others_look(known, decision.incident)
        return decision

    def _let_others_look(self, before: Incident | None, after: Incident) -> None:
        """What this incident holds back, or held back until now, is decided again."""
        changed = inhibit.voices(before) ^ inhibit.voices(after)
        if not changed or not self._duty.inhibit:
            return
        others = [one.incident for one in incidents.unresolved(self._connection) if one.incident.key != after.key]
        for key in list(inhibit.concerned(self._duty.inhibit, changed, others)):
            stored = incidents.by_key(self._connection, key)  # read again: the one before may have changed it
            if stored is not None:
                self._again(stored, Due())

    def _held_back(self, known: Incident | None, key: str, labels: Labels) -> tuple[Silence, ...]:
        alerts = inhibit.voices(known) | {labels}
        rules = [rule for rule in self._duty.inhibit if any(matches(rule.target, target) for target in alerts)]
        if not rules:
            return ()
        open_ones = (one.incident for one in incidents.unresolved(self._connection))
        return inhibit.holding(rules, key, alerts, open_ones, self._now)

    def _context(self, known: Incident | None, key: str, assigned: Assignment, labels: Labels) -> Context:
        hours = None
        if assigned.route is not None and not assigned.plan.insists:
            hours = quiet_silence(assigned.route.quiet, self._now)
        return Context(
            key=key,
            identity=assigned.identity,
            labels=assigned.group,
            plan=assigned.plan,
            who=self._duty.who,
            silences=self._active() + ((hours,) if hours else ()) + self._held_back(known, key, labels),
            evidence=self._around.evidence(labels),
            quiet=self._around.quiet,
            doubt=self._around.doubt,
            policy=self._around.policy,
        )

    def _active(self) -> tuple[Silence, ...]:
        if self._silences is None:
            self._silences = silences.active(self._connection, self._now) + self._duty.planned(self._now)
        return self._silences

    def _new_key(self) -> str:
        for attempt in range(100):
            key = "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_LENGTH + attempt // 25))
            if not incidents.taken(self._connection, key):
                return key
        raise StoreError("store: no free incident key was found in a hundred tries")

    def _keep(self, stored: Stored | None, incident: Incident, decision: Decision) -> None:
        if stored is None:
            incident_id = incidents.add(self._connection, incident)
        else:
            incident_id = stored.id
            if incident != stored.incident:
                incidents.change(self._connection, incident_id, incident)
        incidents.note(self._connection, incident_id, decision.audit)
        outbox.put(self._connection, incident_id, decision.pages, self._now)
        self.told += len(decision.pages)
        self.story += [(incident.key, line.text) for line in decision.audit]
