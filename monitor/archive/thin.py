"""Makes many samples few, so that a month stays small: the newest of each stretch, and the peaks of counters."""

from collections.abc import Sequence

#: How Prometheus' naming says that a series only grows: a fall is then a reset, whose height must not be lost.
_COUNTERS = ("_total", "_count", "_sum", "_bucket")


def is_counter(name: str) -> bool:
    """Whether a metric of this name counts, as far as its name tells."""
    return name.endswith(_COUNTERS)


def thin(
    times: Sequence[int], values: Sequence[float], resolution_ms: int, *, counter: bool, before: float = float("nan")
) -> tuple[list[int], list[float]]:
    """The newest sample of each stretch of `resolution_ms` (left end excluded, as in PromQL's ranges).

    Of a counter, its beginning and both sides of each reset are kept too, so that increase() still counts all of it.
    `before` is the value that was kept last before these.
    """
    stretches = [-(-at // resolution_ms) for at in times]
    kept = {index for index, here in enumerate(stretches) if index + 1 == len(times) or stretches[index + 1] != here}
    if counter:
        kept |= _resets(values, before)
    chosen = sorted(kept)
    return [times[index] for index in chosen], [values[index] for index in chosen]


def _resets(values: Sequence[float], before: float) -> set[int]:
    """Where a counter begins, and where it stood before and after each fall. NaNs and stale markers are passed over."""
    found: set[int] = set()
    last: int | None = None
    for index, value in enumerate(values):
        if value != value:
            continue
        if not value >= before:
            found |= {index} if last is None else {last, index}
        before, last = value, index
    return found
