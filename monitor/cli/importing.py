"""`shopwatch import`: turns a blackbox.yml or a Gatus config into ours, and says what it could not carry over."""

import argparse
import sys
from pathlib import Path
from typing import Any

from probes.carry import Carried, blackbox, gatus
from probes.yamlfile import YamlInvalid, load


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "import",
        help="turn a blackbox.yml or a Gatus config into ours",
        description="Prints the probes that a blackbox.yml (with the prometheus.yml that names its targets) or a Gatus "
        "config amounts to; what has no word in ours stands above them as comments. Exits with 1 when there is any.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a blackbox.yml or a Gatus config")
    parser.add_argument("prometheus", type=Path, nargs="?", help="the prometheus.yml that scrapes blackbox_exporter")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was carried over; 1 when something was not, 2 for a file that cannot be read."""
    try:
        carried = carry(args.file, args.prometheus)
    except (OSError, UnicodeDecodeError) as error:
        print(f"cannot read {getattr(error, 'filename', None) or args.file}: {error}", file=sys.stderr)
        return 2
    except YamlInvalid as invalid:
        print(invalid, file=sys.stderr)
        return 2
    print(carried.text(), end="")
    return 1 if carried.lost else 0


def carry(file: Path, prometheus: Path | None = None) -> Carried:
    """What a file amounts to. Raises OSError, UnicodeDecodeError or YamlInvalid."""
    text = file.read_text()
    if load(text, str(file)).step("endpoints") is not None:
        return gatus.carry(text, str(file))
    targets = prometheus.read_text() if prometheus else None
    return blackbox.carry(text, str(file), targets, str(prometheus or ""))
