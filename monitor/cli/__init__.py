"""The command `shopwatch`: one file per command, beside this one.

Exit codes: 0 fine, 1 the thing looked at is bad, 2 usage or config error, 3 could not look.
"""

import argparse
import sys
from importlib import import_module

from monitor.config import ConfigError

#: The commands, in the order of the help page; each is a module here with `add(subparsers)`.
COMMANDS = ("run", "check", "probe", "rules", "backup", "oncall", "incidents", "page", "demo", "schema", "importing")


def build_parser() -> argparse.ArgumentParser:
    """The command line with every command's own arguments."""
    parser = argparse.ArgumentParser(
        prog="shopwatch", description="Watches an online shop, and wakes the right person."
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        import_module(f"monitor.cli.{command}").add(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
