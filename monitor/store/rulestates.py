"""Reads and writes the alerts that stood when we last looked."""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from alerts.active import State
from alerts.rulememory import Kept
from monitor.store.schema import rule_alerts
from probes.base import Labels


def load(connection: Connection) -> list[Kept]:
    """Every alert that was pending or firing."""
    return [_record(row) for row in connection.execute(select(rule_alerts))]


def save(
    connection: Connection, changed: Collection[Kept], gone: Collection[tuple[str, str, Labels]], seen_at: int
) -> None:
    """Write the changed ones, drop the ones that ended, and note that all others still stood at `seen_at` (ms)."""
    outdated = [_digest(*key) for key in gone] + [_digest(kept.group, kept.rule, kept.labels) for kept in changed]
    for start in range(0, len(outdated), 500):  # SQLite takes a limited number of parameters
        part = outdated[start : start + 500]
        connection.execute(delete(rule_alerts).where(rule_alerts.c.digest.in_(part)))
    if changed:
        connection.execute(insert(rule_alerts), [_row(kept) for kept in changed])
    connection.execute(update(rule_alerts).values(seen_at=seen_at / 1000))


def _digest(group: str, rule: str, labels: Labels) -> str:
    return hashlib.sha256(json.dumps([group, rule, labels]).encode()).hexdigest()


def _row(kept: Kept) -> dict[str, Any]:
    return {
        "digest": _digest(kept.group, kept.rule, kept.labels),
        "rule_group": kept.group,
        "rule": kept.rule,
        "labels": [list(pair) for pair in kept.labels],
        "state": kept.state.value,
        "active_at": kept.active_at / 1000,
        "fired_at": _seconds(kept.fired_at),
        "missed_at": _seconds(kept.missed_at),
        "value": repr(kept.value),
        "annotations": [list(pair) for pair in kept.annotations],
        "seen_at": kept.seen_at / 1000,
    }


def _record(row: Any) -> Kept:
    return Kept(
        group=row.rule_group,
        rule=row.rule,
        labels=tuple((name, value) for name, value in row.labels),
        state=State(row.state),
        active_at=round(row.active_at * 1000),
        fired_at=_milliseconds(row.fired_at),
        missed_at=_milliseconds(row.missed_at),
        value=float(row.value),
        annotations=tuple((name, value) for name, value in row.annotations),
        seen_at=round(row.seen_at * 1000),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
