"""Keeps every verification of a backup, so that neither a verdict nor its absence is forgotten over a restart."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from monitor.store.schema import verifications
from probes.backup.standing import Standing
from probes.backup.verification import Verdict, Verification

#: How many verifications of one backup are kept; the last good one and the last conclusion are kept beyond that.
KEPT = 500
_table = verifications.c
_PASSED = _table.verdict == Verdict.PASS.value
_CONCLUDED = _table.verdict.in_([Verdict.PASS.value, Verdict.FAIL.value])


def begin(connection: Connection, backup: str, at: float) -> int:
    """Note that a verification begins; answers its id."""
    row = insert(verifications).values(backup=backup, started_at=at)
    return int(connection.execute(row.returning(_table.id)).scalar_one())


def finish(connection: Connection, id_: int, verification: Verification) -> None:
    """Write down how a verification ended, and drop what is older than the last KEPT ones."""
    connection.execute(update(verifications).where(_table.id == id_).values(**_values(verification)))
    _prune(connection, verification.backup)


def close_interrupted(
    connection: Connection, at: float, running: Mapping[str, int] | None = None
) -> list[Verification]:
    """End the verifications that have no verdict and do not run (`running`: id by backup): Shopwatch was killed."""
    rows = select(_table.id, _table.backup, _table.started_at).where(_table.verdict.is_(None))
    ended = []
    for row in connection.execute(rows).all():
        if row.id in (running or {}).values():
            continue
        reason = "Shopwatch was killed while it verified this backup"
        found = Verification(row.backup, "", Verdict.INCONCLUSIVE, row.started_at, at, (reason,))
        finish(connection, row.id, found)
        ended.append(found)
    return ended


def standing(connection: Connection, backup: str, since: float) -> Standing:
    """What is known about one backup; `since` counts where nothing was tried yet."""
    of_backup = _table.backup == backup
    first = connection.execute(select(func.min(_table.started_at)).where(of_backup)).scalar()
    counts = connection.execute(
        select(_table.verdict, func.count()).where(of_backup, _table.verdict.is_not(None)).group_by(_table.verdict)
    )
    return Standing(
        since=since if first is None else min(first, since),
        latest=_newest(connection, of_backup),
        concluded=_newest(connection, and_(of_backup, _CONCLUDED)),
        passed=_newest(connection, and_(of_backup, _PASSED)),
        counts={Verdict(verdict): count for verdict, count in counts},
    )


def history(connection: Connection, backup: str, limit: int = 50) -> list[Verification]:
    """The newest verifications of one backup, newest first."""
    query = select(_table.body).where(_table.backup == backup, _table.body.is_not(None))
    return [
        Verification.from_json(body) for (body,) in connection.execute(query.order_by(_table.id.desc()).limit(limit))
    ]


def _newest(connection: Connection, condition: ColumnElement[bool]) -> Verification | None:
    query = select(_table.body).where(condition, _table.body.is_not(None)).order_by(_table.id.desc()).limit(1)
    body = connection.execute(query).scalar()
    return None if body is None else Verification.from_json(body)


def _prune(connection: Connection, backup: str) -> None:
    of_backup = _table.backup == backup
    oldest = connection.execute(
        select(_table.id).where(of_backup).order_by(_table.id.desc()).offset(KEPT).limit(1)
    ).scalar()
    if oldest is None:
        return
    kept = [_last(connection, and_(of_backup, condition)) for condition in (_PASSED, _CONCLUDED)]
    connection.execute(delete(verifications).where(of_backup, _table.id <= oldest, _table.id.not_in(kept)))


def _last(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.max(_table.id)).where(condition)).scalar() or 0


def _values(verification: Verification) -> dict[str, object]:
    return {
        "verdict": verification.verdict.value,
        "finished_at": verification.finished_at,
        "body": verification.to_json(),
    }
