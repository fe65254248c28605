"""Answers the rules' questions: PromQL over the samples in memory, parsed once per expression."""

from functools import lru_cache

from alerts.promql import Engine, PromqlError, Scalar, Vector, parse
from alerts.promql.stale import STALE
from alerts.rule import Element, RuleFailed
from monitor.intake import Memory
from probes.base import Labels

_parsed = lru_cache(maxsize=4096)(parse)


class Answers:
    """What an evaluator needs of the engine and of the memory."""

    def __init__(self, engine: Engine, memory: Memory) -> None:
        self._engine, self._memory = engine, memory

    def query(self, expr: str, at: int) -> list[Element]:
        """The elements of an expression at a time (milliseconds). Raises RuleFailed."""
        try:
            value = self._engine.instant(_parsed(expr), at)
        except PromqlError as error:
            raise RuleFailed(str(error)) from None
        if isinstance(value, Vector):
            return [(sample.labels, sample.value) for sample in value.samples]
        if isinstance(value, Scalar):
            return [((), value.value)]
        raise RuleFailed(f"{expr!r} answers neither a vector nor a number")

    def append(self, labels: Labels, at: int, value: float | None) -> bool:
        """Remember a sample that a rule made (None ends the series); answers whether it was taken."""
        return bool(self._memory.append(labels, at, STALE if value is None else value))
