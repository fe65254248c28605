"""Numbers, durations and quoted strings, read and written as Go reads and writes them."""

import math
import re
from decimal import Decimal

from alerts.promql.errors import ParseError

_UNIT_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_SHOWN = {value: "\\" + key for key, value in _SIMPLE.items()} | {'"': '\\"'}
_MAX_MS = 1 << 62


def number(text: str) -> float:
    """The value of a number such as `1_000`, `0x1F`, `017` (octal, as in Go), `2.`, `1e-3`, `Inf` or `nan`."""
    digits = text.replace("_", "")
    if digits[:2] in ("0x", "0X"):
        return float(int(digits, 16))
    if len(digits) > 1 and digits[0] == "0" and digits.isdigit() and not set(digits) & set("89"):
        return float(int(digits, 8))
    return float(digits)


def duration_ms(text: str) -> int:
    """Milliseconds in `1h30m`, or in a plain number of seconds."""
    parts = _PART.findall(text)
    if parts:
        millis = sum(int(count) * _UNIT_MS[unit] for count, unit in parts)
    else:
        seconds = number(text)
        if not math.isfinite(seconds):
            raise ParseError(f"{text} is not a duration")
        millis = math.floor(seconds * 1000 + 0.5)
    if millis > _MAX_MS:
        raise ParseError(f"duration out of range: {text}")
    return millis


def timestamp_ms(text: str, sign: int) -> int:
    """Milliseconds since 1970 of what follows `@`."""
    seconds = sign * (duration_ms(text) / 1000 if _PART.match(text) else number(text))
    if not math.isfinite(seconds) or abs(seconds) * 1000 >= _MAX_MS:
        raise ParseError(f"timestamp out of bounds for @ modifier: {format_f(seconds)}")
    return math.floor(seconds * 1000 + 0.5)


def unquote(text: str) -> str:
    """The content of a quoted string, escapes resolved. Bytes that are not UTF-8 become lone surrogates."""
    quote, body = text[0], text[1:-1]
    if quote == "`":
        return body
    if "\\" not in body:
        return body
    out, last = bytearray(), 0
    for escape in _ESCAPE.finditer(body):
        out += body[last : escape.start()].encode("utf-8", "surrogatepass")
        out += _resolve(escape[1], quote)
        last = escape.end()
    out += body[last:].encode("utf-8", "surrogatepass")
    return out.decode("utf-8", "surrogateescape")


def _resolve(escape: str, quote: str) -> bytes:
    if escape in _SIMPLE:
        return _SIMPLE[escape].encode()
    if escape == quote:
        return quote.encode()
    if escape[0] == "x" and len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    if escape[0] in "uU" and len(escape) > 1:
        code = int(escape[1:], 16)
        if code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code).encode()
    if len(escape) == 3 and int(escape, 8) < 256:
        return bytes([int(escape, 8)])
    raise ParseError(f"unknown escape sequence \\{escape} in a quoted string; write a backslash as \\\\")


def quote(text: str) -> str:
    """The text in double quotes, with escapes, as Go's strconv.Quote writes it."""
    out = []
    for character in text:
        if character in _SHOWN:
            out.append(_SHOWN[character])
        elif "\udc80" <= character <= "\udcff":
            out.append(f"\\x{ord(character) - 0xDC00:02x}")
        elif character.isprintable():
            out.append(character)
        else:
            code = ord(character)
            out.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(out) + '"'


def format_f(value: float) -> str:
    """The shortest decimal without an exponent that reads back as the value; `NaN`, `+Inf`, `-Inf`."""
    if not math.isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def format_g(value: float) -> str:
    """The value as Go's %g writes it: with an exponent below 1e-4 and from 1e6 on."""
    if not math.isfinite(value):
        return format_f(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    point = len(digits) + exponent - 1
    if value != 0 and (point < -4 or point >= 6):
        mantissa = "".join(map(str, digits))
        mantissa = mantissa[0] + ("." + mantissa[1:] if len(mantissa) > 1 else "")
        return f"{'-' if sign else ''}{mantissa}e{'-' if point < 0 else '+'}{abs(point):02d}"
    return format_f(value)


def parse_float(text: str) -> float | None:
    """The number in a label such as `le`, or None when Go's ParseFloat would refuse it."""
    if not text or "_" in text or text != text.strip():
        return None
    try:
        return float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        return None
