"""The newest word of each probe: its last result, and the last one that was not up, which is the evidence of a page."""

from collections.abc import Iterable

from monitor.prober.told import Told
from probes.base import Finding, Outcome, Result

_MOST_LOOKS = 2000


class Latest:
    """The last result of every probe, in memory only, without its samples: those are elsewhere, and many.

    The last 2,000 looks that were not up are remembered too, by their ids.
    """

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}
        self._failures: dict[str, Result] = {}
        self._by_run: dict[str, Result] = {}

    def put(self, result: Result) -> bool:
        """Take in a result; answers whether its outcome is another than before (a first result is a change)."""
        result = _bare(result)
        before = self._results.get(result.probe)
        self._results[result.probe] = result
        if result.outcome is not Outcome.UP:
            self._failures[result.probe] = result
            self._remember(result)
        return before is None or before.outcome is not result.outcome

    def result(self, probe: str) -> Result | None:
        """The newest result of a probe; None before its first."""
        return self._results.get(probe)

    def failure(self, probe: str) -> Result | None:
        """The newest result of a probe that was not up; None if there was none."""
        return self._failures.get(probe)

    def look(self, run_id: str) -> Result | None:
        """The look of this id, if it was not up and is among the last 2,000 of those."""
        return self._by_run.get(run_id)

    def _remember(self, result: Result) -> None:
        if result.run_id:
            self._by_run[result.run_id] = result
            if len(self._by_run) > _MOST_LOOKS:
                del self._by_run[next(iter(self._by_run))]

    def keep(self, probes: Iterable[str]) -> None:
        """Forget every probe but these."""
        names = set(probes)
        self._results = {name: result for name, result in self._results.items() if name in names}
        self._failures = {name: result for name, result in self._failures.items() if name in names}


def _bare(result: Result) -> Result:
    """The result without samples. Written out, as dataclasses.replace takes five times as long."""
    found = result.finding
    if isinstance(found, Told):
        finding: Finding = found.bare()
    elif found.samples:
        finding = Finding(found.outcome, found.reason, (), found.evidence)
    else:
        return result
    slot, late, duration = result.slot, result.late, result.duration
    return Result(result.probe, result.type, slot, late, duration, finding, result.extra, result.run_id)
