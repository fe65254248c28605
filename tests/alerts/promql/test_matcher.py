"""Matchers match whole values, as RE2 would, however they are looked up."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.promql import Matcher, ParseError


@pytest.mark.parametrize(
    ("op", "value", "fits", "fits_not"),
    [
        ("=", "a", ["a"], ["", "aa", "A"]),
        ("!=", "a", ["", "aa"], ["a"]),
        ("=~", "a", ["a"], ["", "aa", "ba"]),
        ("=~", "a|b", ["a", "b"], ["", "ab", "c"]),
        ("=~", "a|", ["a", ""], ["b"]),
        ("=~", "", [""], ["a"]),
        ("=~", "a.c", ["abc", "a\nc"], ["ac", "xabc"]),
        ("=~", "(?i)AbC", ["abc", "ABC"], ["ab"]),
        ("=~", ".+", ["a", "\n"], [""]),
        ("!~", "a.*", ["", "b"], ["a", "abc"]),
        ("!~", "a|b", ["", "ab"], ["a", "b"]),
    ],
)
def test_what_fits(op: str, value: str, fits: list[str], fits_not: list[str]) -> None:
    matcher = Matcher("label", op, value)  # type: ignore[arg-type]  # the operators above
    assert [text for text in fits if not matcher.matches(text)] == []
    assert [text for text in fits_not if matcher.matches(text)] == []


@settings(deadline=None)
@given(
    st.lists(st.text(alphabet="ab1_ /", min_size=1, max_size=3), min_size=1, max_size=4), st.text("ab1_ /|", max_size=4)
)
def test_a_list_of_literals_is_the_same_as_the_pattern(values: list[str], text: str) -> None:
    pattern = "|".join(values)
    literal, regex = Matcher("x", "=~", pattern), Matcher("x", "=~", f"(?:{pattern})")
    assert literal.literals is not None
    assert regex.literals is None
    assert literal.matches(text) == regex.matches(text)


def test_many_different_values_do_not_fill_the_memory() -> None:
    matcher = Matcher("x", "=~", "a.*1")
    for number in range(10_000):
        assert matcher.matches(f"a{number}") == f"a{number}".endswith("1")


def test_labels_that_are_missing_count_as_empty() -> None:
    labels = (("__name__", "up"), ("job", "a"))
    assert Matcher("job", "=", "a").matches_labels(labels)
    assert Matcher("other", "=", "").matches_labels(labels)
    assert not Matcher("other", "=~", ".+").matches_labels(labels)


def test_equal_matchers_are_one_key() -> None:
    assert {Matcher("a", "=", "b"), Matcher("a", "=", "b"), Matcher("a", "=~", "b")} == {
        Matcher("a", "=", "b"),
        Matcher("a", "=~", "b"),
    }


def test_a_pattern_that_re2_does_not_know() -> None:
    with pytest.raises(ParseError, match="RE2"):
        Matcher("a", "=~", "(?<=x)y")
