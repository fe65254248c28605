"""A probe on the page of metrics: what it found last, and what was counted since the service started."""

import logging
from collections.abc import Callable, Iterator

from monitor.metrics.block import Block, Shape, Signature
from monitor.metrics.tally import COUNTS, LAST_RUN, Tally, latency_signature
from monitor.metrics.text import Reading, series_of, write_labels
from monitor.prober.slots import Missed
from monitor.prober.told import Told
from probes.base import Finding, Labels, Outcome, ProbeSettings, Result

#: Series that nothing refreshed for this long are read again, as a scrape would, lest the look-back lose them.
_REFRESH = 60.0
_OVERDUE_AFTER = 300.0
#: How long a probe's first look is waited for.
_FIRST_LOOK = 25.0

_OUTCOMES = tuple(("probe_outcome", (("outcome", outcome.value),)) for outcome in Outcome)
_LOOK: Signature = (*_OUTCOMES, ("probe_duration_seconds", ()))
_LOOK_DECIDED: Signature = (*_LOOK, ("probe_success", ()))
_STATES = {outcome: tuple(float(outcome is other) for other in Outcome) for outcome in Outcome}
#: What the service itself writes for a probe; no probe's own samples may stand beside it.
OUR_SERIES = frozenset(
    series_of(name, labels)
    for signature in (_LOOK_DECIDED, COUNTS, LAST_RUN, *map(latency_signature, Outcome))
    for name, labels in signature
)
_SUCCESS = {Outcome.UP: 1.0, Outcome.DEGRADED: 1.0, Outcome.DOWN: 0.0}

LOG = logging.getLogger(__name__)

ShapeOf = Callable[[Signature, frozenset[str]], Shape]


class Watched:
    """One probe's blocks. Those of the last look leave when no look follows; the counts stay as long as the probe."""

    def __init__(self, settings: ProbeSettings, interval: float, location: str, shape: ShapeOf) -> None:
        base = (("probe", settings.name), ("type", settings.type), ("location", location))
        owner = (("owner", settings.owner),) if settings.owner else ()
        self.base: Labels = (*base, *owner, *settings.labels.items())
        self._probe, self._type = settings.name, settings.type
        self.interval = interval
        self.tally = Tally()
        self._names = frozenset(name for name, _ in self.base)
        self._shape = shape
        self._seen = 0.0
        self._text = write_labels(self.base).encode("utf-8", "replace")
        self._look = self._block()
        self._found = self._block()
        self._counts = self._block()

    def update(self, result: Result, now: float) -> list[Reading]:
        """A look ended; answers what to remember at `now`."""
        self._seen = now
        self.tally.count(result, self.interval)
        outcome = result.outcome
        success = _SUCCESS.get(outcome)
        look: tuple[float, ...] = (*_STATES[outcome], result.duration)
        if success is None:
            readings = self._set(self._look, _LOOK, look, now)
        else:
            readings = self._set(self._look, _LOOK_DECIDED, (*look, success), now)
        found, values = _taken_apart(result.finding)
        try:
            readings += self._set(self._found, found, values, now, self._names)
        except (TypeError, ValueError, AttributeError) as error:  # labels that are none; the look counts all the same
            LOG.warning("what the probe %s found cannot be written for Prometheus: %s", result.probe, error)
            readings += self._found.clear()
        return readings + self.count(now)

    def missed(self, missed: Missed, now: float) -> list[Reading]:
        """Slots were missed; answers what to remember at `now`."""
        self.tally.count_missed(missed)
        return self.count(now)

    def count(self, now: float) -> list[Reading]:
        """Write the counts as they are."""
        return self._set(self._counts, self.tally.signature, self.tally.values(self.interval), now)

    def begin(self, now: float) -> list[Reading]:
        """Write the counts as they are at the start, or after a reload; answers what to remember at `now`.

        Before its first look a probe is remembered only if that is late: it brings more series to those of the counts,
        which then find their places in memory together.
        """
        readings = self.count(now)
        if self.tally.last_run is not None:
            return readings
        self._counts.touched = now - _REFRESH + _FIRST_LOOK
        return []

    def refresh(self, now: float) -> list[Reading]:
        """What to remember again at `now`; a last look that is long overdue is no longer true, and leaves."""
        readings: list[Reading] = []
        if self._seen and now - self._seen > max(5 * self.interval, _OVERDUE_AFTER):
            self._seen = 0.0
            readings += self._look.clear() + self._found.clear()
        for block in self._blocks():
            if now - block.touched >= _REFRESH:
                readings += block.readings(now)
        return readings

    def clear(self) -> list[Reading]:
        """Leave the page; answers the ends of all series."""
        return [end for block in self._blocks() for end in block.clear()]

    def marks(self) -> Iterator[tuple[str, Block, Callable[[bytes], bytes]]]:
        """What adds exemplars to the lines of a family and block."""
        if self.tally.latencies:
            yield "probe_latency_seconds", self._counts, self.tally.marked_latencies
        if self.tally.has_failed:
            yield "probe_results_total", self._counts, self.tally.marked_results

    def _block(self) -> Block:
        return Block(self.base, self._text)

    def look(self, run_id: str) -> Result | None:
        """The look of this id, if it is an exemplar now."""
        for outcome, latency in self.tally.latencies.items():
            for known, seconds, at, reason in latency.exemplars.values():
                if known == run_id:
                    finding = Finding(outcome, reason)
                    return Result(self._probe, self._type, at - seconds, 0.0, seconds, finding, run_id=run_id)
        return None

    def _blocks(self) -> tuple[Block, ...]:
        return self._look, self._found, self._counts

    def _set(
        self,
        block: Block,
        signature: Signature,
        values: tuple[float, ...],
        now: float,
        reserved: frozenset[str] = frozenset(),
    ) -> list[Reading]:
        # To compare labels takes longer than to write them: nearly always it is the signature of the last time.
        if block.shape is None or signature is not block.signature:
            return block.set(self._shape(signature, reserved), values, now, signature)
        return block.set(block.shape, values, now, signature)


def _taken_apart(finding: Finding) -> tuple[Signature, tuple[float, ...]]:
    """The names and own labels of a finding's samples, and their values."""
    if isinstance(finding, Told):
        return finding.signature, finding.values
    samples = finding.samples
    return tuple([(name, labels) for name, _, labels in samples]), tuple([value for _, value, _ in samples])
