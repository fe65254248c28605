"""Lets rules ask the PromQL engine: an answer as rules want it, a refusal as a rule's failure."""

from alerts.promql import Engine, PromqlError, Scalar, Vector
from alerts.rule import Element, Query, RuleFailed


def query_of(engine: Engine) -> Query:
    """What rules and their templates ask with. As EngineQueryFunc in Prometheus: vectors and scalars only."""

    def query(expr: str, at: int) -> list[Element]:
        try:
            value = engine.instant(expr, at)
        except PromqlError as error:
            raise RuleFailed(str(error)) from error
        if isinstance(value, Vector):
            return [(sample.labels, sample.value) for sample in value.samples]
        if isinstance(value, Scalar):
            return [((), value.value)]
        raise RuleFailed("rule result is not a vector or scalar")

    return query
