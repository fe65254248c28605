"""`shopwatch incidents`, `ack KEY`, `silence MATCHERS`: what is open, who has it, what is kept quiet."""

import argparse
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerts.incident import Ack, Decision
from alerts.silence import begin
from monitor.case import Case, NotKnown, Surroundings
from monitor.cli.talk import Down, Refused, add_by, add_options, as_whom, by, call, complain, config_of, in_store
from monitor.config import Config
from monitor.duty import duty_of
from monitor.store import Store, StoreError, incidents
from monitor.store.lock import take_turns
from monitor.web.incidents import incident_json, silence_json
from probes.units import format_duration

#: A command that works with or without a running Shopwatch: the request, and the same in the store.
_Both = tuple[Callable[[], dict[str, Any]], Callable[[Config, Store], dict[str, Any]]]


def add(subparsers: Any) -> None:
    """`incidents`, `ack` and `silence`."""
    listing = subparsers.add_parser("incidents", help="open incidents, and who has them")
    listing.add_argument("--all", action="store_true", help="the newest ones, resolved too")
    listing.add_argument("--json", action="store_true")
    add_options(listing)
    listing.set_defaults(run=_incidents)

    acking = subparsers.add_parser("ack", help="take an incident: nobody else is woken")
    acking.add_argument("key", metavar="KEY", help="such as K7Q2")
    add_by(acking)
    add_options(acking)
    acking.set_defaults(run=_ack)

    silencing = subparsers.add_parser("silence", help="tell nobody of what matches, for a while")
    silencing.add_argument("matchers", metavar="MATCHERS", help="such as 'shop=main, alertname=~\"Host.*\"'")
    silencing.add_argument("--for", dest="duration", required=True, metavar="DURATION", help="such as 2h")
    silencing.add_argument("--reason", required=True, metavar="TEXT")
    add_by(silencing)
    add_options(silencing)
    silencing.set_defaults(run=_silence)


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
    return _run(args, (lambda: call(args, "GET", path), here), show)


def _ack(args: argparse.Namespace) -> int:
    def here(config: Config, store: Store) -> dict[str, Any]:
        def decide(connection: Connection) -> Decision:
            take_turns(connection)
            return _case(connection, config).act(args.key, Ack(by(args), "the command line"))

        decision = store.transaction(decide)
        return {"key": args.key, "reason": decision.reason}

    def show(answer: dict[str, Any]) -> int:
        print(f"{answer['key']}: {answer['reason']}{as_whom(args)}")
        return 0

    return _run(args, (lambda: call(args, "POST", f"incidents/{args.key}/ack", by=by(args)), here), show)


def _silence(args: argparse.Namespace) -> int:
    body = {"matchers": args.matchers, "for": args.duration, "reason": args.reason, "by": by(args)}

    def here(config: Config, store: Store) -> dict[str, Any]:
        now = time.time()
        new = begin(args.matchers, args.duration, args.reason, by(args), now)

        def decide(connection: Connection) -> dict[str, Any]:
            take_turns(connection)
            return silence_json(_case(connection, config).silence(new), now)

        return store.transaction(decide)

    def show(answer: dict[str, Any]) -> int:
        print(f"{answer['matchers']} is silenced until {_clock(answer['ends_at'])} ({answer['id']}){as_whom(args)}")
        return 0

    return _run(args, (lambda: call(args, "POST", "silences", **body), here), show)


def _run(args: argparse.Namespace, both: _Both, show: Callable[[dict[str, Any]], int]) -> int:
    ask, do = both
    try:
        try:
            answer = ask()
        except Down as down:
            if args.url:  # it may run elsewhere, on another store
                raise Refused(str(down)) from None
            if not config_of(args).exists():
                raise Refused(f"{down}, and there is no ./config.yaml: give --config or --url", 2) from None
            answer = in_store(args, do)
            complain(f"{down}: done in its store; people are told when it is back")
    except (NotKnown, ValueError) as error:
        complain(error)
        return 2
    except (Refused, StoreError) as error:
        complain(error)
        return getattr(error, "code", 3)
    return show(answer)


def _case(connection: Connection, config: Config) -> Case:
    return Case(connection, duty_of(config), Surroundings(), time.time())


def _line(one: dict[str, Any]) -> str:
    since = format_duration(max(0, round(time.time() - one["started_at"])))
    who = f"  {one['acked_by']} has it" if one["acked_by"] else ""
    return _tame(f"{one['key']}  {one['state']:<8}  {one['severity']:<7}  {since:>8}  {one['headline']}{who}")


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _tame(line: str) -> str:
    """An alert's text may hold escape sequences, which must not reach the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
