"""The values in templates as Go sees them: their type's name, their truth, how they print, how they compare."""

import math
from dataclasses import dataclass
from typing import Any

from alerts.template.errors import TemplateError


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of a query's answer: `.Labels` and `.Value`."""

    labels: dict[str, str]
    value: float


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (str, "string"),
    (int, "int"),
    (float, "float64"),
    (dict, "map[string]string"),
    (Sample, "*template.sample"),
    (list, "template.queryResult"),
)


def type_name(value: Any) -> str:
    """Go's name of the value's type."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "<nil>")


def truth(value: Any) -> bool:
    """What `if` thinks of the value: zero, empty and nil are false."""
    return True if isinstance(value, Sample) else bool(value)


def float_text(value: float) -> str:
    """A float as Go's %v prints it: the shortest digits, an exponent from 1e+06 on and below 1e-4."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return shortest(value)


def shortest(value: float) -> str:
    """The shortest decimal of a finite float that reads back as it, with an exponent below 1e-4 and from 1e+06."""
    digits, exponent = digits_of(value)
    sign = "-" if math.copysign(1, value) < 0 else ""
    if exponent < -4 or exponent >= 6:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    if len(digits) <= exponent + 1:
        return sign + digits + "0" * (exponent + 1 - len(digits))
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


def digits_of(value: float) -> tuple[str, int]:
    """The shortest significant digits of a finite float, and the decimal exponent of the first."""
    if value == 0:
        return "0", 0
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent or 0) + len(whole) - 1
    digits = whole + fraction
    stripped = digits.lstrip("0")
    power -= len(digits) - len(stripped)
    return stripped.rstrip("0"), power


def text(value: Any) -> str:
    """A value as Go prints it with %v."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{value[key]}" for key in sorted(value)) + "]"
    if isinstance(value, Sample):
        return f"{{{text(value.labels)} {float_text(value.value)}}}"
    if isinstance(value, list):
        return "[" + " ".join(map(text, value)) + "]"
    return str(value)


def _comparable(value: Any) -> str:
    kind = type_name(value)
    if kind not in ("bool", "string", "int", "float64"):
        raise TemplateError(f"cannot compare a {kind}")
    return kind


def equal(first: Any, *others: Any) -> bool:
    """Go's eq: true if the first is equal to any of the others; values of different types are an error."""
    kind = _comparable(first)
    for other in others:
        if _comparable(other) != kind:
            raise TemplateError(f"cannot compare {kind} with {type_name(other)}; write 0.0 for a number beside $value")
        if first == other:
            return True
    return False


def less(first: Any, second: Any) -> bool:
    """Go's lt; values of different types, and booleans, are an error."""
    kind = _comparable(first)
    if _comparable(second) != kind:
        raise TemplateError(f"cannot compare {kind} with {type_name(second)}; write 0.0 for a number beside $value")
    if kind == "bool":
        raise TemplateError("cannot order booleans")
    return bool(first < second)
