"""Whatever somebody asks, the query ends within its limits, with an answer or with a sentence."""

import contextlib
import itertools
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.promql import Engine, LimitExceeded, Limits, ParseError, PromqlError, QueryTimeout, Unsupported, parse
from alerts.promql.stale import STALE
from tests.alerts.promql.series import PlainStorage, counting

LIMITS = Limits(samples=200_000, series=500, steps=1000, subquery_steps=10_000, seconds=5.0)
STORAGE = (
    PlainStorage()
    .add("up", counting(40), job="a")
    .add("up", [(at, value % 3) for at, value in counting(40)], job="b", le="1")
    .add(
        "up", [(300_000, float("inf")), (315_000, float("nan")), (330_000, STALE), (345_000, -0.0)], job="c", le="+Inf"
    )
    .add("down", counting(3), job="a", le="x")
)


def engine(limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic) -> Engine:
    return Engine(STORAGE, limits=limits, clock=clock)


@pytest.mark.parametrize(
    "query",
    [
        "(" * 100_000 + "1" + ")" * 100_000,
        "(" * 50_000,
        "-" * 50_000 + "up",
        "up" + " + up" * 20_000,
        "up" + " ^ up" * 500,
        "abs(" * 20_000 + "up" + ")" * 20_000,
        "sum(" * 200 + "up" + ")" * 200,
        "up" + "[5m:]" * 5000,
        "up{" + 'a="b",' * 200_000 + "}",
        "up" * 1_000_000,
        '"' + "x" * 200_000 + '"',
        "up @ " + "9" * 500,
        "up offset " + "9" * 30 + "y",
        "up[" + "9" * 30 + "y]",
        "1" * 400,
        "x" + "\x00",
        "\ud800",
        'up{a="\ud800"}',
        "up{a=~" + '"' + "(" * 5000 + ")" * 5000 + '"}',
    ],
)
def test_monstrous_text_ends_quickly(query: str) -> None:
    started, sentence = time.monotonic(), ""
    try:
        engine().instant(query, 300_000)
    except PromqlError as error:
        sentence = str(error)
    assert len(sentence) < 1000
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "pattern", ["(((a{1000}){1000}){1000})", "(a{999}){999}", "(?:x*)*y" * 2000, "(", "\\", "[z-a]"]
)
def test_patterns_that_cost_too_much_are_refused(pattern: str) -> None:
    quoted = pattern.replace("\\", "\\\\")
    with pytest.raises(ParseError):
        parse(f'up{{job=~"{quoted}"}}')
    with pytest.raises(PromqlError, match=r"invalid regular expression in label_replace"):
        engine().instant(f'label_replace(up, "x", "", "job", "{quoted}")', 300_000)


