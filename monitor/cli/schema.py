"""`shopwatch schema`: the JSON Schema of the config, for editors."""

import argparse
import json
from typing import Any

from monitor.config.schema import schema


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "schema",
        help="print the JSON Schema of the config, for editors",
        description="Prints the JSON Schema of the whole config. Save it as shopwatch.schema.json and begin the config "
        "with the line  # yaml-language-server: $schema=./shopwatch.schema.json",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
