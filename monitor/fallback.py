"""When a channel cannot be told, the next one is - with the reason, so that someone mends the first."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from alerts.incident import Kind, Telling, Told
from monitor.store import incidents, outbox
from monitor.store.lock import take_turns
from monitor.store.outbox import Parcel


def hand_over(connection: Connection, parcel: Parcel, notifiers: Sequence[str], reason: str, now: float) -> str | None:
    """Put what a notifier could not deliver into the outbox for the next one that was not tried; answers its name.

    None when it is only news, when it was handed over before, when the next one is told the same anyway, or when every
    notifier was tried. The next one is noted in the incident, so that it hears the end of the story too.
    """
    key, version, _ = parcel.transition.split("/", 2)
    following = next((name for name in notifiers if name not in parcel.tried), None)
    if parcel.kind is Kind.NEWS or following is None:
        return None
    transition = f"{parcel.transition}>{following}"
    same = f"{key}/{version}/{following}"
    if outbox.reaches(connection, transition) or outbox.reaches(connection, same, parcel.kind):
        return None
    take_turns(connection)
    stored = incidents.get(connection, parcel.incident_id)
    assert stored is not None  # its outbox rows would have gone with it
    told = stored.incident.told
    if following not in (known.notifier for known in told):
        changed = replace(stored.incident, told=(*told, Told(following, parcel.people)))
        incidents.change(connection, stored.id, changed)
    line = f"{parcel.notifier} could not be told ({reason}). {'. '.join(parcel.lines)}"
    outbox.put(connection, parcel.incident_id, [Telling(transition, following, parcel.kind, parcel.people, line)], now)
    return following
