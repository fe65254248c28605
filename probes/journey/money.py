"""Reads an amount of money as shops write it: `NT$1,299.00`, `1.299,00 €`, `CHF 1'299.-`."""

import re
import unicodedata
from decimal import Decimal

_LONGEST = 200
#: Currencies with three decimals, in which `1.250` is one and a quarter.
_THREE_DECIMALS = re.compile(r"\b(?:BHD|IQD|JOD|KWD|LYD|OMR|TND)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![\d.,])|\d[\d.,']*")
_MINUS = re.compile(r"^\s*-|-\s*$")
_SAME = str.maketrans({"’": "'", "´": "'", "−": "-", "–": "-", "—": "-", "٫": ".", "٬": ",", "\u2009": " "})


def parse_money(text: str) -> Decimal:
    """The exact amount in a text that holds one amount, with or without its currency.

    The last separator is the decimal one, unless it stands before three digits and nothing contradicts that it groups
    thousands. Raises ValueError with a sentence for no amount, for several, and for one that could be read twice.
    """
    shown = f"{text.strip()[:60]!r}"
    if len(text) > _LONGEST:
        raise ValueError(f"{shown}… is too long to be an amount of money")
    plain = unicodedata.normalize("NFKC", text).translate(_SAME)
    plain = "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in plain)
    found = list(_NUMBER.finditer(plain))
    if len(found) != 1:
        raise ValueError(f"{shown} holds {'no amount' if not found else 'more than one amount'} of money")
    number = found[0][0].rstrip(".,'")
    amount = _decimal(number.replace(" ", "'"), bool(_THREE_DECIMALS.search(plain)))
    if amount is None:
        raise ValueError(f"{shown} is not an amount of money: its separators contradict each other")
    return -amount if _MINUS.search(plain[: found[0].start()]) else amount


def _decimal(number: str, three_decimals: bool) -> Decimal | None:
    """The number, or None when its separators make no sense."""
    separators = [char for char in number if not char.isdigit()]
    if not separators:
        return Decimal(number)
    last = separators[-1]
    whole, _, tail = number.rpartition(last)
    alone = len(set(separators)) == 1
    groups = last == "'" or (
        alone and (len(separators) > 1 or (len(tail) == 3 and not three_decimals and whole != "0"))
    )
    if groups:
        whole, tail = number, ""
    if last in whole and not groups:
        return None
    parts = re.split(r"[.,']", whole)
    if len({char for char in whole if not char.isdigit()}) > 1 or not _grouped(parts):
        return None
    return Decimal("".join(parts) + ("." + tail if tail else ""))


def _grouped(parts: list[str]) -> bool:
    """Thousands as 1,234,567, or as India groups them: 12,34,567."""
    if len(parts) == 1:
        return parts[0].isdigit()
    first, *middle, last = parts
    return (
        1 <= len(first) <= 3
        and len(last) == 3
        and len({len(part) for part in middle} | {3}) <= 2
        and all(len(part) in (2, 3) for part in middle)
    )
