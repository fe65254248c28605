"""Answers of queries as Prometheus' HTTP API writes them, and the parameters that it takes."""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from alerts.promql import Matrix, Scalar, Series, String, Value, Vector
from alerts.promql.literal import format_f
from probes.base import Labels
from probes.units import parse_duration

_EXPONENT = re.compile(r"e-0(\d)$")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
#: Times in milliseconds that Prometheus accepts fit into 64 bits; beyond the year 9999 nobody means what he writes.
_LAST_SECOND = 253_402_300_799


class BadParameter(Exception):
    """A parameter cannot be used; the sentence names it."""


def number_text(value: float) -> str:
    """A sample value: decimals in full, an exponent only below 1e-6 and from 1e21 on."""
    if math.isfinite(value) and value != 0 and not 1e-6 <= abs(value) < 1e21:
        return _EXPONENT.sub(r"e-\1", repr(value).replace(".0e", "e"))
    return format_f(value)


def body(value: Value) -> bytes:
    """The whole JSON text of a successful query.

    It is put together series by series: json.dumps of everything at once would hold up all other threads.
    """
    match value:
        case Scalar():
            kind, results = "scalar", json.dumps(_point(value.at_ms, value.value))
        case String():
            kind, results = "string", json.dumps([value.at_ms / 1000, value.value])
        case Vector():
            kind = "vector"
            results = _list(
                json.dumps({"metric": dict(sample.labels), "value": _point(value.at_ms, sample.value)})
                for sample in value.samples
            )
        case Matrix():
            kind, results = "matrix", _list(_series(series) for series in value.series)
    remarks = {name: list(texts) for name, texts in (("warnings", value.warnings), ("infos", value.infos)) if texts}
    tail = "".join(f", {json.dumps(name)}: {json.dumps(texts)}" for name, texts in remarks.items())
    text = f'{{"status": "success", "data": {{"resultType": "{kind}", "result": {results}}}{tail}}}'
    # Label values that are no UTF-8 have become lone surrogates; json.dumps has escaped them.
    return text.encode()


def labels_json(labels: Labels) -> dict[str, str]:
    """A label set as a JSON object."""
    return dict(labels)


def read_time(text: str | None, name: str, default_ms: int) -> int:
    """Milliseconds of a time given as seconds since 1970 or as RFC 3339. Raises BadParameter."""
    if not text:
        return default_ms
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text)
        else:
            moment = datetime.fromisoformat(text)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if not abs(seconds) <= _LAST_SECOND:
            raise ValueError
    except (ValueError, OverflowError):
        raise BadParameter(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None
    return math.floor(seconds * 1000 + 0.5)


def read_duration(text: str | None, name: str, default: float) -> float:
    """Seconds of a duration such as `15s`, or of a plain number. Raises BadParameter."""
    if not text:
        return default
    try:
        seconds = float(text) if _NUMBER.fullmatch(text) else parse_duration(text)
        if not abs(seconds) <= _LAST_SECOND:
            raise ValueError
    except (ValueError, OverflowError):
        raise BadParameter(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration') from None
    return seconds


def _series(series: Series) -> str:
    points = [_point(at, value) for at, value in series.points]
    return json.dumps({"metric": dict(series.labels), "values": points})


def _point(at_ms: int, value: float) -> list[Any]:
    return [at_ms // 1000 if at_ms % 1000 == 0 else at_ms / 1000, number_text(value)]


def _list(texts: Any) -> str:
    return "[" + ", ".join(texts) + "]"
