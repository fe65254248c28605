"""The command `shopwatch`: one file per command, beside this one.

Exit codes: 0 fine, 1 the thing looked at is bad, 2 usage or config error, 3 could not look.
"""

import argparse
import os
import sys
from importlib import import_module
from importlib.metadata import version

from monitor.config import ConfigError

#: The commands, in the order of the help page; each is a module here with `add(subparsers)`.
COMMANDS = (
    "run",
    "check",
    "probe",
    "rules",
    "backup",
    "oncall",
    "incidents",
    "silences",
    "page",
    "demo",
    "schema",
    "importing",
)


def build_parser() -> argparse.ArgumentParser:
    """The command line with every command's own arguments."""
    parser = argparse.ArgumentParser(
        prog="shopwatch", description="Watches an online shop, and wakes the right person."
    )
    parser.add_argument("--version", action="version", version=f"shopwatch {version('shopwatch')}")
    parser.set_defaults(run=None)
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        import_module(f"monitor.cli.{command}").add(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command; answers its exit code."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.run is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        code = int(args.run(args))
        print(end="", flush=True)
        return code
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes the rest, which Python writes at its end
        return 141
