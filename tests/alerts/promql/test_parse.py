"""Queries are read exactly: values, places and bytes that the parsing library loses, and errors one can act on."""

import pytest

from alerts.promql import Matcher, ParseError, Unsupported, parse
from alerts.promql.node import Binary, Call, Matching, Negation, Node, Number, RangeSelector, Selector, Subquery, Text


def root(query: str) -> Node:
    return parse(query).root


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1", -1.0),
        ("- + -1", 1.0),
        ("0x1F", 31.0),
        ("0x_1_F", 31.0),
        ("1_000.5", 1000.5),
        ("017", 15.0),
        ("089", 89.0),
        ("2.", 2.0),
        (".5e1", 5.0),
        ("1e-3", 0.001),
        ("1e400", float("inf")),
        ("-Inf", float("-inf")),
        ("1h30m", 5400.0),
        ("7ms", 0.007),
    ],
)
def test_numbers(text: str, value: float) -> None:
    node = root(text)
    assert isinstance(node, Number)
    assert node.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\t\"\\"', 'a\n\t"\\'),
        (r"'it\'s'", "it's"),
        (r"`raw\n`", r"raw\n"),
        (r'"\u00e9\x41\101"', "éAA"),
        (r'"\U0001F600"', "😀"),
        (r'"\xff"', "\udcff"),
        (r'"é\xff"', "é\udcff"),
    ],
)
def test_strings_keep_their_bytes(text: str, value: str) -> None:
    node = root(text)
    assert isinstance(node, Text)
    assert node.value == value


def test_a_selector_with_everything() -> None:
    assert root('up{job=~"a|b{1}", "with space"!="\\"x"} offset -1h @ -2.5') == Selector(
        start=0,
        matchers=(
            Matcher("job", "=~", "a|b{1}"),
            Matcher("with space", "!=", '"x'),
            Matcher("__name__", "=", "up"),
        ),
        offset_ms=-3_600_000,
        at=-2500,
    )
    assert root('{"a.b"}') == Selector(0, (Matcher("__name__", "=", "a.b"),))


def test_ranges_and_subqueries() -> None:
    up = Selector(0, (Matcher("__name__", "=", "up"),))
    assert root("up[1m30s]") == RangeSelector(0, up, 90_000)
    assert root("up[5m:] @ end() offset 1m") == Subquery(0, up, 300_000, None, 60_000, "end")
    subquery = root("(up)[0x10:1_0]")
    assert isinstance(subquery, Subquery)
    assert (subquery.range_ms, subquery.step_ms) == (16_000, 10_000)


def test_places_are_those_of_the_text() -> None:
    call = root("histogram_quantile(\n  0.9, # the tail\n  sum by (le) (rate(x_bucket[5m])))")
    assert isinstance(call, Call)
    assert [argument.start for argument in call.arguments] == [22, 40]
    binary = root("(a) + -b")
    assert isinstance(binary, Binary)
    assert (binary.start, binary.left.start, binary.right.start) == (0, 1, 6)
    assert isinstance(binary.right, Negation)


def test_matching() -> None:
    def matching(query: str) -> Matching:
        node = root(query)
        assert isinstance(node, Binary)
        return node.matching

    assert matching("a + b") == Matching()
    assert matching("a == bool on(x) group_left(y, z) b") == Matching(True, ("x",), "left", ("y", "z"))
    assert matching("a * ignoring(x) group_right b") == Matching(False, ("x",), "right", ())
    assert matching("a and on() b") == Matching(on=True)


def test_precedence() -> None:
    node = root("-a ^ 2 * b + c")
    assert isinstance(node, Binary)
    assert node.op == "+"
    assert isinstance(node.left, Binary)
    assert isinstance(node.left.left, Negation)


def test_what_a_query_reads() -> None:
    expr = parse('sum(rate(a_total{x="1"}[5m])) / on() (max_over_time(b[1h:]) > bool c)')
    assert [selector.metric for selector in expr.selectors()] == ["a_total", "b", "c"]
    assert expr.kind == "vector"
    assert str(expr).startswith("sum(rate(")
    assert parse(expr.text) == expr


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "no expression found in input"),
        ("sum(", "unclosed left parenthesis"),
        ("up up", "this is not PromQL: up up"),
        ('up{job="a', "1:8: this quoted string is never closed"),
        ("up ; down", "1:4: unexpected character ';'"),
        ("up\n  ~ 1", "2:3: unexpected character '~'"),
        ("rate(up)", "expected type matrix in call to function 'rate', got vector"),
        ("nope(up)", "unknown function with name 'nope'"),
        ("1 > 2", "comparisons between scalars must use BOOL modifier"),
        ("{}", "vector selector must contain at least one non-empty matcher"),
        ('{a!="b"}', "vector selector must contain at least one non-empty matcher"),
        ('up{__name__="x"}', "metric name must not be set twice"),
        ('up{a=~"("}', "'(' is not a regular expression that RE2 accepts: missing ): ("),
        ('up{a="b" or c="d"}', "expected ',', found 'or'"),
        (r'up{a="\q"}', r"unknown escape sequence \q in a quoted string; write a backslash as \\"),
        ("up[0s]", "duration must be greater than 0"),
        ("up[5m:0s]", "duration must be greater than 0"),
        ("up offset 999999999999y", "duration out of range"),
        ("up @ Inf", "@"),
        ("up[$__rate_interval]", "1:4: unexpected '$'; variables of Grafana are not PromQL"),
    ],
)
def test_errors_are_sentences(query: str, sentence: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(query)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "rate(up[5m] anchored)",
        "up smoothed",
        "up offset 5m smoothed",
        "up[5m + 1m]",
        "up[2 * step()]",
        "up[5m-1m]",
        "up[-5m]",
        "up offset (5m)",
        "up offset -step()",
        "up + fill(0) up",
        "up + on(a) fill_left(0) up",
        "limitk(3, up)",
        "limit_ratio(0.5, up)",
        "mad_over_time(up[5m])",
        "info(up)",
        "histogram_count(up)",
        "histogram_stddev(up)",
    ],
)
def test_experimental_parts_and_native_histograms_are_refused_by_name(query: str) -> None:
    with pytest.raises(Unsupported, match=r"not supported"):
        parse(query)


@pytest.mark.parametrize("query", ["fill + 1", "offset", "step", "start"])
def test_metrics_may_be_called_like_modifiers(query: str) -> None:
    parse(query)
