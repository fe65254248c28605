"""The tally of a probe: what has happened to it since the service started, whatever became of its prober."""

from bisect import bisect_left
from functools import cache
from itertools import accumulate

from monitor.metrics.block import Signature
from monitor.metrics.exemplar import Exemplar, marked
from monitor.metrics.text import write_labels
from monitor.prober.slots import Missed, Reason, is_late
from probes.base import Labels, Outcome, Result

#: The upper bounds of probe_latency_seconds, in seconds.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Sums of seconds stay decimals, as those that are added are, and times are told in milliseconds: such numbers are kept
#: in a third of the room that floats take.
_DECIMALS, _TIME_DECIMALS = 6, 3

_OUTCOMES = tuple(Outcome)
_FAILED = tuple(outcome for outcome in Outcome if outcome is not Outcome.UP)
_REASONS = tuple(Reason)


@cache
def latency_signature(outcome: Outcome) -> Signature:
    """The series of the histogram of looks that ended so. Bounds are written as Prometheus 3 normalizes them: `1.0`."""
    own = ("outcome", outcome.value)
    buckets = [("probe_latency_seconds_bucket", (own, ("le", repr(bound)))) for bound in BOUNDS]
    ends = ("probe_latency_seconds_sum", (own,)), ("probe_latency_seconds_count", (own,))
    return (*buckets, ("probe_latency_seconds_bucket", (own, ("le", "+Inf"))), *ends)


class Latency:
    """A classic histogram: how many looks took at most so long, and of each bucket the newest look, its exemplar."""

    __slots__ = ("counts", "exemplars", "newest", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.exemplars: dict[int, Exemplar] = {}
        self.newest: Exemplar | None = None

    def add(self, result: Result) -> None:
        """A look ended so."""
        bucket = bisect_left(BOUNDS, result.duration)
        self.counts[bucket] += 1
        self.seconds = round(self.seconds + result.duration, _DECIMALS)
        if result.run_id:
            exemplar = (result.run_id, result.duration, result.at, result.finding.reason)
            self.newest = self.exemplars[bucket] = exemplar

    def values(self) -> tuple[float, ...]:
        """The values of `latency_signature`."""
        buckets = tuple(accumulate(self.counts))
        return (*buckets, self.seconds, buckets[-1])


def _end_of(labels: Labels) -> bytes:
    """How a line ends before its number, if these are its last labels. No label's value can hold it: it has quotes."""
    return f"{write_labels(labels)}}} ".encode()


_BUCKETS = {
    outcome: [_end_of((("outcome", outcome.value), ("le", bound))) for bound in (*map(repr, BOUNDS), "+Inf")]
    for outcome in _OUTCOMES
}
_RESULTS = {outcome: _end_of((("outcome", outcome.value),)) for outcome in _OUTCOMES}


@cache
def counts_signature(outcomes: tuple[Outcome, ...]) -> Signature:
    """The series of a tally from the first look on: also when that was, and how long looks with these outcomes took."""
    latencies = (series for outcome in outcomes for series in latency_signature(outcome))
    return (*COUNTS, *LAST_RUN, *latencies)


class Tally:
    """Counts of one probe's slots and looks."""

    __slots__ = ("extra", "last_run", "latencies", "missed", "results", "signature", "slots")

    def __init__(self) -> None:
        #: The names and labels of `values`.
        self.signature = COUNTS
        self.last_run: float | None = None
        self.extra = 0
        self.results = dict.fromkeys(_OUTCOMES, 0)
        self.latencies: dict[Outcome, Latency] = {}
        self.slots = {"run": 0, "late": 0, "missed": 0}
        self.missed = dict.fromkeys(_REASONS, 0)

    def count(self, result: Result, interval: float) -> None:
        """A look ended.

        Extra looks are counted apart: they come more often while a probe fails, and would make the part of failed looks
        larger than the part of the time that was lost.
        """
        begun, self.last_run = self.last_run, round(result.slot + result.late, _TIME_DECIMALS)
        if begun is None:
            self._name()
        if result.extra:
            self.extra += 1
            return
        self.results[result.outcome] += 1
        self.slots["late" if is_late(result.late, interval) else "run"] += 1
        latency = self.latencies.get(result.outcome)
        if latency is None:
            latency = self.latencies[result.outcome] = Latency()
            self.latencies = {outcome: self.latencies[outcome] for outcome in _OUTCOMES if outcome in self.latencies}
            self._name()
        latency.add(result)

    def count_missed(self, missed: Missed) -> None:
        """Slots ended without a look."""
        self.slots["missed"] += missed.slots
        self.missed[missed.reason] += missed.slots

    @property
    def has_failed(self) -> bool:
        """Whether any look ended otherwise than up."""
        return any(outcome is not Outcome.UP for outcome in self.latencies)

    def marked_results(self, lines: bytes) -> bytes:
        """The lines of `probe_results_total` with an exemplar for each outcome that needs explaining."""
        failed = [
            (_RESULTS[outcome], self.latencies[outcome].newest) for outcome in _FAILED if outcome in self.latencies
        ]
        return marked(lines, [(text, newest) for text, newest in failed if newest])

    def marked_latencies(self, lines: bytes) -> bytes:
        """The lines of `probe_latency_seconds` with an exemplar for each bucket."""
        exemplars = [
            (_BUCKETS[outcome][bucket], latency.exemplars[bucket])
            for outcome, latency in self.latencies.items()
            for bucket in sorted(latency.exemplars)
        ]
        return marked(lines, exemplars)

    def values(self, interval: float) -> tuple[float, ...]:
        """The values of `signature`."""
        counts = (interval, *self.results.values(), *self.slots.values(), *self.missed.values(), self.extra)
        if self.last_run is None:
            return counts
        latencies = [value for latency in self.latencies.values() for value in latency.values()]
        return (*counts, self.last_run, *latencies)

    def _name(self) -> None:
        self.signature = counts_signature(tuple(self.latencies))


#: The series of a tally before the first look.
COUNTS: Signature = (
    ("probe_interval_seconds", ()),
    *(("probe_results_total", (("outcome", outcome.value),)) for outcome in _OUTCOMES),
    *(("probe_slots_total", (("state", state),)) for state in ("run", "late", "missed")),
    *(("probe_missed_total", (("reason", reason.value),)) for reason in _REASONS),
    ("probe_extra_looks_total", ()),
)
#: When a probe looked last: a series of its own, as there is none before the first look.
LAST_RUN: Signature = (("probe_last_run_timestamp_seconds", ()),)
