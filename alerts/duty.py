"""What the config says about an alert: which incident it belongs to, whom to tell, and whether it is silenced."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.escalation import Escalation, EscalationStep, Plan, tell_once
from alerts.identity import EXTERNAL, core, group, identity
from alerts.inhibit import Inhibition
from alerts.oncall import Roster
from alerts.route import Route, route
from alerts.silence import Silence
from probes.base import Labels


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where an alert belongs: its own labels, those of its incident, the incident's identity, and the plan for it."""

    labels: Labels
    group: Labels
    identity: str
    plan: Plan
    route: Route | None


@dataclass(frozen=True)
class Duty:
    """The parts of the config that decide who is told of what.

    `notifiers` are the names of all channels in the order of the config: the first that works takes what no route
    takes, and what another channel cannot deliver. `planned` answers the maintenance windows at a moment.
    """

    roster: Roster
    routes: tuple[Route, ...]
    escalations: tuple[Escalation, ...]
    notifiers: tuple[str, ...]
    external: frozenset[str] = EXTERNAL
    planned: Callable[[float], tuple[Silence, ...]] = lambda now: ()
    inhibit: tuple[Inhibition, ...] = ()

    def assign(self, labels: Labels) -> Assignment:
        """Where an alert with these labels belongs."""
        own = core(labels, self.external)
        chosen = route(self.routes, own)
        by = (chosen.group_by or None) if chosen else None
        shared = group(own, by, self.external)
        scope = repr(sorted(chosen.match.items())) if chosen and by else ""
        return Assignment(own, shared, identity(shared, scope), self._plan(chosen), chosen)

    def who(self, names: tuple[str, ...], at: float) -> tuple[str, ...]:
        """The names of the people behind names of rotations and people at a moment."""
        return tuple(person.name for person in self.roster.who(names, at))

    def drill(self, to: str) -> Plan | None:
        """The plan of a test page to one notifier, to one person by all, or to all; None when nobody is called so."""
        if not to or to in self.notifiers:
            return tell_once("drill", (to,) if to else self.notifiers)
        if self.roster.who((to,), 0.0):
            return Plan("drill", (EscalationStep(notify=(to,), by=self.notifiers),), insists=False)
        return None

    def _plan(self, chosen: Route | None) -> Plan:
        if chosen is not None and chosen.escalation:
            named = next((one for one in self.escalations if one.name == chosen.escalation), None)
            if named is not None:
                return Plan(named.name, named.steps)
        if chosen is not None and chosen.notify:
            return tell_once("notify", chosen.notify)
        return tell_once("no route", self.notifiers)
