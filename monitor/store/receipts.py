"""Receipts: the channels' own proof that they were told, and their reference to the message, to edit it later."""

from sqlalchemy import Connection, insert, select

from alerts.notifiers.base import Receipt
from monitor.store.incidents import text
from monitor.store.schema import receipts


def add(connection: Connection, incident_id: int, outbox_id: int, receipt: Receipt) -> None:
    """Keep a receipt."""
    connection.execute(
        insert(receipts).values(
            incident_id=incident_id,
            outbox_id=outbox_id,
            notifier=receipt.notifier,
            at=receipt.at,
            message=receipt.message,
            detail=text(receipt.detail),
        )
    )


def newest(connection: Connection, incident_id: int, notifier: str) -> Receipt | None:
    """The last receipt of a notifier about an incident."""
    query = select(receipts).where(receipts.c.incident_id == incident_id, receipts.c.notifier == notifier)
    row = connection.execute(query.order_by(receipts.c.id.desc()).limit(1)).first()
    return None if row is None else Receipt(row.notifier, row.at, dict(row.message), row.detail)


def of_incident(connection: Connection, incident_id: int) -> list[Receipt]:
    """Every receipt about an incident, in order."""
    rows = connection.execute(select(receipts).where(receipts.c.incident_id == incident_id).order_by(receipts.c.id))
    return [Receipt(row.notifier, row.at, dict(row.message), row.detail) for row in rows]
