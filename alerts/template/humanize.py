"""Numbers as people say them: 1.235k, 3h 25m 45s, 12.5%, a date. Formulas of Prometheus' template package."""

import math
from datetime import UTC, datetime, timedelta

from alerts.template.errors import TemplateError
from alerts.template.printf import printf

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _four(value: float) -> str:
    return printf("%.4g", value)


def _prefixed(value: float, base: float, prefixes: tuple[str, ...]) -> str:
    prefix = ""
    for name in prefixes:
        if abs(value) < base:
            break
        prefix, value = name, value / base
    return _four(value) + prefix


def _fraction(value: float) -> str:
    prefix = ""
    for name in _SMALL:
        if abs(value) >= 1:
            break
        prefix, value = name, value * 1000
    return _four(value) + prefix


def humanize(value: float) -> str:
    """With metric prefixes, four digits: 1234567 → 1.235M."""
    if value == 0 or not math.isfinite(value):
        return _four(value)
    return _prefixed(value, 1000, _LARGE) if abs(value) >= 1 else _fraction(value)


def humanize1024(value: float) -> str:
    """With binary prefixes, four digits: 1048576 → 1Mi."""
    if abs(value) <= 1 or not math.isfinite(value):
        return _four(value)
    return _prefixed(value, 1024, _BINARY)


def humanize_duration(value: float) -> str:
    """Seconds in words: 3725 → 1h 2m 5s, 0.0012 → 1.2ms."""
    if not math.isfinite(value):
        return _four(value)
    if value == 0:
        return "0s"
    if abs(value) < 1:
        return _fraction(value) + "s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole = int(value)
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_four(value)}s"


def humanize_percentage(value: float) -> str:
    """A ratio as per cent, four digits: 0.1234 → 12.34%."""
    return _four(value * 100) + "%"


def humanize_timestamp(value: float) -> str:
    """Unix seconds as Go prints a time in UTC, to the millisecond."""
    if not math.isfinite(value):
        return _four(value)
    try:
        moment = _EPOCH + timedelta(milliseconds=math.trunc(value * 1000))
    except OverflowError:
        raise TemplateError(f"{_four(value)} is not a time that can be written") from None
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} +0000 UTC".rjust(len("2006-01-02 15:04:05 +0000 UTC"), "0")
