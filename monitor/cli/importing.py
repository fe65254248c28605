"""`shopwatch import`: turns a blackbox.yml or a Gatus config into ours, and says what it could not carry over."""

import argparse
import sys
from pathlib import Path
from typing import Any

from probes.carry import Carried, blackbox, gatus
from probes.yamlfile import Problem, YamlInvalid, load

_BLACKBOX, _PROMETHEUS, _GATUS = "a blackbox.yml", "a prometheus.yml", "a Gatus config"
_SECTIONS = {
    "modules": _BLACKBOX,
    "scrape_configs": _PROMETHEUS,
    "endpoints": _GATUS,
    "external-endpoints": _GATUS,
    "suites": _GATUS,
}
_GIVE = "give a blackbox.yml and the prometheus.yml that goes with it, or one Gatus config"


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "import",
        help="turn a blackbox.yml or a Gatus config into ours",
        description="Prints the probes that a blackbox.yml (with the prometheus.yml that names its targets) or a Gatus "
        "config amounts to; what has no word in ours stands above them as comments. Exits with 1 when there is any.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a blackbox.yml or a Gatus config")
    parser.add_argument(
        "prometheus", type=Path, nargs="?", help="the prometheus.yml that scrapes blackbox_exporter; the order is free"
    )
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


def carry(first: Path, second: Path | None = None) -> Carried:
    """What a file amounts to, or two in either order. Raises OSError, UnicodeDecodeError or YamlInvalid."""
    files: dict[str, tuple[str, str]] = {}
    for path in (first, second) if second else (first,):
        text = path.read_text()
        what = _recognised(text, path)
        if what in files:
            raise _refused(path, f"is {what}, as {files[what][1]} is; {_GIVE}")
        files[what] = (text, str(path))
    if _GATUS in files:
        if second:
            raise _refused(second, f"stands beside {_GATUS}, which is imported alone; {_GIVE}")
        return gatus.carry(*files[_GATUS])
    if _BLACKBOX not in files:
        raise _refused(first, f"is {_PROMETHEUS}, which says nothing of what the modules look for; {_GIVE}")
    return blackbox.carry(*files[_BLACKBOX], *files.get(_PROMETHEUS, ()))


def _recognised(text: str, path: Path) -> str:
    """What a file is, by the sections that only it has."""
    root = load(text, str(path), scalars="text")
    for section, what in _SECTIONS.items():
        if root.step(section) is not None:
            return what
    raise _refused(path, f"is none that can be imported: it has no {', '.join(_SECTIONS)}")


def _refused(path: Path, why: str) -> YamlInvalid:
    return YamlInvalid([Problem(str(path), 1, 1, f"this file {why}")])
