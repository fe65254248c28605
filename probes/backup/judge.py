"""Decides whether a restored backup would save the shop. Pure: what was found goes in, the verdict comes out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from probes.backup.age import SKEW, Objection, about, too_old
from probes.backup.losses import losses
from probes.backup.record import Counted, Record
from probes.backup.settings import BackupSettings, Scalar, TableExpectation
from probes.backup.verification import Verdict
from probes.units import format_duration

#: Rows that were counted beside the dump, not in its snapshot, may be this much fewer unless `shrink` says otherwise.
_LIVE_SHRINK = 0.01
#: How a note begins that takes most of its worth from a pass.
UNPROVED = "it restores, but nothing says"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a user's query answered: its single value, or why there is none."""

    value: Scalar = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found inside the restored backup. `doubts` are an engine's own reasons not to trust it unrecorded."""

    rows: Mapping[str, int]
    newest: Mapping[str, float] = field(default_factory=dict)
    newest_errors: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict with its reasons, and notes that change nothing but should be read."""

    verdict: Verdict
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def judge(
    settings: BackupSettings,
    found: Found,
    record: Record | None,
    taken_at: float | None,
    previous: Mapping[str, int],
    now: float,
    doubts: Iterable[str] = (),
) -> Judgement:
    """Weigh what was found against what is expected, what was recorded and what the last good backup held.

    `taken_at` is when the backup was made, by its record or by what is inside; `previous` are the rows of the last
    verification that passed; `doubts` say why it may not be the newest backup.
    """
    objections = [
        *too_old(settings, taken_at, now),
        *_contents(found, record),
        *_recorded(settings, found, record),
        *_tables(settings, found, previous, now),
        *_lost(settings, found, record, previous),
        *_queries(settings, found),
    ]
    notes = [*_unproved(settings, record, taken_at), *found.notes, *_shrunk_alive(settings, found, record, previous)]
    if record is None:
        unproved = list(_unrecorded(settings, found, now))
        objections += unproved
        notes.append("there is no record of what was in the database at backup time: judged on what is inside alone")
        notes += [] if unproved else found.doubts
    elif record.counted is Counted.BACKUP:
        notes.append("the record was counted in the backup itself: it cannot tell what the live database held")
    objections += [Objection(False, doubt) for doubt in doubts]
    return Judgement(_verdict(objections), tuple(objection.reason for objection in objections), tuple(notes))


def _verdict(objections: Iterable[Objection]) -> Verdict:
    fatal = {objection.fatal for objection in objections}
    if True in fatal:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if fatal else Verdict.PASS


def _unproved(settings: BackupSettings, record: Record | None, taken_at: float | None) -> Iterable[str]:
    """A pass without a record is worth what was asked of it: say so, first of all, where that is next to nothing."""
    expect = settings.expect
    if record is not None:
        return
    untold = ["how old it is"] if taken_at is None and expect.age is None else []
    untold += [] if expect.tables or expect.query else ["what should be in it"]
    if untold:
        yield f"{UNPROVED} {' or '.join(untold)}; set `expect`: `age`, `record`, or `tables` with a `newest` column"


def _contents(found: Found, record: Record | None) -> Iterable[Objection]:
    if not found.rows:
        yield Objection(True, "it contains no tables at all")
    elif record is None and not any(found.rows.values()):
        yield Objection(True, f"all of its {len(found.rows)} tables are empty")


def _recorded(settings: BackupSettings, found: Found, record: Record | None) -> Iterable[Objection]:
    if record is None:
        if settings.expect.record:
            yield Objection(True, "it has no record beside it, and `record: true` expects one")
        return
    for name, table in record.tables.items():
        rows = found.rows.get(name)
        if rows is None:
            yield Objection(True, f"table {name} is missing; {table.rows} rows were recorded at backup time")
        elif record.counted is Counted.LIVE:
            yield from _shrunk(name, rows, table.rows, _tolerance(settings, name), "recorded at backup time")
        elif rows != table.rows:
            yield Objection(True, f"table {name} has {rows} rows, {table.rows} were recorded at backup time")
        yield from _recorded_newest(name, found, record)


def _recorded_newest(name: str, found: Found, record: Record) -> Iterable[Objection]:
    promised, newest = record.tables[name].newest, found.newest.get(name)
    if promised is None or newest is None or record.counted is Counted.LIVE:
        return
    if abs(newest - promised.timestamp()) > 1:
        yield Objection(
            True,
            f"the newest row of {name} differs by {format_duration(abs(newest - promised.timestamp()))} "
            "from the one recorded at backup time",
        )


def _tolerance(settings: BackupSettings, table: str) -> float:
    expected = settings.expect.tables.get(table)
    return _LIVE_SHRINK if expected is None or expected.shrink is None else expected.shrink


def _tables(settings: BackupSettings, found: Found, previous: Mapping[str, int], now: float) -> Iterable[Objection]:
    for name, expected in settings.expect.tables.items():
        rows = found.rows.get(name)
        if rows is None:
            yield Objection(True, f"table {name} is expected and missing")
            continue
        if rows < expected.min:
            yield Objection(True, f"table {name} has {rows} rows, expected at least {expected.min}")
        if expected.shrink is not None and name in previous:
            yield from _shrunk(name, rows, previous[name], expected.shrink, "in the last good backup")
        yield from _newest(name, expected, found, now)


def _lost(
    settings: BackupSettings, found: Found, record: Record | None, previous: Mapping[str, int]
) -> Iterable[Objection]:
    """What every backup of a shop keeps, asked without a word in the config: the tables, and most of their rows."""
    gone, halved = losses(settings.expect, found.rows, previous)
    yield from (Objection(True, reason) for reason in gone)
    yield from (Objection(True, reason) for name, reason in halved.items() if not _held_so_few(record, name))


def _shrunk_alive(
    settings: BackupSettings, found: Found, record: Record | None, previous: Mapping[str, int]
) -> Iterable[str]:
    for name in losses(settings.expect, found.rows, previous).halved:
        if _held_so_few(record, name):
            yield (
                f"table {name} has {found.rows[name]} rows, {previous[name]} in the last good backup; "
                "the live database held no more when it was recorded"
            )


def _held_so_few(record: Record | None, name: str) -> bool:
    """Whether a record vouches for the rows of this table: then it is the shop that has fewer, not the backup. That it
    was met is judged elsewhere."""
    return record is not None and record.counted is not Counted.BACKUP and name in record.tables


def _shrunk(name: str, rows: int, before: int, tolerance: float, where: str) -> Iterable[Objection]:
    if rows < before * (1 - tolerance):
        yield Objection(
            True, f"table {name} has {rows} rows, {before} {where}: more than {tolerance * 100:g}% are missing"
        )


def _newest(name: str, expected: TableExpectation, found: Found, now: float) -> Iterable[Objection]:
    if name in found.newest_errors:
        yield Objection(False, f"the newest row of {name} cannot be told: {found.newest_errors[name]}")
        return
    newest = found.newest.get(name)
    if newest is None:
        if expected.within is not None:
            yield Objection(True, f"table {name} has no row with a {expected.newest}")
        return
    age = now - newest
    if age < -SKEW:
        yield Objection(
            True, f"the newest row of {name} is {format_duration(-age)} in the future; is `timezone` right?"
        )
    elif expected.within is not None and age > expected.within:
        yield Objection(
            True, f"the newest row of {name} is {about(age)} old, expected at most {format_duration(expected.within)}"
        )


def _queries(settings: BackupSettings, found: Found) -> Iterable[Objection]:
    for query, expected in settings.expect.query.items():
        answer = found.answers.get(query, Answer(error="it was not asked"))
        if answer.error:
            yield Objection(True, f"the query {query!r} failed: {answer.error}")
        elif not _same(answer.value, expected):
            yield Objection(True, f"the query {query!r} answered {answer.value!r}, expected {expected!r}")


def _same(value: Scalar, expected: Scalar) -> bool:
    """SQLite has no booleans, and numbers of PostgreSQL may come as text: compare what is meant."""
    if isinstance(expected, bool) and isinstance(value, int | float):
        return value == int(expected)
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(expected, int | float) and isinstance(value, str):
        try:
            return float(value) == expected
        except ValueError:
            return False
    return value == expected


def _unrecorded(settings: BackupSettings, found: Found, now: float) -> Iterable[Objection]:
    """Doubts count where nothing else proves the backup whole: no record, and no newest row that is fresh enough."""
    if not found.doubts:
        return
    for name, expected in settings.expect.tables.items():
        newest = found.newest.get(name)
        if expected.within is not None and newest is not None and now - newest <= expected.within:
            return
    for doubt in found.doubts:
        yield Objection(False, doubt)
