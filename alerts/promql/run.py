"""One run of a query: the points in time it looks at, and what all its parts need to know."""

from dataclasses import dataclass
from typing import TypeAlias

from alerts.promql.limits import Budget
from alerts.promql.node import At
from alerts.promql.remark import Remarks
from alerts.promql.storage import Storage

#: Points in time, in milliseconds, at even distances.
Times: TypeAlias = range


@dataclass(frozen=True, slots=True)
class Run:
    """Times are milliseconds. `times` are the steps of the part at hand: a subquery has its own."""

    storage: Storage
    times: Times
    start_ms: int
    end_ms: int
    lookback_ms: int
    subquery_step_ms: int
    budget: Budget
    remarks: Remarks

    def at(self, times: Times) -> "Run":
        """The same query, looking at other points in time."""
        return Run(
            self.storage,
            times,
            self.start_ms,
            self.end_ms,
            self.lookback_ms,
            self.subquery_step_ms,
            self.budget,
            self.remarks,
        )

    def references(self, at: At, offset_ms: int) -> Times:
        """For each step, the time that a selector with these modifiers looks at; one only when `@` fixes it."""
        if at is None:
            times = self.times
            return range(times.start - offset_ms, times.stop - offset_ms, times.step) if offset_ms else times
        fixed = self.start_ms if at == "start" else self.end_ms if at == "end" else at
        return range(fixed - offset_ms, fixed - offset_ms + 1)
