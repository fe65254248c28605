"""The units our users write in YAML: durations and sizes as Prometheus writes them, ratios with a per cent sign."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

_DURATION = re.compile(
    r"(?:(\d{1,9})y)?(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?(?:(\d{1,15})ms)?",
    re.ASCII,
)
_SECONDS = (365 * 86400.0, 7 * 86400.0, 86400.0, 3600.0, 60.0, 1.0, 0.001)
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTES = {"B": 1} | {unit + "B": 1000**power for power, unit in enumerate("KMGT", 1)}
_BYTES |= {unit + "iB": 1024**power for power, unit in enumerate("KMGT", 1)}


def parse_duration(text: Any) -> float:
    """Seconds in a Prometheus duration such as `90s`, `1h30m` or `0`.

    Raises ValueError with a sentence for anything else, a bare number included: `30` does not say thirty of what.
    """
    if text == "0" or (type(text) is int and text == 0):
        return 0.0
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it as Prometheus does, such as 30s, 5m, 1h30m or 1d")
    return sum(int(part) * seconds for part, seconds in zip(match.groups(), _SECONDS, strict=True) if part)


def format_duration(seconds: float) -> str:
    """The shortest Prometheus duration of this many seconds, to the millisecond: 5400 → `1h30m`."""
    millis = round(abs(seconds) * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 and parts else "") + ("".join(parts) or "0s")


def parse_size(text: Any) -> int:
    """Bytes in a size such as `10MiB`, `512KB` or `0B`; ValueError with a sentence for anything else."""
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size; write a number and a unit, such as 512KB or 10MiB")
    return int(float(match[1]) * _BYTES[match[2]])


def format_size(size: int) -> str:
    """The shortest size of exactly this many bytes: 10485760 → `10MiB`."""
    exact = ((size // count, unit) for unit, count in _BYTES.items() if size % count == 0 and size >= count)
    count, unit = min(exact, default=(size, "B"))
    return f"{count}{unit}"


def parse_ratio(text: Any) -> float:
    """A ratio from 0 to 1 written as a percentage such as `99.5%`; ValueError with a sentence for anything else."""
    try:
        if not (isinstance(text, str) and text.endswith("%")):
            raise ValueError
        ratio = float(text[:-1]) / 100
    except ValueError:
        raise ValueError(f"{text!r} is not a ratio; write a percentage, such as 99.5%") from None
    if not 0 <= ratio <= 1:
        raise ValueError(f"{text!r} is outside 0% to 100%")
    return ratio


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


#: How the units look to an editor that checks the config while it is written; `x-unit` names them.
_DURATION_TEXT = r"^(0|(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?)$"


def _schema(unit: str, pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "x-unit": unit, "pattern": pattern, "examples": list(examples)})


def _parse(parser: Any, number: type) -> Any:
    """A number passes in a model built in Python; from YAML (known by the validation context) it lacks its unit."""

    def parse(value: Any, info: ValidationInfo) -> Any:
        return value if type(value) is number and info.context is None else parser(value)

    return BeforeValidator(parse)


#: Seconds, written `90s` or `1h30m` in YAML.
Duration = Annotated[float, _parse(parse_duration, float), _schema("duration", _DURATION_TEXT, "30s", "5m", "1h30m")]
#: Seconds, longer than zero.
Interval = Annotated[
    float,
    BeforeValidator(_positive),
    _parse(parse_duration, float),
    _schema("duration", _DURATION_TEXT, "30s", "5m", "1h30m"),
]
#: Bytes, written `10MiB` in YAML.
Size = Annotated[int, _parse(parse_size, int), _schema("size", f"^{_SIZE.pattern}$", "512KB", "10MiB")]
#: 0 to 1, written `99.5%` in YAML.
Ratio = Annotated[float, _parse(parse_ratio, float), _schema("ratio", r"^\d+(\.\d+)?%$", "1%", "99.5%")]
