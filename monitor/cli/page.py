"""`shopwatch page test`: does a page arrive? Sends one in which nothing is broken, and waits for the receipts."""

import argparse
import time
from typing import Any

from monitor.cli.talk import Down, Refused, add_by, add_options, by, call, complain

_WAIT = 60.0
_LOOK = 0.25


def add(subparsers: Any) -> None:
    """`page test [--to RECEIVER]`."""
    parser = subparsers.add_parser("page", help="send a test page")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    test = actions.add_parser("test", help="send a page in which nothing is broken, and wait for the receipts")
    test.add_argument("--to", default="", metavar="RECEIVER", help="a notifier or a person (default: every notifier)")
    test.add_argument("--keep", action="store_true", help="leave the incident open, to try its Ack button")
    add_by(test)
    add_options(test)
    test.set_defaults(run=_test)


def _test(args: argparse.Namespace) -> int:
    began = time.monotonic()
    try:
        key = call(args, "POST", "page-test", to=args.to, by=by(args))["key"]
        outbox = _wait(args, key, began)
        if not args.keep:
            call(args, "POST", f"incidents/{key}/resolve", by=by(args))
    except Down as error:
        complain(error)
        return 3
    except Refused as error:
        complain(error)
        return error.code
    for row in outbox:
        print(f"{row['notifier']}: {_verdict(row)}")
    return 0 if all(row["state"] == "sent" for row in outbox) else 1


def _wait(args: argparse.Namespace, key: str, began: float) -> list[dict[str, str]]:
    """What became of each message, once none is pending any more or patience is over."""
    while True:
        outbox: list[dict[str, str]] = call(args, "GET", f"incidents/{key}")["outbox"]
        if all(row["state"] != "pending" for row in outbox) or time.monotonic() - began > _WAIT:
            return outbox
        time.sleep(_LOOK)


def _verdict(row: dict[str, str]) -> str:
    if row["state"] == "sent":
        return "told"
    return f"{'NOT told' if row['state'] == 'failed' else 'not told yet'}: {row['error'] or 'no answer so far'}"
