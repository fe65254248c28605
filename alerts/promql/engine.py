"""Answers queries from a storage: at one time, or at every step of a span of time."""

from collections.abc import Callable

from alerts.promql import evaluate
from alerts.promql.column import Column
from alerts.promql.errors import ParseError, PromqlError
from alerts.promql.limits import Budget, Limits
from alerts.promql.merge import final, final_spans
from alerts.promql.node import Expr, Text
from alerts.promql.parse import parse
from alerts.promql.remark import Remarks
from alerts.promql.run import Run, Times
from alerts.promql.storage import Storage
from alerts.promql.value import Matrix, Sample, Scalar, Series, String, Value, Vector

#: Queries that an engine remembers.
_MAX_KNOWN = 4096
_MAX_TIME_MS = 1 << 60
_SPOKEN = {"matrix": "range vector", "string": "string"}


class Engine:
    """Evaluates PromQL as Prometheus 3 does, over floats and classic histograms. Several threads may share one.

    `lookback` and `subquery_step` are seconds. `clock` is a monotonic clock in seconds for the deadline among the
    limits; without it, only the other limits hold. An engine remembers the queries it is given as text: ask those of
    rules of a lasting engine, those of strangers of one that is made for the query, or parse them yourself.
    """

    def __init__(
        self,
        storage: Storage,
        lookback: float = 300.0,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] | None = None,
        subquery_step: float = 60.0,
    ) -> None:
        self._storage = storage
        self._lookback_ms = round(lookback * 1000)
        self._subquery_step_ms = round(subquery_step * 1000)
        self._clock = clock
        self._known: dict[str, Expr] = {}
        self.limits = limits or Limits()

    def instant(self, query: str | Expr, at_ms: int) -> Value:
        """The answer at one time, in milliseconds since 1970. Raises PromqlError."""
        expr = self._parsed(query)
        run = self._run(expr, range(at_ms, at_ms + 1))
        if isinstance(expr.root, Text):
            return String(at_ms, expr.root.value)
        remarks = run.remarks
        if expr.kind == "scalar":
            number = evaluate.scalar(run, expr.root)[0]
            return Scalar(at_ms, number, remarks.warnings, remarks.infos)
        if expr.kind == "matrix":
            series = final_spans(evaluate.matrix(run, expr.root))
            return Matrix(tuple(sorted(series, key=_labels)), remarks.warnings, remarks.infos)
        samples = [
            Sample(column.labels, value)
            for column in final(evaluate.vector(run, expr.root))
            if (value := column.values[0]) is not None
        ]
        return Vector(at_ms, tuple(samples), remarks.warnings, remarks.infos)

    def range(self, query: str | Expr, start_ms: int, end_ms: int, step_ms: int) -> Matrix:
        """The answer at every step from start to end, both included. Raises PromqlError."""
        expr = self._parsed(query)
        if expr.kind in _SPOKEN:
            raise ParseError(
                f'invalid expression type "{_SPOKEN[expr.kind]}" for range query, must be Scalar or instant Vector'
            )
        if step_ms <= 0:
            raise ParseError("zero or negative query resolution step widths are not accepted; try a positive integer")
        if end_ms < start_ms:
            raise ParseError("the end of the range lies before its start")
        times = range(start_ms, end_ms + 1, step_ms)
        run = self._run(expr, times, end_ms)
        columns = (
            [Column((), list[float | None](evaluate.scalar(run, expr.root)))]
            if expr.kind == "scalar"
            else final(evaluate.vector(run, expr.root))
        )
        series = [
            Series(column.labels, points)
            for column in columns
            if (
                points := tuple(
                    [(at, value) for at, value in zip(times, column.values, strict=True) if value is not None]
                )
            )
        ]
        return Matrix(tuple(sorted(series, key=_labels)), run.remarks.warnings, run.remarks.infos)

    def _parsed(self, query: str | Expr) -> Expr:
        if isinstance(query, Expr):
            return query
        expr = self._known.get(query)
        if expr is None:
            expr = parse(query, depth=self.limits.depth, characters=self.limits.characters)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[query] = expr
        return expr

    def _run(self, expr: Expr, times: Times, end_ms: int | None = None) -> Run:
        end_ms = times[-1] if end_ms is None else end_ms
        if not -_MAX_TIME_MS < times.start <= end_ms < _MAX_TIME_MS:
            raise PromqlError("the time of the query is too far away")
        budget = Budget(self.limits, self._clock)
        budget.count_steps(len(times))
        return Run(
            storage=self._storage,
            times=times,
            start_ms=times.start,
            end_ms=end_ms,
            lookback_ms=self._lookback_ms,
            subquery_step_ms=self._subquery_step_ms,
            budget=budget,
            remarks=Remarks(expr.text),
        )


def _labels(series: Series) -> tuple[tuple[str, str], ...]:
    return series.labels
