"""How much one query may cost, and the account that is kept while it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.promql.errors import LimitExceeded, QueryTimeout

_BETWEEN_LOOKS = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take; beyond it, the query ends with an error that says which limit it met.

    `samples` counts every sample read or computed, `series` those of one selector, `steps` the points in time of a
    range query or subquery; `seconds` is the deadline; `depth` how deep expressions may nest; `characters` the text.
    """

    samples: int = 20_000_000
    series: int = 100_000
    steps: int = 11_000
    subquery_steps: int = 100_000
    seconds: float = 30.0
    depth: int = 150
    characters: int = 100_000


class Budget:
    """What a running query has left. Checked by the query itself, at every few thousand samples."""

    __slots__ = ("_clock", "_deadline", "_next_look", "_spent", "limits")

    def __init__(self, limits: Limits, clock: Callable[[], float] | None) -> None:
        self.limits = limits
        self._clock = clock
        self._deadline = clock() + limits.seconds if clock else 0.0
        self._spent = 0
        self._next_look = min(_BETWEEN_LOOKS, limits.samples + 1)

    def spend(self, samples: int) -> None:
        """Account for samples read or computed. Raises LimitExceeded or QueryTimeout."""
        self._spent += samples
        if self._spent >= self._next_look:
            self._look()

    def count_series(self, series: int) -> None:
        """Refuse a selector that fits too many series."""
        if series > self.limits.series:
            raise LimitExceeded(f"the query selects more than {self.limits.series:,} series; add label matchers")

    def count_steps(self, steps: int, *, subquery: bool = False) -> None:
        """Refuse a range query or a subquery with too many points in time."""
        allowed = self.limits.subquery_steps if subquery else self.limits.steps
        if steps > allowed:
            what = "a subquery" if subquery else "the query"
            raise LimitExceeded(
                f"{what} asks for {steps:,} points in time, and {allowed:,} are allowed; "
                "shorten the range or widen the step"
            )

    def _look(self) -> None:
        self._next_look = min(self._spent + _BETWEEN_LOOKS, self.limits.samples + 1)
        if self._spent > self.limits.samples:
            raise LimitExceeded(
                f"the query touches more than {self.limits.samples:,} samples; shorten the range or add label matchers"
            )
        if self._clock is not None and self._clock() > self._deadline:
            raise QueryTimeout(f"the query took longer than its {self.limits.seconds:g} s")
