"""`shopwatch check`: is this config right? Every problem at once; when it is, what is watched and who is woken."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from alerts.promql import parse
from alerts.promql.node import Call
from alerts.route import Route
from alerts.rule import AlertingRule
from alerts.rulefile import read_file
from monitor.cli.talk import CONFIG_HELP, USUAL
from monitor.config import Config, ConfigError, load, share
from probes import KINDS
from probes.units import format_duration

#: Functions whose answer is that there is nothing.
_ABSENCE = ("absent", "absent_over_time")


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="validate configs, their rules, runbooks and on-call plans",
        description="Reads each config and says everything that is wrong with it, as FILE:LINE:COLUMN: MESSAGE. "
        "Exits with 2 when anything is.",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=CONFIG_HELP)
    parser.add_argument(
        "--config", action="append", type=Path, default=[], metavar="FILE", help="the same, as other commands say it"
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="say nothing when all is well")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every config; 2 when one of them is wrong."""
    code = 0
    for path in [*args.files, *args.config] or [USUAL]:
        try:
            config = load(path)
        except ConfigError as error:
            print(error, file=sys.stderr)
            count = len(error.problems)
            print(f"{path}: {count} problem{'s' if count != 1 else ''}", file=sys.stderr)
            code = 2
            continue
        if not args.quiet:
            print("\n".join([f"{path}: all is well", *summary(config, time.time())]))
    return code


def summary(config: Config, now: float) -> Iterator[str]:
    """What a config does, in a few lines: what is watched, what alerts, who is woken. `now` is seconds UTC."""
    whole, config = config, share(config)
    yield _line("watches", f"{_count(len(config.probes), 'probe')} from {config.location}: {_kinds(config.probes)}")
    if not config.part.alone:
        yield _line("shard", f"{config.part}; {_count(len(config.elsewhere), 'more probe')} on the others")
        yield from _jobs(whole, config.elsewhere)
    if config.canary:
        yield _line("canary", f"{', '.join(config.canary)}: while it fails, what fails with it is our own network")
    if config.backups:
        names = ", ".join(getattr(backup, "name", "") for backup in config.backups)
        yield _line("restores", f"{_count(len(config.backups), 'backup')}: {names}")
        for backup in config.backups:
            if backup.expect.asks_nothing:
                advice = "say what must be true of it with `expect`: age, record or tables"
                yield _line("warning", f"the first file of {backup.name} that opens passes, however old; {advice}")
    rules = [rule for file in config.rules for group in read_file(file).groups for rule in group.rules]
    alerts = [rule for rule in rules if isinstance(rule, AlertingRule)]
    yield _line("alerts", f"{_count(len(alerts), 'alerting rule')} in {_count(len(config.rules), 'file')}")
    for alert in alerts if not config.part.alone else ():
        if any(isinstance(node, Call) and node.function in _ABSENCE for node in parse(alert.expr).walk()):
            advice = "let a Prometheus in front evaluate it, which sees them all"
            yield _line("warning", f"{alert.alert} fires on every shard that has not what it misses; {advice}")
    if config.prometheus is not None:
        patience = format_duration(config.prometheus.watchdog)
        yield _line("in front", f"a Prometheus; pages are told from here when its Watchdog is silent for {patience}")
    if config.deadman is not None:
        yield _line("pings", f"a dead man's switch outside every {format_duration(config.deadman.every)}")
    for objective in config.objectives:
        yield _line("promises", str(objective))
    for route in config.routes:
        yield _line("pages", f"{_match(route)} → {route.escalation or ', '.join(route.notify)}")
    for shift in config.oncall.roster.now(now):
        until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(shift.ends_at))
        yield _line("on call", f"{shift.person.name} for {shift.rotation}, until {until}")
    yield _line("listens", f"on {config.listen}, people open {config.url}")


def _jobs(config: Config, elsewhere: Mapping[str, int]) -> Iterator[str]:
    """Where jobs report that do not report here."""
    for probe in config.probes:
        if probe.name in elsewhere and KINDS.get(probe.type).passive:
            yield _line("", f"{probe.name} reports to shard {elsewhere[probe.name]}")


def _line(word: str, text: str) -> str:
    return f"  {word:<9} {text}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _kinds(probes: Iterable[Any]) -> str:
    counts = Counter(probe.type for probe in probes)
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "none yet"


def _match(route: Route) -> str:
    said = [
        f"{label}{values[0]}" if values[0][:2] in ("=~", "!=", "!~") else f"{label}={'|'.join(values)}"
        for label, values in route.match.items()
    ]
    return ", ".join(said) or "every alert"
