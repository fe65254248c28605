"""`shopwatch probe NAME`: look once, now, and show what was seen step by step."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from monitor.cli.talk import add_config, config_of
from monitor.config import Config, load, share
from monitor.config.share import where
from monitor.prober.look import let_go, look, new_run, prepare
from monitor.store import Store, StoreError, heartbeats
from probes import KINDS
from probes.base import AnyProbe, Beat, Evidence, Finding, Outcome, ProbeSettings, Result, Step

_EXIT = {Outcome.UP: 0, Outcome.DEGRADED: 0, Outcome.DOWN: 1, Outcome.BLOCKED: 1, Outcome.UNKNOWN: 3}


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "probe",
        help="run one probe now and show its phases or steps",
        description="Looks once, in this process. Exits with 0 (up, degraded), 1 (down, blocked) or 3 (unknown).",
    )
    parser.add_argument("name", metavar="NAME", help="the probe's name in the config")
    add_config(parser)
    parser.add_argument("--metrics", action="store_true", help="show every number that the look brought, too")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look, and print what was seen; the exit code is the outcome."""
    config = load(config_of(args))
    settings = next((probe for probe in config.probes if probe.name == args.name), None)
    if settings is None:
        print(_unknown(args.name, [probe.name for probe in config.probes], args.config), file=sys.stderr)
        return 2
    kind: type[AnyProbe] = KINDS.get(settings.type)
    if kind.passive and (other := where(share(config), settings.name)):
        print(f"{settings.name!r} reports to {other}; ask there", file=sys.stderr)
        return 3
    try:
        since, beat = _heard(config, settings.name) if kind.passive else (0.0, None)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 3
    result = asyncio.run(_look(kind, settings, config.location, since, beat))
    print(json.dumps(asdict(result), indent=2) if args.json else "\n".join(map(_tame, _lines(result, args.metrics))))
    return _EXIT[result.outcome]


async def _look(
    kind: type[AnyProbe], settings: ProbeSettings, location: str, since: float, beat: Beat | None
) -> Result:
    run_id, now, began = "", time.time(), time.monotonic()
    finding = await prepare(kind, settings)
    if not isinstance(finding, Finding):
        probe = finding
        now, began = time.time(), time.monotonic()
        run = new_run(settings.timeout, now, location, beat, since)
        run_id, finding = run.run_id, await look(probe, run)
        duration = time.monotonic() - began
        await let_go(probe)
    else:
        duration = time.monotonic() - began
    return Result(settings.name, settings.type, now, 0.0, duration, finding, run_id=run_id)


def _heard(config: Config, name: str) -> tuple[float, Beat | None]:
    """What the job of a passive probe reported to the running Shopwatch. Raises StoreError."""
    store = Store(config.store, config.store_password)
    try:
        return store.transaction(heartbeats.read).get(name, (time.time(), None))
    finally:
        store.close()


def _unknown(name: str, names: list[str], path: Path) -> str:
    near = get_close_matches(name, names, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; it has {', '.join(sorted(names)) or 'none'}"
    return f"{path} has no probe called {name!r}{hint}"


def _lines(result: Result, metrics: bool) -> Iterator[str]:
    finding = result.finding
    yield f"{result.probe} ({result.type}): {finding.outcome.value} in {_seconds(result.duration)}"
    if finding.reason:
        yield f"  {finding.reason}"
    if finding.evidence is not None:
        yield from _shown(finding.evidence)
    if finding.samples:
        yield ""
        if not metrics:
            yield f"  {len(finding.samples)} metrics; --metrics shows them"
            return
        yield from _table((_series(sample.name, sample.labels), f"{sample.value:.10g}") for sample in finding.samples)


def _tame(line: str) -> str:
    """What a page sent may hold escape sequences, which must not reach the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)


def _shown(evidence: Evidence) -> Iterator[str]:
    if evidence.steps:
        yield ""
        yield from _table((step.name, *_ended(step), step.detail) for step in evidence.steps)
    if evidence.facts:
        yield ""
        yield from _table(evidence.facts)
    if evidence.excerpt:
        yield ""
        yield from (f"  | {line}" for line in evidence.excerpt.splitlines())


def _ended(step: Step) -> tuple[str, str]:
    if step.seconds is None:
        return "not reached" if step.outcome is Outcome.UNKNOWN else step.outcome.value, "–"
    return step.outcome.value, _seconds(step.seconds)


def _series(name: str, labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{inside}}}" if inside else name


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    cells = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
