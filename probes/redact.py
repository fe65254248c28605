"""Keeps secrets and people out of what is shown: tokens, cookies, card numbers and e-mail addresses."""

import json
import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote, quote_plus

#: Shorter values are too common to be cut out of a text.
_SHORTEST = 4
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_DIGITS = re.compile(r"(?<!\d)\d+(?:[ -]\d+)*(?!\d)")
_CARD_LENGTHS = range(13, 20)
_CUT = "…"
#: Texts that `cut` remembers having read, and their greatest length: what looks say, they mostly say again.
_REMEMBERED, _SHORT = 8192, 200


class Redactor:
    """Cuts what it was told to keep secret, and what looks like a credential, a card or a person, out of texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._read: dict[str, str] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Keep this value out of everything from now on, also as URLs, HTML and JSON write it."""
        if len(secret) >= _SHORTEST:
            self._read.clear()
            written, quoted = json.dumps(secret)[1:-1], quote(secret, safe="")
            self._secrets |= {secret, quoted, quote(secret), quote_plus(secret), escape(secret), _small_hex(quoted)}
            self._secrets |= {
                written,
                written.replace("/", r"\/"),
                escape(written),
                json.dumps(secret, ensure_ascii=False)[1:-1],
            }

    def cut(self, text: str) -> str:
        """The text without credentials: those that were told, and those that look like some."""
        known = self._read.get(text)
        if known is not None:
            return known
        found = self._without_credentials(text)
        if len(text) <= _SHORT:
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            self._read[text] = found
        return found

    def _without_credentials(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _CUT)
        text = _BEARER.sub(rf"\1 {_CUT}", text)
        return _JWT.sub(_CUT, text)

    def without_end(self, text: str) -> str:
        """The text without the first part of a secret at its end, where somebody cut it off to be short."""
        longest = 0
        for secret in self._secrets:
            sizes = range(min(len(secret) - 1, len(text)), _SHORTEST - 1, -1)
            longest = max(longest, next((size for size in sizes if text.endswith(secret[:size])), 0))
        return text[: len(text) - longest] + _CUT if longest else text

    def clean(self, text: str) -> str:
        """The text without credentials, card numbers and e-mail addresses."""
        text = self.cut(text)
        text = _EMAIL.sub(f"{_CUT}@{_CUT}", text)
        return _DIGITS.sub(lambda match: _CUT if _holds_card(match[0]) else match[0], text)


def _small_hex(quoted: str) -> str:
    """The same URL text with %2f for %2F, as some write it."""
    return re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), quoted)


def _holds_card(text: str) -> bool:
    """Whether neighbouring groups of digits make a card number: `4242 4242 4242 4242 12 28` has its date behind it."""
    groups = re.split("[ -]", text)
    for start in range(len(groups)):
        number = ""
        for group in groups[start : start + max(_CARD_LENGTHS)]:
            number += group
            if len(number) in _CARD_LENGTHS and _passes_luhn(number):
                return True
            if len(number) > max(_CARD_LENGTHS):
                break
    return False


def _passes_luhn(number: str) -> bool:
    """ISO/IEC 7812's check, which one in ten other numbers passes too: better cut than shown."""
    digits = [int(char) for char in reversed(number)]
    doubled = [digit if index % 2 == 0 else sum(divmod(digit * 2, 10)) for index, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
