"""`shopwatch backup`: list what is backed up, restore and question one now, record what was in it at backup time."""

import argparse
import glob
import json
import math
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.cli.talk import add_config, config_of
from monitor.config import Config, load, share
from monitor.config.shard import shard_of
from monitor.store import Store, StoreError
from monitor.verifications import Verifications
from probes.backup import ENGINES
from probes.backup.engine import Engine
from probes.backup.launch import verify_in_child
from probes.backup.record import Record, path_of
from probes.backup.report import summary
from probes.backup.settings import BackupSettings
from probes.backup.standing import Standing
from probes.backup.verification import CouldNotLook, Verdict, Verification
from probes.cron import next_fire
from probes.units import format_duration

_EXIT = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3}


def add(subparsers: Any) -> None:
    """Add the commands to the command line."""
    parser = subparsers.add_parser("backup", help="list backups, verify one by restoring it, record what was in one")
    commands = parser.add_subparsers(metavar="WHAT", required=True)
    listed = commands.add_parser("list", help="every backup with its last verdict, and when it is verified next")
    verified = commands.add_parser(
        "verify",
        help="restore a backup in full now, and question it",
        description="Restores the newest backup in a scratch room. Exits with 0 (pass), 1 (fail) or 3 (inconclusive).",
    )
    verified.add_argument("name", metavar="NAME", help="the backup's name in the config")
    verified.add_argument(
        "--file", metavar="NAME", help="another file of that folder than the newest; the answer is not remembered"
    )
    recorded = commands.add_parser(
        "record",
        help="write down beside a backup what the live database holds",
        description="For the backup job: counts the live database and writes FILE.record.json with checksums. With "
        "--make it makes FILE too, in the same snapshot, so that the record is exact.",
    )
    recorded.add_argument("name", metavar="NAME", help="the backup's name in the config")
    recorded.add_argument("file", type=Path, metavar="FILE", help="the backup file")
    recorded.add_argument("--live", metavar="DATABASE", help="the live database: a path, a URL or service=NAME")
    recorded.add_argument("--make", action="store_true", help="make FILE as well, in the snapshot that is counted")
    for command, run in ((listed, _list), (verified, _verify), (recorded, _record)):
        add_config(command)
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(run=run)


def _list(args: argparse.Namespace) -> int:
    """Every backup; 1 when one of them failed."""
    config = load(config_of(args))
    store = _open(config)
    if store is None:
        return 3
    try:
        known = Verifications(store, share(config).backups)
        rows = [_row(known.settings(name), known.standing(name), time.time()) for name in known.names()]
    finally:
        store.close()
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        lines = [*(_table(rows) if rows else ()), *_elsewhere(config)]
        print("\n".join(lines) or "no backups are configured")
    return 1 if any(row["verdict"] == "fail" for row in rows) else 0


def _elsewhere(config: Config) -> Iterator[str]:
    """The backups that other machines of this location verify: what is known of them lies in those machines' stores."""
    for backup in config.backups:
        if not config.part.takes(backup.name):
            yield f"{backup.name} is verified by shard {shard_of(backup.name, config.part.of)} of {config.part.of}"


def _verify(args: argparse.Namespace) -> int:
    """Restore and question one backup; the exit code is the verdict."""
    config = load(config_of(args))
    settings = _find(config.backups, args.name)
    if settings is None:
        return 2
    if args.file is not None:
        verification = verify_in_child(_only(settings, args.file))
    else:
        store = _open(config)
        if store is None:
            return 3
        try:
            verification = Verifications(store, config.backups).run(args.name)
        finally:
            store.close()
    print(verification.to_json() if args.json else "\n".join(map(_tame, _story(verification))))
    return _EXIT[verification.verdict]


