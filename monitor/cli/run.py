"""`shopwatch run`: watch what the config says, until told to stop."""

import argparse
from pathlib import Path

from monitor.config.model import check_listen


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`run [--config FILE] [--listen ADDRESS] [--store URL]`."""
    parser = subparsers.add_parser("run", help="watch what the config says, until told to stop")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="a file or folder (default: ./config.yaml)",
    )
    parser.add_argument("--listen", type=_address, metavar="HOST:PORT", help="instead of the config's `listen`")
    parser.add_argument("--store", metavar="URL", help="instead of the config's `store`")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from monitor.service import run  # the other commands need not wait for the whole service to be imported

    instead = {"listen": args.listen, "store": args.store}
    return run(args.config, {name: value for name, value in instead.items() if value is not None})


def _address(text: str) -> str:
    try:
        return check_listen(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
