"""What a prober told of a look, kept as it came: most of it nobody ever asks for.

The service writes the numbers of each look, and reads the evidence of one in thousands. So names and labels, which are
the same at every look, come as one piece that is read once, and evidence as another that is read when it is shown.
"""

import marshal
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from probes.base import Evidence, Finding, Labels, Outcome, Sample, Step

#: The names and own labels of a look's samples.
Signature = tuple[tuple[str, Labels], ...]


class Told(Finding):
    """A finding whose samples and evidence are made when somebody asks: `values` are those of the `signature`."""

    __slots__ = ("_evidence", "signature", "values")

    signature: Signature
    values: tuple[float, ...]
    _evidence: bytes | None

    def __init__(
        self, outcome: Outcome, reason: str, signature: Signature, values: Sequence[float], evidence: bytes | None
    ) -> None:
        keep = object.__setattr__
        keep(self, "outcome", outcome)
        keep(self, "reason", reason)
        keep(self, "signature", signature)
        keep(self, "values", tuple(values))
        keep(self, "_evidence", evidence)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The numbers with their names."""
        return tuple(
            [Sample(name, value, labels) for (name, labels), value in zip(self.signature, self.values, strict=True)]
        )

    @property
    def evidence(self) -> Evidence | None:
        """What a person needs to believe it."""
        return read_evidence(self._evidence) if self._evidence else None

    def bare(self) -> "Told":
        """The same without samples."""
        return Told(self.outcome, self.reason, (), (), self._evidence)


def write_signature(signature: Signature) -> Any:
    """The names and labels as one piece, made once. What cannot be written is answered as it is."""
    try:
        return _written(signature)
    except TypeError:  # labels that are no tuples: what they are is judged by who shows them
        return _piece(signature)


def write_evidence(evidence: Evidence | None) -> Any:
    """The evidence as one piece, or None. What cannot be written is answered as plain values."""
    if evidence is None:
        return None
    steps = [(step.name, step.outcome.value, step.seconds, step.detail) for step in evidence.steps]
    return _piece((evidence.summary, steps, evidence.facts, evidence.excerpt))


@lru_cache(maxsize=4096)
def read_signature(written: bytes) -> Signature:
    """The names and labels that were written: the very same object for the same names."""
    signature: Signature = marshal.loads(written)  # noqa: S302 - plain values from our own child; no code is run
    return signature


def read_evidence(written: bytes) -> Evidence:
    """The evidence that was written."""
    summary, steps, facts, excerpt = marshal.loads(written)  # noqa: S302 - as above
    walked = tuple([Step(name, Outcome(outcome), seconds, detail) for name, outcome, seconds, detail in steps])
    return Evidence(summary, walked, facts, excerpt)


def _piece(value: Any) -> Any:
    try:
        return marshal.dumps(value)
    except ValueError:
        return value


_written = lru_cache(maxsize=4096)(_piece)
