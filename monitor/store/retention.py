"""Forgets what is long over, so that the store does not grow for ever."""

from sqlalchemy import Connection

from monitor.store import incidents, silences

#: How long incidents and silences are kept after their end, in seconds: so that a year can be compared.
KEPT = 400 * 86400.0


def forget(connection: Connection, now: float) -> int:
    """Delete incidents, with their story and receipts, and silences that ended more than KEPT ago; answers how many."""
    return incidents.forget(connection, now - KEPT) + silences.forget(connection, now - KEPT)
