"""Runs the queries of a test file, and judges each: passed, failed, or out of scope with the reason."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from alerts.promql import (
    Engine,
    Limits,
    Matrix,
    PromqlError,
    Scalar,
    String,
    Unsupported,
    Value,
    Vector,
    parse,
)
from alerts.promql.labels import write
from alerts.promql.literal import format_f
from alerts.promql.stale import is_stale
from probes.base import Labels
from tests.promqltest.notation import Line, NotationError
from tests.promqltest.script import Clear, Eval, Load, Remark, read_script
from tests.promqltest.store import Store

#: What upstream asks in its tests is long at times, but never hostile.
_LIMITS = Limits(samples=10**9, series=10**6, steps=10**6, subquery_steps=10**7)
_TOLERANCE = 1e-6
_SMALLEST = 2.2250738585072014e-308
_LARGEST = 1.7976931348623157e308


class Verdict(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True)
class Outcome:
    """One case: the line in its file, its query, the verdict and why."""

    line: int
    query: str
    verdict: Verdict
    reason: str = ""


class Mismatch(Exception):
    """What came is not what was expected."""


def judge(text: str) -> list[Outcome]:
    """The outcomes of all cases of a test file, in order."""
    store, outcomes = Store(), []
    for line, command in read_script(text):
        match command:
            case NotationError():
                outcomes.append(Outcome(line, "", Verdict.FAILED, str(command)))
            case Clear():
                store = Store()
            case Load():
                store.load(command)
            case Eval():
                outcomes.append(_judge(command, store))
    return outcomes


def _judge(case: Eval, store: Store) -> Outcome:
    store.touched_native = False
    native = any(line.has_native for line in case.expected)
    try:
        _run(case, Engine(store, limits=_LIMITS))
    except Unsupported as error:
        return Outcome(case.number, case.query, Verdict.OUT_OF_SCOPE, str(error))
    except Mismatch as error:
        if store.touched_native or native:
            return Outcome(case.number, case.query, Verdict.OUT_OF_SCOPE, "reads native histograms")
        return Outcome(case.number, case.query, Verdict.FAILED, str(error))
    except Exception as error:  # a broken engine is a failed case, not the end of the run
        return Outcome(case.number, case.query, Verdict.FAILED, f"{type(error).__name__}: {error}")
    return Outcome(case.number, case.query, Verdict.PASSED)


def _run(case: Eval, engine: Engine) -> None:
    try:
        expr = parse(case.query)
        if case.is_range:
            answer: Value = engine.range(expr, case.start_ms, case.end_ms, case.step_ms)
        else:
            answer = engine.instant(expr, case.start_ms)
            if case.fail is None and not case.ordered and expr.kind in ("scalar", "vector"):
                _same_in_range(case, engine, answer)
    except Unsupported:
        raise
    except PromqlError as error:
        if case.fail is None:
            raise Mismatch(f"failed: {error}") from None
        if not case.fail.fits(str(error)):
            raise Mismatch(f"expected to fail with {case.fail.pattern!r}, failed with {str(error)!r}") from None
        return
    if case.fail is not None:
        raise Mismatch("expected to fail, and was answered")
    _compare(case, answer)
    _compare_remarks("warning", case.warn, case.no_warn, answer.warnings)
    _compare_remarks("info", case.info, case.no_info, answer.infos)


def _same_in_range(case: Eval, engine: Engine, answer: Value) -> None:
    """The middle of a range query around the time must say the same, as Prometheus' own runner checks."""
    at = case.start_ms
    query = case.query
    matrix = engine.range(query, at - 60_000, at + 60_000, 60_000)
    middle = {series.labels: value for series in matrix.series for time, value in series.points if time == at}
    expected: dict[Labels, float] = {}
    if isinstance(answer, Scalar):
        expected[()] = answer.value
    elif isinstance(answer, Vector):
        expected.update((sample.labels, sample.value) for sample in answer.samples)
    if middle.keys() != expected.keys() or not all(_equal(middle[key], expected[key]) for key in middle):
        raise Mismatch(f"as a range query it answers {middle}, as an instant query {expected}")


def _compare(case: Eval, answer: Value) -> None:
    if case.string is not None:
        if not isinstance(answer, String) or answer.value != case.string:
            raise Mismatch(f"expected the string {case.string!r}, got {answer}")
    elif case.scalar is not None:
        if not isinstance(answer, Scalar) or not _equal(answer.value, case.scalar):
            raise Mismatch(f"expected the number {format_f(case.scalar)}, got {answer}")
    elif isinstance(answer, Vector):
        _compare_vector(case, answer)
    elif isinstance(answer, Matrix):
        start, step = case.matrix_from or (case.start_ms, case.step_ms)
        _compare_matrix(case.expected, answer, start, step)
    else:
        raise Mismatch(f"expected series, got {answer}")


def _compare_vector(case: Eval, answer: Vector) -> None:
    expected = [(line.labels, line.points[0]) for line in case.expected]
    got = [(sample.labels, sample.value) for sample in answer.samples]
    if len(got) != len(dict(got)):
        raise Mismatch("two samples have the same labels")
    if case.ordered and [labels for labels, _ in got] != [labels for labels, _ in expected]:
        raise Mismatch(f"expected the order {_show(expected)}, got {_show(got)}")
    _compare_values(dict(expected), dict(got))


def _compare_matrix(expected: list[Line], answer: Matrix, start: int, step: int) -> None:
    wanted = {
        (line.labels, start + index * step): point
        for line in expected
        for index, point in enumerate(line.points)
        if point is not None
    }
    got = {(series.labels, at): value for series in answer.series for at, value in series.points}
    _compare_values(wanted, got)


def _compare_values(expected: dict[Any, Any], got: dict[Any, float]) -> None:
    for key in expected.keys() - got.keys():
        raise Mismatch(f"nothing for {key}, expected {expected[key]}")
    for key in got.keys() - expected.keys():
        raise Mismatch(f"{got[key]} for {key}, expected nothing")
    for key, value in got.items():
        wanted = expected[key]
        if not isinstance(wanted, float) or not _equal(value, wanted):
            raise Mismatch(f"{value!r} for {key}, expected {wanted!r}")


def _compare_remarks(kind: str, expected: list[Remark], none: bool, got: tuple[str, ...]) -> None:
    if none and got:
        raise Mismatch(f"expected no {kind}, got {got}")
    for remark in expected:
        if not any(remark.fits(text) for text in got):
            raise Mismatch(f"expected the {kind} {remark.pattern or ''!r}, got {got or 'none'}")
    for text in got if expected else ():
        if not any(remark.fits(text) for remark in expected):
            raise Mismatch(f"unexpected {kind} {text!r}")


def _equal(a: float, b: float) -> bool:
    """Equal within the tolerance of Prometheus' own runner."""
    if is_stale(a) or is_stale(b):
        return is_stale(a) and is_stale(b)
    if (a != a and b != b) or a == b:
        return True
    total, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < _SMALLEST:
        return difference < _TOLERANCE * _SMALLEST
    return difference / min(total, _LARGEST) < _TOLERANCE and not math.isinf(difference)


def _show(samples: list[tuple[Labels, Any]]) -> str:
    return ", ".join(f"{write(labels)} {value}" for labels, value in samples)
