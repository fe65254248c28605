"""What decisions ask about the world: the newest proof behind an alert, and whether its source has gone quiet."""

import time
from collections.abc import Callable

from monitor.latest import Latest
from monitor.verifications import Verifications
from probes.base import Evidence, Labels, Outcome, Result
from probes.units import format_duration

#: A result older than this many of its intervals, and this many seconds, proves nothing about now.
_STALE_INTERVALS, _STALE_SECONDS = 3.0, 60.0
#: A failure older than this has nothing to do with an alert about a probe that is up now.
_RECENT = 900.0
_PROOF = {Outcome.UP, Outcome.DEGRADED, Outcome.DOWN}


class Facts:
    """Answers at once, from memory, from any thread. `interval` is how often a probe looks; None for strangers."""

    def __init__(
        self,
        latest: Latest,
        verifications: Verifications,
        interval: Callable[[str], float | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._latest, self._verifications = latest, verifications
        self._interval, self._clock = interval, clock

    def evidence(self, labels: Labels) -> Evidence | None:
        """The proof for an alert: its backup's last verification, or its probe's newest look, recent failures first."""
        named = dict(labels)
        if "backup" in named:
            return self._verifications.evidence(named["backup"])
        if "probe" not in named:
            return None
        failure = self._latest.failure(named["probe"])
        if failure is not None and self._clock() - failure.at <= _RECENT:
            return _of(failure)
        result = self._latest.result(named["probe"])
        return _of(result) if result else None

    def quiet(self, labels: Labels) -> bool:
        """Whether the probe behind an alert has no fresh result that says anything about the shop.

        A probe that is not ours (Prometheus scrapes another prober) and an alert without one are never quiet: their
        source's word is all there is.
        """
        named = dict(labels)
        name = named.get("probe", "")
        interval = self._interval(name)
        if interval is None:
            return False
        result = self._latest.result(name)
        if result is None:
            return True
        if self._clock() - result.at > max(_STALE_INTERVALS * interval, _STALE_SECONDS):
            return True
        # An alert about the outcome itself ("blocked", "unknown") ends when the outcome changes, whatever it is now.
        return "outcome" not in named and result.outcome not in _PROOF


def _of(result: Result) -> Evidence:
    finding = result.finding
    if finding.evidence is not None:
        return finding.evidence
    summary = finding.reason or f"{result.outcome} after {format_duration(result.duration)}"
    return Evidence(summary)
