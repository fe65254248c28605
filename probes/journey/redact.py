"""Keeps secrets and people out of what is shown: tokens, cookies, card numbers and e-mail addresses."""

import re
from collections.abc import Iterable

#: Shorter values are too common to be cut out of a text.
_SHORTEST = 4
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
_DIGITS = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_CUT = "…"


class Redactor:
    """Cuts what it was told to keep secret, and what looks like a credential, a card or a person, out of texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Keep this value out of everything from now on."""
        if len(secret) >= _SHORTEST:
            self._secrets.add(secret)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _CUT)
        text = _BEARER.sub(rf"\1 {_CUT}", text)
        text = _JWT.sub(_CUT, text)
        text = _EMAIL.sub(f"{_CUT}@{_CUT}", text)
        return _DIGITS.sub(lambda match: _CUT if _is_card(match[0]) else match[0], text)


def _is_card(text: str) -> bool:
    """Luhn's check (ISO/IEC 7812), which one in ten other numbers passes too: better cut than shown."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    doubled = [digit if index % 2 == 0 else sum(divmod(digit * 2, 10)) for index, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
