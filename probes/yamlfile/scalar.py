"""What a bare word in YAML means: the few things everyone agrees on; the rest is asked back, never guessed."""

import re
from typing import Literal

#: `strict` understands numbers, booleans and null, and refuses what YAML versions read differently. `text` leaves
#: every scalar but null as it is written, as Prometheus does with labels, expressions and durations.
Scalars = Literal["strict", "text"]

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WORD = {"on": "true", "yes": "true", "off": "false", "no": "false"}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?([0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17})")
_LONG = re.compile(r"[-+]?[0-9]{18,}(\.[0-9]*)?|[-+]?[0-9]*\.[0-9]{18,}")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_BASED = re.compile(r"[-+]?0[xob][0-9a-fA-F_]+")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
_EXPONENT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+")
_SIXTY = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_STRANGE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Ambiguous(Exception):
    """A bare scalar that YAML versions read differently; the message says what to write instead."""


def understand(text: str) -> str | int | float | bool | None:
    """The value of a bare scalar. Raises Ambiguous for what YAML 1.1 and 1.2 (or people) read differently.

    Dates stay text, as the YAML 1.2 core schema has it.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    _refuse_traps(text)
    return text


def _refuse_traps(text: str) -> None:
    short = text if len(text) <= 40 else text[:39] + "…"
    if text.lower() in _WORD:
        meant = _WORD[text.lower()]
        raise Ambiguous(f'{text} is a boolean to some and a word to others; write {meant}, or quote it: "{text}"')
    if _SIXTY.fullmatch(text):
        seconds = _base_sixty(text)
        aside = f" (YAML 1.1 reads it as {seconds})" if seconds is not None else ""
        raise Ambiguous(
            f'{short} could be a time of day or a duration{aside}; quote a time: "{short}", '
            "and write a duration as 90s or 1m30s"
        )
    if _LONG.fullmatch(text):
        raise Ambiguous(f"{short} is too long for a number; quote it if it is text")
    if _OCTAL.fullmatch(text):
        bare = text.replace("_", "").lstrip("+-").lstrip("0") or "0"
        sign = "-" if text.startswith("-") else ""
        raise Ambiguous(f'{short} is octal in YAML 1.1; write {sign}{bare[:40]}, or quote it if it is text: "{short}"')
    if _BASED.fullmatch(text) or _GROUPED.fullmatch(text) or _EXPONENT.fullmatch(text) or _STRANGE.fullmatch(text):
        raise Ambiguous(f'{short} is a number to some and text to others; write plain decimals, or quote it: "{short}"')


def _base_sixty(text: str) -> int | None:
    if "." in text or "_" in text or len(text) > 40:
        return None
    total = 0
    for part in text.lstrip("+-").split(":"):
        total = total * 60 + int(part)
    return -total if text.startswith("-") else total
