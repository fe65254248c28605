"""Go's printf for the values that templates hold (package fmt: verbs, flags, width and precision)."""

import math
import re
from typing import Any

from alerts.template import values

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\*|\d+)?(?:(?P<dot>\.)(?P<precision>\*|\d+)?)?(?P<verb>.)?", re.DOTALL
)
#: Go ignores larger widths and precisions too (fmt's tooLarge).
_MOST = 1_000_000
_WIDEST = 10_000


def printf(form: str, *arguments: Any) -> str:
    """The format with its arguments; mistakes appear in the text as Go writes them: `%!d(float64=1)`."""
    pending = list(arguments)
    out: list[str] = []
    last = 0
    for match in _VERB.finditer(form):
        out.append(form[last : match.start()])
        last = match.end()
        verb = match["verb"]
        if verb is None:
            out.append("%!(NOVERB)")
        elif verb == "%":
            out.append("%")
        else:
            out.append(_formatted(match, pending))
    out.append(form[last:])
    if pending:
        extra = ", ".join(_typed(value) for value in pending)
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


def _formatted(match: re.Match[str], pending: list[Any]) -> str:
    flags, notes = match["flags"], ""
    width, wrong = _size(match["width"], pending, "%!(BADWIDTH)")
    notes += wrong
    precision, wrong = _size(match["precision"], pending, "%!(BADPREC)")
    notes += wrong
    if match["dot"] and match["precision"] is None:
        precision = 0
    if width is not None and width < 0:
        flags, width = flags + "-", -width
    if precision is not None and precision < 0:
        precision = None
    if not pending:
        return notes + f"%!{match['verb']}(MISSING)"
    return notes + _one(match["verb"], flags, width, precision, pending.pop(0))


def _size(written: str | None, pending: list[Any], bad: str) -> tuple[int | None, str]:
    if written is None:
        return None, ""
    if written != "*":
        size = int(written) if len(written) < 8 else _MOST + 1
        return (size, "") if size <= _WIDEST else (None, bad)
    if not pending:
        return None, bad
    value = pending.pop(0)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _WIDEST:
        return value, ""
    return None, bad


def _typed(value: Any) -> str:
    return "<nil>" if value is None else f"{values.type_name(value)}={_plain(value)}"


def _plain(value: Any) -> str:
    return "<nil>" if value is None else values.text(value)


def _one(verb: str, flags: str, width: int | None, precision: int | None, value: Any) -> str:
    if verb == "T":
        return _pad(values.type_name(value), flags, width)
    if isinstance(value, bool):
        body = _plain(value) if verb in "tv" else None
    elif isinstance(value, int):
        body = _integer(verb, flags, width, precision, value)
    elif isinstance(value, float):
        body = _float(verb, flags, width, precision, value)
    elif isinstance(value, str):
        body = _string(verb, flags, precision, value)
    elif isinstance(value, dict):
        pairs = ((_one(verb, flags, width, precision, key), value[key]) for key in sorted(value))
        return "map[" + " ".join(f"{key}:{_one(verb, flags, width, precision, item)}" for key, item in pairs) + "]"
    else:
        body = _plain(value) if verb in "vs" else None
    if body is None:
        return f"%!{verb}({_typed(value)})"
    return _pad(body, flags, width)


def _pad(body: str, flags: str, width: int | None) -> str:
    if width is None:
        return body
    return body.ljust(width) if "-" in flags else body.rjust(width)


def _signed(sign: str, digits: str, flags: str, width: int | None, *, zero: bool = True) -> str:
    sign = sign or ("+" if "+" in flags else " " if " " in flags else "")
    if zero and "0" in flags and "-" not in flags and width is not None:
        digits = digits.rjust(width - len(sign), "0")
    return sign + digits


_BASES = {"d": ("d", ""), "v": ("d", ""), "x": ("x", "0x"), "X": ("X", "0X"), "o": ("o", "0"), "b": ("b", "0b")}


def _integer(verb: str, flags: str, width: int | None, precision: int | None, value: int) -> str | None:
    if verb == "O":
        return _signed("-" if value < 0 else "", f"0o{abs(value):o}", flags, width)
    if verb in _BASES:
        base, prefix = _BASES[verb]
        digits = format(abs(value), base)
        if precision is not None:
            digits = "" if precision == 0 and value == 0 else digits.rjust(precision, "0")
        if "#" in flags and prefix and not (verb == "o" and digits.startswith("0")):
            digits = prefix + digits
        return _signed("-" if value < 0 else "", digits, flags, width, zero=precision is None)
    valid = 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
    character = chr(value) if valid else "\ufffd"
    if verb == "c":
        return character
    if verb == "q":
        return "'" + (_quoted(character)[1:-1].replace('\\"', '"').replace("'", "\\'")) + "'"
    if verb == "U":
        return f"U+{value & (2**64 - 1):04X}" + (f" '{character}'" if "#" in flags and valid else "")
    return None


def _float(verb: str, flags: str, width: int | None, precision: int | None, value: float) -> str | None:
    if verb not in "vgGfFeE":
        return None
    if not math.isfinite(value):
        sign = "-" if value < 0 else "+" if math.isinf(value) else ""
        body = "NaN" if math.isnan(value) else "Inf"
        return _signed(sign, body, flags, width, zero=False)
    size = abs(value)
    if verb in "vgG" and precision is None:
        digits = values.shortest(size)
        digits = digits.upper() if verb == "G" else digits
    elif verb in "vgG":
        digits = format(size, ("#" if "#" in flags else "") + f".{precision}{'G' if verb == 'G' else 'g'}")
    else:
        kind = "f" if verb in "fF" else verb
        digits = format(size, ("#" if "#" in flags else "") + f".{6 if precision is None else precision}{kind}")
    return _signed("-" if math.copysign(1, value) < 0 else "", digits, flags, width)


def _string(verb: str, flags: str, precision: int | None, value: str) -> str | None:
    if verb not in "svqxX":
        return None
    if precision is not None:
        value = value[:precision]
    if verb == "q" or (verb == "v" and "#" in flags):
        return _quoted(value, ascii_only="+" in flags)
    if verb in "xX":
        digits = value.encode("utf-8", "replace").hex(" " if " " in flags else ":") if value else ""
        digits = digits if " " in flags else digits.replace(":", "")
        return digits.upper() if verb == "X" else digits
    return value


def _quoted(value: str, *, ascii_only: bool = False) -> str:
    """As strconv.Quote: control characters escaped, the rest as it is."""
    out = []
    for character in value:
        if character in '"\\':
            out.append("\\" + character)
        elif character in "\a\b\f\n\r\t\v":
            out.append("\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(character)])
        elif character.isprintable() and not (ascii_only and ord(character) > 126):
            out.append(character)
        elif ord(character) < 0x80:
            out.append(f"\\x{ord(character):02x}")
        else:
            code = ord(character)
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'
