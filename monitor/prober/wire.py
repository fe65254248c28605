"""What a prober and the service say to each other: short frames over a private socket pair.

Settings go down as pickles, because they are rich and travel once; they may hold secrets, so they are never in argv or
the environment. Findings come up as marshalled plain tuples: that costs 1 µs a result where pickled classes cost 15,
and reading them runs none of the prober's code in the service.
"""

import marshal
import pickle
from collections.abc import Iterator
from struct import Struct
from typing import Any

from monitor.prober.rounds import Seen
from probes.base import Evidence, Finding, Outcome, Sample, Step

_LENGTH = Struct("!I")

#: A finding as plain values.
Plain = tuple[Any, ...]


class Frames:
    """Cuts a stream of bytes into the frames that were written into it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete now."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            end = 4 + _LENGTH.unpack_from(buffer)[0]
            if len(buffer) < end:
                return
            frame = bytes(buffer[4:end])
            del buffer[:end]
            yield frame


def _framed(body: bytes) -> bytes:
    return _LENGTH.pack(len(body)) + body


def order(*words: Any) -> bytes:
    """A frame from the service to a prober."""
    return _framed(pickle.dumps(words, 5))


def read_order(frame: bytes) -> Any:
    """What the service ordered."""
    return pickle.loads(frame)  # noqa: S301 - written by our own parent process over a private socket pair


def news(*words: Any) -> bytes:
    """A frame of plain values from a prober to the service. Raises ValueError for anything but plain values."""
    return _framed(marshal.dumps(words))


def read_news(frame: bytes) -> Any:
    """What a prober told."""
    return marshal.loads(frame)  # noqa: S302 - plain values from our own child; no code is run


def plain(seen: Seen) -> Plain:
    """A look that ended, as plain values that `news` can carry."""
    probe, due, late, duration, finding, extra, run_id = seen
    samples = [(str(name), float(value), labels) for name, value, labels in finding.samples]
    found = finding.outcome.value, finding.reason, samples, _plain_evidence(finding.evidence)
    return probe, due, late, duration, extra, run_id, *found


def finding(outcome: str, reason: str, samples: list[tuple[Any, ...]], evidence: Plain | None) -> Finding:
    """The finding that was made plain."""
    return Finding(Outcome(outcome), reason, tuple(map(Sample._make, samples)), _evidence(evidence))


def _plain_evidence(evidence: Evidence | None) -> Plain | None:
    if evidence is None:
        return None
    steps = [(step.name, step.outcome.value, step.seconds, step.detail) for step in evidence.steps]
    return evidence.summary, steps, evidence.facts, evidence.excerpt


def _evidence(told: Plain | None) -> Evidence | None:
    if told is None:
        return None
    summary, steps, facts, excerpt = told
    walked = tuple(Step(name, Outcome(outcome), seconds, detail) for name, outcome, seconds, detail in steps)
    return Evidence(summary, walked, facts, excerpt)
