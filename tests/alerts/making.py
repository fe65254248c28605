"""Alerts, plans and contexts for tests, made in one line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alerts.alert import Alert, Status
from alerts.duty import Duty
from alerts.escalation import Escalation, EscalationStep, Plan, tell_once
from alerts.identity import identity
from alerts.incident import Context
from alerts.oncall import Person, Roster, Rotation
from alerts.route import Route

#: A Monday, 2026-11-23 03:00 UTC.
NOW = 1795402800.0

PLAN = Plan(
    "page",
    (
        EscalationStep(notify=("primary",), by=("slack",), within=300.0),
        EscalationStep(notify=("everyone",), by=("slack", "phone"), within=600.0, repeat=1),
    ),
)
TICKET = tell_once("notify", ("slack",))

ROSTER = Roster(
    (Person(name="mei", slack="U012ABC", timezone="Asia/Taipei"), Person(name="ana", slack="U045DEF")),
    (Rotation(name="primary", people=("mei", "ana"), handover="Mon 10:00", timezone="Asia/Taipei"),),
)
DUTY = Duty(
    ROSTER,
    (
        Route(match={"severity": ("page",)}, escalation="page"),
        Route(match={"severity": ("ticket",)}, notify=("slack",)),
    ),
    (Escalation(name="page", steps=PLAN.steps),),
    ("slack", "phone", "console"),
)


def labels(name: str = "CheckoutFailing", **more: str) -> tuple[tuple[str, str], ...]:
    """Sorted labels of an alert that pages."""
    return tuple(sorted({"alertname": name, "probe": "checkout", "severity": "page", **more}.items()))


def alert(at: float = NOW, status: Status = Status.FIRING, **changes: Any) -> Alert:
    """An alert as its source tells it at a moment."""
    made = Alert(
        labels=labels(),
        status=status,
        started_at=NOW - 30,
        told_at=at,
        annotations={"summary": "Shoppers cannot finish checkout", "runbook_url": "runbooks/CheckoutFailing"},
        value=0.0,
        ended_at=at if status is Status.RESOLVED else None,
    )
    return replace(made, **changes)


def context(**changes: Any) -> Context:
    """What a decision is told: mei is on call, everyone is mei and ana, nothing is silenced."""
    people: Mapping[str, tuple[str, ...]] = {"primary": ("mei",), "everyone": ("mei", "ana")}
    made = Context(
        key="K7Q2",
        identity=identity(labels()),
        labels=labels(),
        plan=PLAN,
        who=lambda names, at: tuple(dict.fromkeys(person for name in names for person in people[name])),
    )
    return replace(made, **changes)
