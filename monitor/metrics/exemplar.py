"""Exemplars: the newest look of each bar, which leads from a graph to what that very look saw.

They are written only when somebody asks for OpenMetrics; until then a look costs one tuple.
https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#exemplars
"""

from collections.abc import Iterable

#: A look's id, how long it took (seconds), when it ended (wall clock, UTC), and its reason; plain, as there are many.
Exemplar = tuple[str, float, float, str]

#: The names and values of an exemplar's labels together are at most so long.
_LONGEST = 128
_RUN, _REASON = "run_id", "reason"
#: Look-alikes of what would have to be escaped: in exemplars, Prometheus 2 counts and shows escapes as they are
#: written, and prometheus_client takes an escaped quote for the end of a label.
_UNESCAPED = str.maketrans({'"': "'", "\\": "\N{SET MINUS}", "\n": " ", "\0": ""})


def marked(lines: bytes, exemplars: Iterable[tuple[bytes, Exemplar]]) -> bytes:
    """Lines with exemplars, each at the end of the next line that holds what is given beside it."""
    pieces: list[bytes] = []
    done = 0
    for text, exemplar in exemplars:
        end = lines.index(b"\n", lines.index(text, done))
        pieces += lines[done:end], write_exemplar(exemplar)
        done = end
    return b"".join((*pieces, lines[done:]))


def write_exemplar(exemplar: Exemplar) -> bytes:
    """An exemplar as it stands behind a sample. What is too long for it is cut off from the reason."""
    run_id, seconds, at, reason = exemplar
    labels = f'{_RUN}="{run_id}"'  # hexadecimal, by monitor.prober.look
    room = _LONGEST - len(_RUN) - len(run_id) - len(_REASON)
    if reason and room > 0:
        cut = reason if len(reason) <= room else f"{reason[: room - 1]}…"
        labels += f',{_REASON}="{cut.translate(_UNESCAPED)}"'
    return f" # {{{labels}}} {seconds!r} {at:.3f}".encode("utf-8", "replace")
