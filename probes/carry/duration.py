"""Durations as Go writes them, such as 1h30m, 1.5s or 300ms, which both Gatus and its conditions do."""

import re

_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def go_seconds(text: str) -> float | None:
    """Seconds in such a duration, to the millisecond; None for what is none, or is none longer than zero.

    A bare number is milliseconds, as in Gatus' conditions.
    """
    if re.fullmatch(r"\d+", text, re.ASCII):
        text += "ms"
    if _PARTS.sub("", text) or not text.isascii():
        return None
    seconds = round(sum(float(count) * _SECONDS[unit] for count, unit in _PARTS.findall(text)), 3)
    return seconds or None
