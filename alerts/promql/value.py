"""What a query answers: one number, one text, a value per series now, or values per series over time."""

from dataclasses import dataclass
from typing import TypeAlias

from probes.base import Labels


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one series at the time of the query."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: `points` are (milliseconds, value), ascending."""

    labels: Labels
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number without labels. `warnings` and `infos` are remarks about the query, as Prometheus words them."""

    at_ms: int
    value: float
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class String:
    """A text."""

    at_ms: int
    value: str
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vector:
    """A value per series, all at one time; in the order that sort() or topk() gave, if the query used them last."""

    at_ms: int
    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Values over time per series, sorted by labels."""

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


Value: TypeAlias = Scalar | String | Vector | Matrix