def _only(settings: BackupSettings, name: str) -> BackupSettings:
    """The settings for one file: an older one is not blamed for its age."""
    tables = {table: expected.model_copy(update={"within": None}) for table, expected in settings.expect.tables.items()}
    expect = settings.expect.model_copy(update={"age": None, "tables": tables})
    targets = settings.targets.model_copy(update={"rpo": math.inf})
    changes = {"files": glob.escape(name), "expect": expect, "targets": targets, "settle": 0.0}
    return settings.model_copy(update=changes)


def _record(args: argparse.Namespace) -> int:
    """Write a backup's record; 3 when the live database cannot be asked."""
    settings = _find(load(config_of(args)).backups, args.name)
    if settings is None:
        return 2
    engine: Engine[BackupSettings] = ENGINES.get(settings.type)(settings)
    try:
        record = engine.record(args.live, args.file, args.make)
    except (CouldNotLook, OSError) as error:
        print(error, file=sys.stderr)
        return 3
    print(record.model_dump_json(exclude_none=True) if args.json else _recorded(record, args.file))
    return 0


def _open(config: Any) -> Store | None:
    try:
        return Store(config.store, config.store_password)
    except StoreError as error:
        print(error, file=sys.stderr)
        return None


def _find(backups: Any, name: str) -> BackupSettings | None:
    found: BackupSettings | None = next((settings for settings in backups if settings.name == name), None)
    if found is None:
        names = ", ".join(settings.name for settings in backups) or "none"
        print(f"there is no backup named {name!r} in the config; there are: {names}", file=sys.stderr)
    return found


def _row(settings: BackupSettings, known: Standing, now: float) -> dict[str, Any]:
    latest, concluded, telling = known.latest, known.concluded, known.telling  # a failure stays until a pass
    taken_at = concluded.taken_at if concluded else None
    return {
        "name": settings.name,
        "type": settings.type,
        "verdict": telling.verdict.value if telling else "never verified",
        "verified_at": latest.finished_at if latest else None,
        "passed_at": known.passed.finished_at if known.passed else None,
        "taken_at": taken_at,
        "age": None if taken_at is None else now - taken_at,
        "next_at": next_fire(settings.verify.restore, now),
        "due_at": known.due(settings),
        "reasons": list(telling.reasons) if telling else [],
    }


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    cells = [("BACKUP", "TYPE", "VERDICT", "VERIFIED", "LAST PASS", "BACKUP IS", "NEXT", "KNOWN BY")]
    for row in rows:
        age = "-" if row["age"] is None else f"{format_duration(float(round(row['age'])))} old"
        times = (_moment(row["verified_at"]), _moment(row["passed_at"]))
        ahead = (_moment(row["next_at"]), _moment(row["due_at"]))
        cells.append((row["name"], row["type"], row["verdict"], *times, age, *ahead))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    reasons: list[list[str]] = [[], *(row["reasons"] for row in rows)]
    for line, why in zip(cells, reasons, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        yield from (f"    {_tame(reason)}" for reason in why)


def _story(verification: Verification) -> Iterator[str]:
    """A verification for the terminal: the verdict, the reasons, the phases, what was inside."""
    yield f"{verification.verdict.value.upper()}  {summary(verification)}"
    yield from (f"  because {reason}" for reason in verification.reasons[1:])
    for name, seconds in verification.phases.items():
        yield f"  {name:<9} {seconds:8.3f} s"
    if verification.rto is not None:
        yield f"  answered the first question {verification.rto:.3f} s after the fetch began"
    for table, rows in verification.rows.items():
        recorded = verification.recorded.get(table)
        yield f"  {table}: {rows} rows" + ("" if recorded is None else f", recorded {recorded}")
    for name, value in verification.facts:
        yield f"  {name}: {value}"
    yield from (f"  note: {note}" for note in verification.notes)


def _recorded(record: Record, file: Path) -> str:
    rows = sum(table.rows for table in record.tables.values())
    return f"{path_of(file)}: {rows} rows in {len(record.tables)} tables, counted in the {record.counted.value}"


def _moment(seconds: float | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _tame(line: str) -> str:
    """What came out of a backup must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
