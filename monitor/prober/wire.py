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
from monitor.prober.told import Told, read_signature, write_evidence, write_signature
from probes.base import Outcome

_LENGTH = Struct("!I")
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}

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
    signature = tuple([(str(name), labels) for name, _, labels in finding.samples])
    values = [float(value) for _, value, _ in finding.samples]
    told = write_signature(signature), values, write_evidence(finding.evidence)
    return probe, due, late, duration, extra, run_id, finding.outcome.value, finding.reason, *told


def finding(outcome: str, reason: str, signature: bytes, values: list[float], evidence: bytes | None) -> Told:
    """The finding that was made plain."""
    return Told(_OUTCOMES[outcome], reason, read_signature(signature), values, evidence)
