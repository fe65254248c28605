"""The constants a template may hold, read as Go reads them: "text", `text`, 'c', 12, 0x1f, 1_000, 1.5e3."""

import re

from alerts.template.errors import TemplateError

_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_INTEGER = re.compile(r"[+-]?(?:0[xX]_?[0-9a-fA-F_]+|0[oO]_?[0-7_]+|0[bB]_?[01_]+|[0-9][0-9_]*)")
_FLOAT = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")


def unquote(text: str, line: int, column: int) -> str:
    """The text between the quotes; raises TemplateError for an escape that Go does not know."""
    inner = text[1:-1]
    if text[0] == "`":
        return inner.replace("\r", "")
    if "\\" not in inner:
        return inner
    pieces, last = bytearray(), 0
    for match in _ESCAPE.finditer(inner):
        pieces += inner[last : match.start()].encode("utf-8", "surrogatepass")
        pieces += _escaped(match, text[0], line, column)
        last = match.end()
    pieces += inner[last:].encode("utf-8", "surrogatepass")
    return pieces.decode("utf-8", "replace")


def _escaped(match: re.Match[str], quote: str, line: int, column: int) -> bytes:
    hexadecimal, short, long, octal, other = match.groups()
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if octal and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    if short or long:
        code = int(short or long, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code).encode()
    elif other in _ESCAPES and not (other in "'\"" and other != quote):
        return bytes([_ESCAPES[other]])
    raise TemplateError(f"{match.group()} is not an escape that Go knows", line, column)


def number(text: str, line: int, column: int) -> int | float:
    """An int or float constant; raises TemplateError."""
    error = TemplateError(f"{text} is not a number", line, column)
    if text[0] == "'":
        character = unquote(text, line, column)
        if len(character) != 1:
            raise TemplateError(f"{text} is not one character", line, column)
        return ord(character)
    if text.endswith("_") or "__" in text:
        raise error
    try:
        if _INTEGER.fullmatch(text):
            value = _integer(text.replace("_", ""))
            if not -(2**63) <= value < 2**63:
                raise TemplateError(f"{text} does not fit in 64 bits", line, column)
            return value
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
    except ValueError:
        raise error from None
    raise error


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    sign = -1 if text.startswith("-") else 1
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)