def test_a_catastrophic_pattern_is_linear_in_re2() -> None:
    storage = PlainStorage().add("up", counting(3), path="a" * 50_000 + "!")
    started = time.monotonic()
    Engine(storage).instant('up{path=~"(a+)+$"}', 30_000)
    Engine(storage).instant('label_replace(up, "x", "$1", "path", "((a|aa)+)$")', 30_000)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("max_over_time(up[100y:1ms])", "points in time"),
        ("sum_over_time(vector(1)[1d:1s])", "points in time"),
        ("count_over_time((sum(up))[9000s:1s])" + " + 1" * 10 + " + count_over_time(up[9000s:1s])" * 9, "samples"),
        ("max_over_time(max_over_time(up[2h:5s])[2h:5s])" + " + max_over_time(up[2h:5s])" * 40, "samples"),
        ("sum(up) + " * 60 + "max_over_time(up[9000s:1s]) + max_over_time(up[9000s:1s]) + " * 5 + "sum(up)", "samples"),
    ],
)
def test_queries_that_touch_too_much_are_refused(query: str, message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        engine().instant(query, 600_000)


def test_a_range_with_too_many_steps_is_refused_before_it_begins() -> None:
    with pytest.raises(LimitExceeded, match="points in time"):
        engine().range("1", 0, 10**15, 1)


def test_a_selector_of_too_many_series_is_refused() -> None:
    storage = PlainStorage()
    for number in range(501):
        storage.add("many", counting(1), number=str(number))
    with pytest.raises(LimitExceeded, match="more than 500 series"):
        Engine(storage, limits=LIMITS).instant("count(many)", 0)


def test_labels_that_double_and_double_are_refused() -> None:
    query = "up"
    for _ in range(40):
        query = f'label_join({query}, "job", "", "job", "job")'
    with pytest.raises(LimitExceeded, match="the label job would be longer"):
        engine().instant(query, 300_000)
    query = "up"
    for _ in range(40):
        query = f'label_replace({query}, "job", "$1$1", "job", "(.*)")'
    with pytest.raises(LimitExceeded, match="the label job would be longer"):
        engine().instant(query, 300_000)


def test_the_deadline_ends_a_query() -> None:
    ticks = itertools.count()
    slow_clock = engine(Limits(seconds=1.0), lambda: float(next(ticks)))
    with pytest.raises(QueryTimeout, match="took longer than its 1 s"):
        slow_clock.instant("sum(max_over_time(up[5h:1s]))", 600_000)


vectors: st.SearchStrategy[str] = st.deferred(lambda: any_vector)
simple_vectors = st.sampled_from(
    [
        "up",
        'up{job="a"}',
        'up{job=~".*", le!=""}',
        "down",
        "nothing",
        "vector(1)",
        "up offset 1m",
        "up @ end()",
        "up @ -5",
    ]
)
scalars = st.sampled_from(
    ["0", "1", "-1", "0.5", "NaN", "Inf", "-Inf", "1e308", "time()", "scalar(up)", "2^70", "1e-320"]
)
matrices = st.builds(
    "{}{}".format,
    simple_vectors.filter(lambda text: "vector" not in text and " " not in text),
    st.sampled_from(["[1m]", "[1ms]", "[10m] offset -5m", "[5m:15s]", "[5m:] @ start()", "[1h] @ 300"]),
) | st.builds("({})[{}]".format, vectors, st.sampled_from(["5m:1m", "1m:7s", "1s:1s"]))
range_functions = st.sampled_from(
    [
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "deriv",
        "resets",
        "changes",
        "sum_over_time",
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "count_over_time",
        "last_over_time",
        "first_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "absent_over_time",
        "present_over_time",
    ]
)
plain_functions = st.sampled_from(
    [
        "abs",
        "ceil",
        "floor",
        "sgn",
        "sqrt",
        "exp",
        "ln",
        "log2",
        "log10",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "deg",
        "rad",
        "round",
        "minute",
        "hour",
        "day_of_week",
        "day_of_month",
        "day_of_year",
        "days_in_month",
        "month",
        "year",
        "sort",
        "sort_desc",
        "absent",
        "timestamp",
    ]
)
joins = st.sampled_from(
    ["+ on(job)", "* ignoring(le)", "- on(job) group_left(le)", "> on() group_right()", "and on()", "or ignoring(job)"]
)
operators = joins | st.sampled_from(
    ["+", "-", "*", "/", "%", "^", "atan2", "==", "!= bool", ">", "<", ">= bool", "and", "or", "unless"]
)
aggregations = st.sampled_from(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"])
compound_vectors = st.one_of(
    st.builds("{}({})".format, range_functions, matrices),
    st.builds("{}({})".format, plain_functions, vectors),
    st.builds("({} {} {})".format, vectors, operators, vectors),
    st.builds("({} {} {})".format, vectors, st.sampled_from(["+", "/", "%", "^", "<", "== bool"]), scalars),
    st.builds("{} by ({})({})".format, aggregations, st.sampled_from(["job", "", "__name__, le"]), vectors),
    st.builds("{} without (job)({})".format, aggregations, vectors),
    st.builds("{}({}, {})".format, st.sampled_from(["topk", "bottomk", "quantile"]), scalars, vectors),
    st.builds('count_values("{}", {})'.format, st.sampled_from(["v", "job", "", "\\xff"]), vectors),
    st.builds("quantile_over_time({}, {})".format, scalars, matrices),
    st.builds("predict_linear({}, {})".format, matrices, scalars),
    st.builds("histogram_quantile({}, {})".format, scalars, vectors),
    st.builds("histogram_fraction({}, {}, {})".format, scalars, scalars, vectors),
    st.builds("clamp({}, {}, {})".format, vectors, scalars, scalars),
    st.builds("round({}, {})".format, vectors, scalars),
    st.builds('label_replace({}, "job", "$1", "le", "(.*)")'.format, vectors),
    st.builds('label_join({}, "x", "-", "job", "le")'.format, vectors),
    st.builds("-{}".format, vectors),
)
any_vector: st.SearchStrategy[str] = simple_vectors | compound_vectors


@settings(deadline=None)
@given(vectors, st.integers(0, 700_000), st.integers(1, 200_000))
def test_any_query_of_the_grammar_is_answered_or_refused(query: str, start: int, step: int) -> None:
    refusal: PromqlError | None = None
    try:
        engine().instant(query, start)
        engine().range(query, start, start + 3 * step, step)
    except PromqlError as error:
        refusal = error
    assert refusal is None or (str(refusal) and not isinstance(refusal, Unsupported | ParseError))


@settings(deadline=None)
@given(st.text(alphabet="up(){}[]\"'`\\=~!<>+-*/^%@:,.0159 emshdwyxa_#\n$", max_size=60) | st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(PromqlError):
        parse(text)
