"""`shopwatch run`: watch what the config says, until told to stop."""

import argparse
from pathlib import Path


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`run [--config FILE]`."""
    parser = subparsers.add_parser("run", help="watch what the config says, until told to stop")
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), metavar="FILE", help="a file or folder")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from monitor.service import run  # the other commands need not wait for the whole service to be imported

    return run(args.config)
