"""Amounts of money as shops write them."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.journey.money import parse_money


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("NT$1,299.00", "1299.00"),
        ("1.299,00 €", "1299.00"),
        ("€ 1.299,-", "1299"),
        ("CHF 1'299.–", "1299"),
        ("CHF 1’299.50", "1299.50"),
        ("1 299,00 zł", "1299.00"),
        ("1\u00a0299,00\u00a0zł", "1299.00"),
        ("1\u202f299,00 €", "1299.00"),
        ("¥1299", "1299"),
        ("1299円", "1299"),
        ("NT$１,２９９", "1299"),
        ("١٬٢٩٩٫٥٠", "1299.50"),
        ("₹1,29,900.00", "129900.00"),
        ("1,299", "1299"),
        ("1.299", "1299"),
        ("12.345.678", "12345678"),
        ("0.299", "0.299"),
        ("KWD 1.250", "1.250"),
        ("$5", "5"),
        ("5.5", "5.5"),
        ("-NT$5.00", "-5.00"),
        ("NT$-5.00", "-5.00"),
        ("Total: $12.00 incl. VAT", "12.00"),
        ("-5", "-5"),
    ],
)
def test_an_amount_is_read_exactly(text, amount):
    assert parse_money(text) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("free", "no amount"),
        ("", "no amount"),
        ("NT$1,299 NT$1,500", "more than one amount"),
        ("2 for $5", "more than one amount"),
        ("1.2.3", "contradict"),
        ("1,23,4", "contradict"),
        ("1,234,567,89", "contradict"),
        ("1.234,567.89", "contradict"),
        ("9" * 300, "too long"),
    ],
)
def test_what_could_be_read_twice_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parse_money(text)


@given(st.text(max_size=250))
def test_no_text_is_too_strange(text):
    with contextlib.suppress(ValueError):
        assert parse_money(text).is_finite()


_CENTS = st.integers(min_value=0, max_value=10**12)


@given(_CENTS, st.sampled_from(["NT${}", "{} €", "USD {}", "{}"]), st.sampled_from([",.", ".,", " ,", "'.", "’,"]))
def test_what_was_formatted_is_read_back(cents, pattern, separators):
    thousands, point = separators
    text = f"{cents // 100:,}".replace(",", thousands) + point + f"{cents % 100:02}"
    assert parse_money(pattern.format(text)) == Decimal(cents) / 100
