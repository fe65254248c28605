"""`shopwatch incidents`, `ack KEY`, `resolve KEY`: what is open, who has it, and that it is over."""

import argparse
import json
import time
from typing import Any

from sqlalchemy import Connection

from alerts.incident import Ack, Decision, Resolve
from monitor.cli.talk import add_by, add_options, as_whom, by, call, case_of, either, tame
from monitor.config import Config
from monitor.store import Store, incidents
from monitor.store.lock import take_turns
from monitor.web import words
from monitor.web.incidents import incident_json
from probes.units import format_duration

_VIA = "the command line"


def add(subparsers: Any) -> None:
    """`incidents`, `ack` and `resolve`."""
    listing = subparsers.add_parser("incidents", help="open incidents, and who has them")
    listing.add_argument("--all", action="store_true", help="the newest ones, resolved too")
    listing.add_argument("--json", action="store_true")
    add_options(listing)
    listing.set_defaults(run=_incidents)

    acking = subparsers.add_parser("ack", help="take an incident: nobody else is woken")
    acking.set_defaults(run=lambda args: _act(args, "ack", Ack(by(args), _VIA)))
    resolving = subparsers.add_parser("resolve", help="say that an incident is over; if it is not, it opens again")
    resolving.set_defaults(run=lambda args: _act(args, "resolve", Resolve(by(args), _VIA)))
    for parser in (acking, resolving):
        parser.add_argument("key", metavar="KEY", help="such as K7Q2")
        add_by(parser)
        add_options(parser)


def _incidents(args: argparse.Namespace) -> int:
    def here(config: Config, store: Store) -> dict[str, Any]:
        found = store.transaction(incidents.recent if args.all else incidents.unresolved)
        return {"incidents": [incident_json(one, config.url) for one in found]}

    def show(answer: dict[str, Any]) -> int:
        found = answer["incidents"]
        if args.json:
            print(json.dumps(found, indent=2))
        else:
            print("\n".join(_line(one) for one in found) or "No incident is open.")
        return 1 if any(one["state"] != "resolved" for one in found) else 0

    path = "incidents?all=true" if args.all else "incidents"
    return either(args, (lambda: call(args, "GET", path), here), show)


def _act(args: argparse.Namespace, verb: str, event: Ack | Resolve) -> int:
    def here(config: Config, store: Store) -> dict[str, Any]:
        def decide(connection: Connection) -> Decision:
            take_turns(connection)
            return case_of(connection, config).act(args.key, event)

        decision = store.transaction(decide)
        return {"key": args.key, "reason": decision.reason}

    def show(answer: dict[str, Any]) -> int:
        print(f"{answer['key']}: {answer['reason']}{as_whom(args)}")
        return 0

    return either(args, (lambda: call(args, "POST", f"incidents/{args.key}/{verb}", by=event.by), here), show)


def _line(one: dict[str, Any]) -> str:
    since = format_duration(max(0, round(time.time() - one["started_at"])))
    who = f"  {one['acked_by']} has it" if one["acked_by"] else ""
    standing = words.standing(one["state"], one.get("silenced_by"))  # an older service, still running, does not say it
    return tame(f"{one['key']}  {standing:<9}  {one['severity']:<7}  {since:>8}  {one['headline']}{who}")
