"""Tells what is known about a backup: as metrics for Prometheus, and as evidence for a page."""

from collections.abc import Iterator
from datetime import UTC, datetime

from probes.backup.judge import UNPROVED
from probes.backup.settings import BackupSettings
from probes.backup.standing import Standing
from probes.backup.verification import Verdict, Verification
from probes.base import Evidence, Labels, Metric, Outcome, Sample, Step
from probes.cron import next_fire

METRICS: tuple[Metric, ...] = (
    Metric(
        "backup_verification_outcome",
        "gauge",
        "1 for the last verdict, 0 for the others; fail stays 1 beside inconclusive until one passes.",
    ),
    Metric("backup_verification_running", "gauge", "1 while a verification runs."),
    Metric("backup_last_verification_timestamp_seconds", "gauge", "When the last verification ended."),
    Metric("backup_last_success_timestamp_seconds", "gauge", "When the last verification that passed ended."),
    Metric("backup_verification_due_timestamp_seconds", "gauge", "When a pass or fail must be known at the latest."),
    Metric("backup_verification_next_timestamp_seconds", "gauge", "When the next verification is scheduled."),
    Metric("backup_verification_duration_seconds", "gauge", "How long the last verification took."),
    Metric("backup_taken_timestamp_seconds", "gauge", "When the newest backup was made, by what is inside."),
    Metric("backup_age_seconds", "gauge", "How old the newest verified backup is now."),
    Metric("backup_newest_row_timestamp_seconds", "gauge", "When the newest row of a table was made."),
    Metric("backup_restore_seconds", "gauge", "How long each phase of the last verification took."),
    Metric("backup_rto_seconds", "gauge", "From the start of the fetch to the first question answered."),
    Metric("backup_target_rto_seconds", "gauge", "How long a restore may take."),
    Metric("backup_target_rpo_seconds", "gauge", "How much time's data may be lost."),
    Metric("backup_rows", "gauge", "Rows of a table in the restored backup."),
    Metric("backup_recorded_rows", "gauge", "Rows of a table as recorded at backup time."),
    Metric("backup_size_bytes", "gauge", "Size of the newest backup as it is stored."),
    Metric("backup_restored_size_bytes", "gauge", "Size of the database restored from it."),
    Metric("backup_verifications_total", "counter", "Verifications by verdict."),
)

_STEP = {Verdict.PASS: Outcome.UP, Verdict.FAIL: Outcome.DOWN, Verdict.INCONCLUSIVE: Outcome.UNKNOWN}


def samples(settings: BackupSettings, standing: Standing, now: float) -> list[Sample]:
    """Everything to expose about one backup at `now` (wall clock, UTC); labels without backup and type."""
    found = [
        Sample("backup_verification_running", float(standing.running_since is not None)),
        Sample("backup_verification_due_timestamp_seconds", standing.due(settings)),
        *(_count(verdict, standing) for verdict in Verdict),
    ]
    if (fire := next_fire(settings.verify.restore, now)) is not None:
        found.append(Sample("backup_verification_next_timestamp_seconds", fire))
    if settings.targets.rto is not None:
        found.append(Sample("backup_target_rto_seconds", settings.targets.rto))
    if settings.targets.rpo is not None:
        found.append(Sample("backup_target_rpo_seconds", settings.targets.rpo))
    if standing.passed is not None:
        found.append(Sample("backup_last_success_timestamp_seconds", standing.passed.finished_at))
    if standing.latest is not None:
        found += _of_latest(standing.latest, standing.is_failed)
    if standing.concluded is not None:
        found += _of_backup(standing.concluded, now)
    return found


def _count(verdict: Verdict, standing: Standing) -> Sample:
    return Sample("backup_verifications_total", float(standing.counts.get(verdict, 0)), (("outcome", verdict.value),))


