"""Checks the pager itself: has every open incident a next step, and is none overdue?"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from alerts.incident import Incident
from probes.units import format_duration

#: A timer runs late on a busy machine; beyond this many seconds it does not run at all.
GRACE = 60.0


class Fault(StrEnum):
    """What is wrong: a step that was not taken, nobody told, nobody answering, or a page that is not delivered."""

    OVERDUE = "overdue"
    UNTOLD = "untold"
    EXHAUSTED = "exhausted"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that the pager has failed to do, in a sentence."""

    fault: Fault
    text: str


def audit(incidents: Iterable[Incident], oldest_page: float, now: float) -> list[Complaint]:
    """What is wrong with the paging of these incidents at a moment (seconds UTC); nothing when all is well.

    `oldest_page` is for how many seconds the oldest page has been waiting in the outbox.
    """
    found = [complaint for incident in incidents if (complaint := _check(incident, now)) is not None]
    if oldest_page > GRACE:
        waited = format_duration(round(oldest_page))
        found.append(Complaint(Fault.UNDELIVERED, f"a page has been waiting for {waited} and is not delivered"))
    return found


def _check(incident: Incident, now: float) -> Complaint | None:
    if incident.over:
        return None
    if incident.next_at is not None and now - incident.next_at > GRACE:
        late = format_duration(round(now - incident.next_at))
        return Complaint(Fault.OVERDUE, f"the next step of {incident.key} is overdue by {late}")
    if incident.ack is not None or incident.hush is not None:
        return None
    if not incident.told:
        return Complaint(Fault.UNTOLD, f"{incident.key} is open, and nobody was told")
    if incident.exhausted:
        return Complaint(Fault.EXHAUSTED, f"nobody acked {incident.key}, and every step has been taken")
    return None
