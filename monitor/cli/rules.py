"""`shopwatch rules check|test|export`: lint rule files, run their unit tests, hand them to a Prometheus."""

import argparse
import sys
from pathlib import Path
from typing import Any

from alerts.lint import Catalogue, review
from alerts.rulefile import RuleFile, read_file
from alerts.ruletest import run_file
from monitor.cli.talk import CONFIG_HELP, USUAL
from monitor.config import ConfigError, load
from monitor.config.objectives import objective_rules
from monitor.config.rulefiles import packs
from monitor.ownmetrics import own_metrics
from monitor.ruleexport import ExportFailed, export
from probes.units import parse_duration

_EITHER = "name files, or a config with --config, not both"
_OUR_RUNBOOKS = Path(__file__).parents[2] / "runbooks"


def add(subparsers: Any) -> None:
    """Add the commands to the command line."""
    parser = subparsers.add_parser("rules", help="lint, test and export alert rules")
    commands = parser.add_subparsers(metavar="check|test|export", required=True)
    _add_check(commands)
    _add_test(commands)
    _add_export(commands)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check",
        help="find what is wrong with rule files, or will not work at night",
        description="Reads Prometheus rule files and says everything that is wrong with them, as FILE:LINE:COLUMN: "
        "MESSAGE [CHECK]. A comment `# rules check: allow CHECK` in a rule switches a check off for it. "
        "Without files those of the config are read, or else the packs that we ship. "
        "Exits with 1 when anything is wrong, with 2 when a file cannot be read.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--config", type=Path, metavar="FILE", help=f"check the rules that it names; {CONFIG_HELP}")
    parser.add_argument(
        "--runbooks", action="append", type=Path, default=[], metavar="FOLDER", help="where NAME.md runbooks are"
    )
    parser.add_argument(
        "--known", action="append", default=[], metavar="METRIC", help="a metric that others make; node_* for many"
    )
    parser.add_argument("--interval", type=_duration, default=15.0, help="of groups that name none (default 15s)")
    parser.set_defaults(run=check)


def _add_test(commands: Any) -> None:
    parser = commands.add_parser(
        "test",
        help="run unit tests of rules, in promtool's format",
        description="Runs unit tests in the format of `promtool test rules`, with the same verdicts. Exits with 1 when "
        "one fails.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.set_defaults(run=test)


def _add_export(commands: Any) -> None:
    parser = commands.add_parser(
        "export",
        help="write rule files for a Prometheus",
        description="Copies rule files into a folder for a Prometheus' rule_files, with the runbook links made whole: "
        "the files named, or all that a config names, or else the packs that we ship.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="export every rule file that this config names, and its objectives"
    )
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where to write them")
    parser.add_argument(
        "--external-url", metavar="URL", help="where people open Shopwatch; default: the config's external_url"
    )
    parser.set_defaults(run=export_files)


def _duration(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be longer than zero")
    return seconds


def check(args: argparse.Namespace) -> int:
    """Lint the files; 1 when something is wrong with them. Raises ConfigError."""
    if args.files and args.config:
        print(_EITHER, file=sys.stderr)
        return 2
    if not args.files:
        _fill_in(args)
    missing = [path for path in args.files if not path.is_file()]
    for path in missing:
        print(f"{path}: there is no such file", file=sys.stderr)
    if missing:
        return 2
    files = [read_file(path, args.interval) for path in args.files]
    found: list[object] = [problem for file in files for problem in file.problems]
    found += _remarks(files, args)
    for line in found:
        print(line)
    rules = sum(len(group.rules) for file in files for group in file.groups)
    print(f"{_count(rules, 'rule')} in {_count(len(files), 'file')}: {_verdict(len(found))}")
    return 1 if found else 0


def _fill_in(args: argparse.Namespace) -> None:
    """The rules, runbooks and metrics of the config; all that we ship where there is none. Raises ConfigError."""
    if args.config is None and not USUAL.exists():
        args.files = packs()
        return
    config = load(args.config or USUAL)
    args.files = list(config.rules)
    args.runbooks += config.runbooks
    args.known += [metric.name for probe in config.probes for metric in probe.named_metrics]


def _remarks(files: list[RuleFile], args: argparse.Namespace) -> list[object]:
    folders = [*args.runbooks, *(path.parent / "runbooks" for path in args.files), Path("runbooks"), _OUR_RUNBOOKS]

    def runbook(name: str) -> str | None:
        path = next((path for folder in folders if (path := folder / f"{name}.md").is_file()), None)
        return path.read_text(encoding="utf-8", errors="replace") if path else None

    groups = [group for file in files for group in file.groups]
    sources = {str(path): path.read_text(encoding="utf-8-sig", errors="replace") for path in args.files}
    catalogue = Catalogue.built_in(own_metrics(), args.known)
    return list(review(groups, sources, catalogue, runbook))


def _verdict(count: int) -> str:
    return f"{_count(count, 'problem')}" if count else "nothing to remark"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def test(args: argparse.Namespace) -> int:
    """Run the unit tests; 1 when one of them fails."""
    failed = False
    for path in args.files:
        report = run_file(path)
        for warning in report.warnings:
            print(f"{path}: warning: {warning}", file=sys.stderr)
        for failure in report.failures:
            print(failure)
        failed = failed or not report.passed
        verdict = "passed" if report.passed else f"FAILED, {_count(len(report.failures), 'difference')}"
        print(f"{path}: {_count(report.tests, 'test')} {verdict}")
    return 1 if failed else 0


def export_files(args: argparse.Namespace) -> int:
    """Write the files; 2 when one of them is no rule file, 3 when the folder cannot be written."""
    if args.files and args.config:
        print(_EITHER, file=sys.stderr)
        return 2
    files, url, more = args.files or packs(), args.external_url or "", {}
    if args.config:
        try:
            config = load(args.config)
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 2
        files, more = config.rules, objective_rules(config)
        url = config.external_url if args.external_url is None else url
    if url and not url.startswith(("http://", "https://")):
        print(f"--external-url: {url!r} is no address that a browser opens; begin with https://", file=sys.stderr)
        return 2
    try:
        written = export(files, args.to, url, more)
    except ExportFailed as error:
        print(error, file=sys.stderr)
        return error.code
    for path in written:
        print(path)
    return 0