def _of_latest(latest: Verification, failed: bool) -> Iterator[Sample]:
    """That we could not look does not mend what failed: only a pass does. Then `fail` and `inconclusive` are both 1."""
    for verdict in Verdict:
        holds = failed if verdict is Verdict.FAIL else latest.verdict is verdict
        yield Sample("backup_verification_outcome", float(holds), (("outcome", verdict.value),))
    yield Sample("backup_last_verification_timestamp_seconds", latest.finished_at)
    yield Sample("backup_verification_duration_seconds", max(0.0, latest.finished_at - latest.started_at))


def _of_backup(known: Verification, now: float) -> Iterator[Sample]:
    """What the last verification found that came to a conclusion; what it could not find is absent, not zero."""
    if known.taken_at is not None:
        yield Sample("backup_taken_timestamp_seconds", known.taken_at)
        yield Sample("backup_age_seconds", now - known.taken_at)
    for name, value in (
        ("backup_rto_seconds", known.rto),
        ("backup_size_bytes", known.size),
        ("backup_restored_size_bytes", known.restored_size),
    ):
        if value is not None:
            yield Sample(name, float(value))
    for name, label, values in (
        ("backup_restore_seconds", "phase", known.phases),
        ("backup_rows", "table", known.rows),
        ("backup_recorded_rows", "table", known.recorded),
        ("backup_newest_row_timestamp_seconds", "table", known.newest),
    ):
        for key, value in values.items():
            yield Sample(name, float(value), ((label, key),))


def base_labels(settings: BackupSettings) -> Labels:
    """The labels of everything about one backup."""
    owner = {"owner": settings.owner} if settings.owner else {}
    return tuple(sorted((settings.labels | owner | {"backup": settings.name, "type": settings.type}).items()))


def evidence(known: Verification, passed: Verification | None = None) -> Evidence:
    """A verification as a page shows it: what is wrong, the phases with the one that failed, what was in the backup,
    and which backup was the last good one (`passed`), with what became of it since."""
    steps = [Step(name, Outcome.UP, seconds) for name, seconds in known.phases.items() if name != "cleanup"]
    if steps and known.verdict is not Verdict.PASS:
        steps[-1] = Step(steps[-1].name, _STEP[known.verdict], steps[-1].seconds)
    facts = [*_facts(known)]
    if known.verdict is not Verdict.PASS:
        facts.insert(0, ("last good backup", _last_good(passed, known.last_good)))
    return Evidence(summary(known), tuple(steps), tuple(facts), known.excerpt)


def _last_good(passed: Verification | None, became: str) -> str:
    if passed is None:
        return "none is known"
    taken = "" if passed.taken_at is None else f", taken {_moment(passed.taken_at)}"
    return f"{passed.file}{taken}, verified {_moment(passed.finished_at)} ({became or 'not looked at since'})"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def caveat(known: Verification) -> str:
    """Why a pass proves little, or nothing where it proves what it should."""
    if known.verdict is not Verdict.PASS:
        return ""
    return next((note for note in known.notes if note.startswith(UNPROVED)), "")


def summary(known: Verification) -> str:
    """The verdict in one sentence."""
    what = known.file or known.backup
    if known.verdict is Verdict.PASS:
        held = f"{what} was restored in full and holds {sum(known.rows.values())} rows in {len(known.rows)} tables"
        return f"{held}: {caveat(known)}" if caveat(known) else held
    word = "would not save the shop" if known.verdict is Verdict.FAIL else "could not be judged"
    more = f" (and {len(known.reasons) - 1} more)" if len(known.reasons) > 1 else ""
    return f"{what} {word}: {known.reasons[0] if known.reasons else 'no reason was given'}{more}"


def _facts(known: Verification) -> Iterator[tuple[str, str]]:
    yield from (("reason", reason) for reason in known.reasons[1:6])
    if known.size is not None:
        yield "size", f"{known.size} bytes"
    for table, rows in list(known.rows.items())[:20]:
        recorded = known.recorded.get(table)
        yield f"rows of {table}", str(rows) if recorded is None else f"{rows}, recorded {recorded}"
    if known.rto is not None:
        yield "restored within", f"{known.rto:.1f} s"
    yield from known.facts
    yield from (("note", note) for note in known.notes[:5])
