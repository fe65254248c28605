"""The outbox: what is still to be told. A row leaves it only when a channel has answered with a receipt."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from alerts.incident import Kind, Telling
from monitor.store.incidents import text
from monitor.store.lock import SENDING, take_turns
from monitor.store.schema import incidents, outbox

#: A page that a channel could not take for this many seconds is told to another one too.
_PATIENCE = 60.0
_PENDING, _SENT, _FAILED = "pending", "sent", "failed"


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that is waiting for one channel about one incident, leased to be sent as one message.

    `attempts` counts the earlier tries; `created_at` is when the oldest line was decided (seconds UTC).
    """

    lease: str
    incident_id: int
    notifier: str
    kind: Kind
    people: tuple[str, ...]
    lines: tuple[str, ...]
    ids: tuple[int, ...]
    transition: str
    attempts: int
    created_at: float

    @property
    def tried(self) -> tuple[str, ...]:
        """The notifiers that it was handed on by, ending with its own."""
        return tuple(self.transition.split("/", 2)[2].split(">"))

    def waits_too_long(self, now: float) -> bool:
        """Whether another channel should be told while this one is tried again."""
        return now - self.created_at >= _PATIENCE


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows are waiting, and since when the oldest (seconds UTC)."""

    pending: int
    since: float | None

    def age(self, now: float) -> float:
        """How many seconds the oldest has waited; 0 when nothing waits."""
        return 0.0 if self.since is None else max(0.0, now - self.since)


def put(connection: Connection, incident_id: int, tellings: Iterable[Telling], now: float) -> None:
    """Add what is to be told. Raises IntegrityError when a transition is there already."""
    rows = [
        {
            "incident_id": incident_id,
            "transition": telling.transition,
            "notifier": telling.notifier,
            "kind": telling.kind.value,
            "recipients": list(telling.people),
            "line": text(telling.line),
            "state": _PENDING,
            "created_at": now,
            "due_at": now,
            "attempts": 0,
            "error": "",
        }
        for telling in tellings
    ]
    if rows:
        connection.execute(insert(outbox), rows)


def reaches(connection: Connection, transition: str, kind: Kind | None = None) -> bool:
    """Whether a transition is waiting or was told; with a `kind`, for this reason, and not in vain."""
    query = select(outbox.c.id).where(outbox.c.transition == transition)
    if kind is not None:
        query = query.where(outbox.c.kind == kind.value, outbox.c.state != _FAILED)
    return connection.scalar(query) is not None


def lease(connection: Connection, notifier: str, lease_id: str, now: float, seconds: float) -> Parcel | None:
    """Take what is most urgent for a notifier, and keep it from others for a while: tickets come last, pages before
    news, what wakes people first; among equals what has waited longest.

    All rows about the same incident come together, so that their order is kept and one message says it all; an incident
    that is on its way already is left alone.
    """
    take_turns(connection, SENDING)  # row locks alone would hand out a row that another has just leased
    waiting, severity = outbox.c.state == _PENDING, incidents.c.severity
    busy = select(outbox.c.incident_id).where(waiting, outbox.c.notifier == notifier, outbox.c.leased_until > now)
    first = connection.execute(
        select(outbox.c.incident_id)
        .where(waiting, outbox.c.notifier == notifier, outbox.c.due_at <= now, outbox.c.incident_id.not_in(busy))
        .join(incidents, incidents.c.id == outbox.c.incident_id)
        .order_by(severity == "ticket", outbox.c.kind != Kind.PAGE.value, severity != "page", outbox.c.id)
        .limit(1)
    ).first()
    if first is None:
        return None
    rows = connection.execute(
        select(outbox)
        .where(waiting, outbox.c.notifier == notifier, outbox.c.incident_id == first.incident_id)
        .order_by(outbox.c.id)
    ).all()
    ids = tuple(row.id for row in rows)
    taken = {"lease": lease_id, "leased_until": now + seconds, "attempts": outbox.c.attempts + 1}
    connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(taken))
    kinds = {row.kind for row in rows}
    return Parcel(
        lease=lease_id,
        incident_id=first.incident_id,
        notifier=notifier,
        kind=next(kind for kind in (Kind.PAGE, Kind.RESOLVED, Kind.NEWS) if kind.value in kinds),
        people=tuple(dict.fromkeys(name for row in rows for name in row.recipients)),
        lines=tuple(row.line for row in rows),
        ids=ids,
        transition=rows[-1].transition,
        attempts=max(row.attempts for row in rows),
        created_at=min(row.created_at for row in rows),
    )


def finish(connection: Connection, parcel: Parcel, now: float, error: str = "") -> bool:
    """Mark a parcel as sent or, with an error, as failed for good. False when its lease had passed to another."""
    changes = {"state": _FAILED if error else _SENT, "finished_at": now, "error": text(error), "leased_until": None}
    return _update(connection, parcel, changes)


def postpone(connection: Connection, parcel: Parcel, due_at: float, error: str) -> bool:
    """Put a parcel back until `due_at`. False when its lease had passed to another."""
    return _update(connection, parcel, {"due_at": due_at, "error": text(error), "leased_until": None})


def release(connection: Connection) -> int:
    """Take back every lease: for the only pager of a store, whose predecessor died while sending."""
    leased = outbox.c.leased_until.is_not(None)
    return connection.execute(update(outbox).where(leased).values(leased_until=None)).rowcount


def next_due(connection: Connection, notifiers: Collection[str]) -> float | None:
    """When the next row for one of these notifiers can be taken (seconds UTC)."""
    free = func.coalesce(outbox.c.leased_until, outbox.c.due_at)
    query = select(func.min(free)).where(outbox.c.state == _PENDING, outbox.c.notifier.in_(list(notifiers)))
    moment: float | None = connection.scalar(query)
    return moment


def backlog(connection: Connection) -> Backlog:
    """How much is waiting, over all notifiers."""
    waiting = select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.state == _PENDING)
    count, since = connection.execute(waiting).one()
    return Backlog(count, since)


def oldest_page(connection: Connection, now: float) -> float:
    """For how many seconds the oldest page, or end of one, has been waiting; 0 when none does."""
    urgent = (outbox.c.state == _PENDING, outbox.c.kind != Kind.NEWS.value)
    since: float | None = connection.scalar(select(func.min(outbox.c.created_at)).where(*urgent))
    return 0.0 if since is None else max(0.0, now - since)


def orphans(connection: Connection, notifiers: Collection[str]) -> list[str]:
    """Notifiers that rows are waiting for, but which the config does not have any more."""
    known = outbox.c.notifier.in_(list(notifiers))
    query = select(outbox.c.notifier).where(outbox.c.state == _PENDING, ~known).distinct()
    return sorted(connection.scalars(query))


def of_incident(connection: Connection, incident_id: int) -> list[tuple[str, str, str, str]]:
    """What was to be told about an incident, in order: (notifier, kind, state, error)."""
    query = select(outbox.c.notifier, outbox.c.kind, outbox.c.state, outbox.c.error)
    rows = connection.execute(query.where(outbox.c.incident_id == incident_id).order_by(outbox.c.id))
    return [(row.notifier, row.kind, row.state, row.error) for row in rows]


def _update(connection: Connection, parcel: Parcel, changes: dict[str, object]) -> bool:
    own = (outbox.c.id.in_(parcel.ids), outbox.c.lease == parcel.lease, outbox.c.state == _PENDING)
    return connection.execute(update(outbox).where(*own).values(changes)).rowcount > 0
