"""When rules are looked at between their groups' slots: soon after a nudge, and when a pending alert's `for` ends.

These glances are kept apart far enough to cost at most a tenth of a core. Times are wall-clock seconds.
"""

import threading
from collections.abc import Callable, Iterable
from enum import Enum

from alerts.rule import AlertingRule
from alerts.rulegroup import GroupRun, RuleRun

#: A nudge waits this long, so that the results of one batch are seen together; glances keep this distance (seconds).
SETTLE, SPACING = 0.02, 0.25
#: After a glance that took t seconds, the next one waits at least this many times t.
REST = 9.0
#: A stepped wall clock is noticed after this long.
LONGEST_SLEEP = 1.0
#: An evaluation that is due for this long, and for two intervals, is not merely slow (seconds).
_MUCH_TOO_LATE = 60.0
_NEVER = float("inf")


class Glance(Enum):
    """At what to look between two slots."""

    NOTHING = "nothing"
    ENDED = "rules whose `for` has ended"
    EVERYTHING = "everything"


class Timetable:
    """Says when a glance is due. `nudge` may be called from any thread, the rest from the evaluator's."""

    def __init__(self) -> None:
        self._nudged: float | None = None
        self._rested_at = 0.0
        self._lock = threading.Lock()

    def nudge(self, now: float) -> bool:
        """Something changed: look at everything soon. False when that is known already."""
        with self._lock:
            if self._nudged is not None:
                return False
            self._nudged = now
            return True

    def take(self, now: float, end: Callable[[], float]) -> Glance:
        """At what to look now. `end` says when the first `for` ends."""
        with self._lock:
            if now < self._rested_at:
                return Glance.NOTHING
            if self._nudged is not None and now >= self._nudged + SETTLE:
                self._nudged = None
                return Glance.EVERYTHING
        return Glance.ENDED if end() <= now else Glance.NOTHING

    def rest(self, now: float, spent: float) -> None:
        """A glance is over, and took so many seconds."""
        self._rested_at = now + max(SPACING, REST * spent)

    def until_next(self, now: float, slot: float, end: float) -> float:
        """Seconds until something may be due. `slot` is the next one of any group, `end` when the first `for` ends."""
        with self._lock:
            nudged = _NEVER if self._nudged is None else self._nudged + SETTLE
        glance = max(self._rested_at, min(nudged, end))
        return max(0.0, min(glance, slot, now + LONGEST_SLEEP) - now)


def first_end(runs: Iterable[GroupRun]) -> float:
    """When the `for` of some pending alert ends; never, where none is pending."""
    dues = [run.states.due() for group in runs for run in group.rules if run.states is not None]
    return min((due / 1000 for due in dues if due is not None), default=_NEVER)


def has_ended(run: RuleRun, at: int) -> bool:
    """Whether the `for` of one of a rule's pending alerts is over at a time (milliseconds)."""
    if run.states is None or not isinstance(run.rule, AlertingRule):
        return False
    due = run.states.due()
    return due is not None and due <= at


def is_overdue(seconds: float, interval: float) -> bool:
    """Whether a group that has been due for so long is not merely slow."""
    return seconds > max(_MUCH_TOO_LATE, 2 * interval)
