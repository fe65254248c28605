"""How the pages say states, times and durations: short, and the same everywhere."""

from datetime import UTC, datetime

from alerts.incident import State
from alerts.inhibit import INHIBITION
from probes.units import format_duration


def standing(state: str, hushed_by: str | None) -> str:
    """How an incident stands: its state, but nobody silenced what another open incident holds back."""
    return "held back" if state == State.SILENCED and hushed_by == INHIBITION else state


def clock(at: float) -> str:
    """A wall-clock second as 14:03:22, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def day(at: float) -> str:
    """A wall-clock second as Mon 23 Nov 10:00, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%a %d %b %H:%M")


def ago(at: float, now: float) -> str:
    """How long ago, in the largest unit that says enough."""
    seconds = max(0.0, now - at)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def short(seconds: float | None) -> str:
    """A measured duration with three figures: 0.0213 → 21.3 ms."""
    if seconds is None:
        return "–"
    if seconds >= 100:
        return format_duration(round(seconds))
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"
