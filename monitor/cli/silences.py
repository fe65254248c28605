"""`shopwatch silence MATCHERS`, `silences`, `unsilence ID`: what is told to nobody for a while, and no longer."""

import argparse
import json
import time
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from alerts.silence import begin
from monitor.cli.talk import add_by, add_options, as_whom, by, call, case_of, either, tame
from monitor.config import Config
from monitor.silenced import matched, watched
from monitor.store import Store, incidents, silences
from monitor.store.lock import take_turns
from monitor.web.incidents import silence_json


def add(subparsers: Any) -> None:
    """`silence`, `silences` and `unsilence`."""
    silencing = subparsers.add_parser("silence", help="tell nobody of what matches, for a while")
    silencing.add_argument("matchers", metavar="MATCHERS", help="such as 'shop=main, alertname=~\"Host.*\"'")
    silencing.add_argument("--for", dest="duration", required=True, metavar="DURATION", help="such as 2h")
    silencing.add_argument("--reason", required=True, metavar="TEXT")
    add_by(silencing)
    add_options(silencing)
    silencing.set_defaults(run=_silence)

    listing = subparsers.add_parser("silences", help="what is kept quiet, by whom, until when")
    listing.add_argument("--all", action="store_true", help="those that have ended, too")
    listing.add_argument("--json", action="store_true")
    add_options(listing)
    listing.set_defaults(run=_silences)

    ending = subparsers.add_parser("unsilence", help="end a silence now")
    ending.add_argument("id", metavar="ID", help="as `shopwatch silences` shows it")
    add_options(ending)
    ending.set_defaults(run=_unsilence)


def _silence(args: argparse.Namespace) -> int:
    body = {"matchers": args.matchers, "for": args.duration, "reason": args.reason, "by": by(args)}

    def here(config: Config, store: Store) -> dict[str, Any]:
        now = time.time()
        new = begin(args.matchers, args.duration, args.reason, by(args), now)

        def decide(connection: Connection) -> dict[str, Any]:
            take_turns(connection)
            open_ones = [one.incident for one in incidents.unresolved(connection)]
            made = silence_json(case_of(connection, config).silence(new), now)
            return made | {"matches": matched(new, watched(config), open_ones)}

        return store.transaction(decide)

    def show(answer: dict[str, Any]) -> int:
        print(f"{answer['matchers']} is silenced until {_clock(answer['ends_at'])} ({answer['id']}){as_whom(args)}")
        if not answer["matches"]:
            print("It matches nothing now: no probe, no backup and no open incident.")
        return 0

    return either(args, (lambda: call(args, "POST", "silences", **body), here), show)


def _silences(args: argparse.Namespace) -> int:
    def here(config: Config, store: Store) -> dict[str, Any]:
        now = time.time()
        return {"silences": [silence_json(one, now) for one in store.transaction(silences.every)]}

    def show(answer: dict[str, Any]) -> int:
        found = [one for one in answer["silences"] if args.all or one["state"] != "expired"]
        if args.json:
            print(json.dumps(found, indent=2))
        else:
            print("\n".join(map(_line, found)) or "Nothing is silenced.")
        return 0

    return either(args, (lambda: call(args, "GET", "silences"), here), show)


def _unsilence(args: argparse.Namespace) -> int:
    def here(config: Config, store: Store) -> dict[str, Any]:
        def decide(connection: Connection) -> dict[str, Any]:
            take_turns(connection)
            return silence_json(case_of(connection, config).unsilence(args.id), time.time())

        return store.transaction(decide)

    def show(answer: dict[str, Any]) -> int:
        print(tame(f"{answer['matchers']} is not silenced any more by {answer['id']}"))
        return 0

    return either(args, (lambda: call(args, "DELETE", f"silences/{args.id}"), here), show)


def _line(one: dict[str, Any]) -> str:
    began = "ended" if one["state"] == "expired" else f"{one['state']} until"
    return tame(f"{one['id']}  {began} {_clock(one['ends_at'])}  {one['matchers']}  {one['by']}: {one['reason']}")


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
