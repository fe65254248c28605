"""One alert of a rule while it stands: pending until its time has passed, then firing, inactive once resolved."""

from dataclasses import dataclass
from enum import StrEnum

from probes.base import Labels


class State(StrEnum):
    """Pending until `for` has passed, then firing; inactive once resolved."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


@dataclass(slots=True)
class Active:
    """One alert of a rule. Times are milliseconds, UTC.

    `active_at` is the first of the clock's evaluations that saw it, None while only a glance has; `seen_since` is the
    first of the unbroken looks of both kinds. `missed_at` is when `keep_firing_for` began to count. `awaited` marks
    an alert that was firing before a restart and has not been looked at since.
    """

    labels: Labels
    annotations: dict[str, str]
    value: float
    state: State = State.PENDING
    active_at: int | None = None
    seen_since: int | None = None
    fired_at: int | None = None
    resolved_at: int | None = None
    missed_at: int | None = None
    told_at: int | None = None
    awaited: bool = False

    @property
    def since(self) -> int:
        """Since when it is known to be true."""
        return min(at for at in (self.active_at, self.seen_since, self.fired_at, 1 << 62) if at is not None)
