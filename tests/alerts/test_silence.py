"""Matchers are read as Alertmanager reads them, and a silence covers all or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.silence import BadMatcher, Matcher, Silence, covering, parse_matchers

_LABELS = (("alertname", "DiskFull"), ("shop", "main"))


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("shop=main", True),
        ('shop="main"', True),
        ('{alertname="DiskFull", shop=~"ma.*"}', True),
        ("shop=~ma", False),  # anchored, as in Prometheus
        ('shop!="main"', False),
        ('shop!~"m.*"', False),
        ("tier!=gold", True),
        ('tier=""', True),  # a label that is not there is empty
        ("tier=gold", False),
        ("alertname=DiskFull,shop=other", False),
    ],
)
def test_matchers(text: str, matched: bool) -> None:
    assert Silence("1", parse_matchers(text), 0, 1, "", "").mutes(_LABELS) is matched


@pytest.mark.parametrize("text", ["", "{}", "shop", "=main", 'shop="main', "shop=main tier=gold", "a b=c", 'shop=~"("'])
def test_bad_matchers_are_sentences(text: str) -> None:
    with pytest.raises(BadMatcher) as caught:
        parse_matchers(text)
    assert len(str(caught.value)) > 20


@given(st.text(), st.booleans(), st.booleans())
def test_what_is_printed_is_read_back(value: str, negated: bool, regex: bool) -> None:
    try:
        matcher = Matcher("shop", value, negated, regex)
    except BadMatcher:
        return
    assert parse_matchers(str(matcher)) == (matcher,)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        matchers = parse_matchers(text)
    except BadMatcher:
        return
    assert matchers


def test_a_catastrophic_pattern_ends_at_once() -> None:
    matcher = Matcher("shop", "(a+)+$", regex=True)
    assert not matcher.matches({"shop": "a" * 5000 + "b"})


def test_it_holds_from_its_start_until_just_before_its_end() -> None:
    silence = Silence("1", (), 10.0, 20.0, "", "")
    assert [silence.state(at) for at in (9.9, 10.0, 19.9, 20.0)] == ["pending", "active", "active", "expired"]


def test_all_alerts_must_be_covered() -> None:
    one = Silence("1", parse_matchers("shop=main"), 0, 100, "", "")
    longer = Silence("2", parse_matchers("shop=main"), 0, 200, "", "")
    other = Silence("3", parse_matchers("shop=other"), 0, 50, "", "")
    main, elsewhere = (("shop", "main"),), (("shop", "other"),)
    assert covering([one], [main, elsewhere], 10.0) == ()
    assert covering([one, other], [main, elsewhere], 10.0) == (one, other)
    assert covering([one, longer], [main], 10.0) == (longer,)
    assert covering([one], [main], 100.0) == ()
    assert covering([one], [], 10.0) == ()
