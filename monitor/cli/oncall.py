"""`shopwatch oncall`: who is on call, now or at another time, and what an alert would set in motion."""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alerts.alert import Alert, Status
from alerts.decision import decide
from alerts.duty import Duty
from alerts.incident import Context, Due, Incident, Kind
from alerts.oncall import Shift
from alerts.quiet import quiet_silence
from monitor.cli.talk import add_config, complain, config_of
from monitor.config import load
from monitor.duty import duty_of
from probes.base import Labels
from probes.units import format_duration

#: An escalation that repeats for ever is not shown for ever.
_MOST_STEPS = 50


def add(subparsers: Any) -> None:
    """`oncall now`, `oncall who --at TIME`, `oncall simulate ALERT.json`."""
    parser = subparsers.add_parser("oncall", help="who is on call, and what an alert would set in motion")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    now = actions.add_parser("now", help="who is on call now, and until when")
    now.set_defaults(run=_who, at=None)

    who = actions.add_parser("who", help="who is on call at another time")
    who.add_argument("--at", required=True, type=_moment, metavar="TIME", help="such as 2026-12-24T09:00+08:00")
    who.set_defaults(run=_who)

    simulate = actions.add_parser("simulate", help="who would be told of an alert, when, by what, if nobody acked")
    simulate.add_argument("alert", type=Path, metavar="ALERT.json", help='such as {"labels": {"alertname": "X", …}}')
    simulate.add_argument("--at", type=_moment, metavar="TIME", help="when it fires (default: now)")
    simulate.set_defaults(run=_simulate)
    for action in (now, who, simulate):
        add_config(action)


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()  # without a zone: this machine's
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write such as 2026-12-24T09:00+08:00") from None


def _who(args: argparse.Namespace) -> int:
    config = load(config_of(args))
    at = time.time() if args.at is None else args.at
    shifts = config.oncall.roster.now(at)
    zones = {rotation.name: rotation.timezone for rotation in config.oncall.rotations}
    for shift in shifts:
        print(_shift(shift, zones[shift.rotation]))
    if not shifts:
        print("Nobody is on call: the config has no rotation.")
    return 0 if shifts else 1


def _shift(shift: Shift, zone: str) -> str:
    ends = datetime.fromtimestamp(shift.ends_at, ZoneInfo(zone)).strftime("%a %d %b %H:%M")
    return f"{shift.rotation}: {shift.person.name} until {ends} {zone} ({shift.reason})"


def _simulate(args: argparse.Namespace) -> int:
    duty = duty_of(load(config_of(args)))
    try:
        labels, annotations = _alert(json.loads(args.alert.read_text()))
    except (OSError, ValueError) as error:
        complain(f"{args.alert}: {error}")
        return 2
    at = time.time() if args.at is None else args.at
    told = 0
    for line, is_telling in _story(duty, Alert(labels, Status.FIRING, at, at, annotations), at):
        print(line)
        told += is_telling
    return 0 if told else 1


def _alert(given: Any) -> tuple[Labels, dict[str, str]]:
    if isinstance(given, list) and given:
        given = given[0]
    labels, annotations = (_texts(given, word) for word in ("labels", "annotations"))
    if not labels.get("alertname"):
        raise ValueError("its labels have no alertname")
    return tuple(sorted(labels.items())), annotations


def _texts(given: Any, word: str) -> dict[str, str]:
    found = given.get(word, {}) if isinstance(given, dict) else None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError('it must hold {"labels": {"alertname": "…", …}, "annotations": {…}}, all values texts')
    return found


def _story(duty: Duty, alert: Alert, at: float) -> Iterator[tuple[str, bool]]:
    """What would happen, line by line, and whether somebody is told by it."""
    assigned = duty.assign(alert.labels)
    plan = assigned.plan
    way = f"goes by the escalation {plan.name}" if plan.insists else f"is told once, by {', '.join(plan.steps[0].by)}"
    yield f"{alert.name} {way}; its incident is {', '.join(f'{name}={value}' for name, value in assigned.group)}", False
    incident: Incident | None = None
    event: Alert | Due = alert
    for _ in range(_MOST_STEPS):
        hours = quiet_silence(assigned.route.quiet, at) if assigned.route and not assigned.plan.insists else None
        silences = (*duty.planned(at), *([hours] if hours else ()))
        context = Context("SIMULATED", assigned.identity, assigned.group, assigned.plan, duty.who, silences)
        decision = decide(incident, event, at, context)
        began = incident.opened_at if incident else at
        incident, event = decision.incident, Due()
        after = f"+{format_duration(round(at - began))}"
        for line in decision.audit:
            pages = [page for page in decision.pages if page.kind is Kind.PAGE]
            yield f"{after:>8}  {line.text}", line.kind == "paged" and bool(pages)
        if incident is None or incident.next_at is None:
            return
        at = incident.next_at
