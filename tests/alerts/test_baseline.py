"""What is usual, and what chance explains."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.baseline import CHANCE, expected, floor


def likely(mean: int, below: int) -> float:
    """The probability of fewer than `below`, by another way: exact terms, summed as fractions."""
    term, total = Fraction(1), Fraction(0)
    for count in range(below):
        total += term
        term *= Fraction(mean, count + 1)
    return float(total) * math.exp(-mean) if mean < 700 else 0.0


@pytest.mark.parametrize(("mean", "least"), [(0, 0), (3, 0), (9, 0), (10, 1), (12, 2), (30, 12), (100, 65)])
def test_none_of_three_may_be_chance_and_none_of_twelve_is_not(mean, least):
    assert floor(mean) == least


@given(st.integers(1, 300))
def test_below_the_floor_is_unlikely_and_the_floor_is_not(mean: int):
    least = int(floor(mean))
    assert likely(mean, least) < CHANCE
    assert likely(mean, least + 1) >= CHANCE


@given(st.floats(0, 1e7))
def test_the_floor_of_any_mean_is_found_at_once_and_never_above_it(mean: float):
    assert 0 <= floor(mean) <= mean
    assert floor(mean) >= mean - 4 * math.sqrt(mean) - 4


@pytest.mark.parametrize("mean", [-1.0, math.nan, math.inf])
def test_no_mean_has_no_floor(mean):
    with pytest.raises(ValueError, match="is no mean of counts"):
        floor(mean)


def test_one_odd_week_does_not_move_what_is_usual():
    assert expected([20, 0, 22]) == 20
    assert expected([20, 900, 22]) == 22
    assert expected([20, 24]) == 20, "of two the lower"
    assert expected([20]) is None
    assert expected([]) is None
    assert expected([20, 21, 22, 1000]) == 21, "the newest three"
