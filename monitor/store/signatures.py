"""Signatures of requests that were acted upon: the second of the same is a replay."""

from sqlalchemy import Connection, delete, insert, select

from monitor.store.schema import seen_signatures


def remember(connection: Connection, signature: str, now: float, window: float) -> bool:
    """Remember a signature for `window` seconds. False when it was seen before within them."""
    connection.execute(delete(seen_signatures).where(seen_signatures.c.at < now - window))
    known = connection.scalar(select(seen_signatures.c.at).where(seen_signatures.c.signature == signature))
    if known is not None:
        return False
    connection.execute(insert(seen_signatures).values(signature=signature, at=now))
    return True
