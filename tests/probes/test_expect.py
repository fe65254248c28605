"""The words of `expect`: what holds, what does not, and the sentence for it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.expect import Expect, judge
from probes.page import Page
from probes.turned_away import turned_away

URL = "http://shop.example/cart"
BODY = b'{"status": "paid", "total": 12.50, "paid": true, "items": [{"sku": "A"}, {"sku": "B"}], "error": null}'
PAGE = Page(200, [(b"content-type", b"application/json"), (b"x-a", b"1"), (b"x-a", b"2")], BODY, URL)


def failures(words: dict[str, Any], page: Page = PAGE, seconds: float = 0.1) -> list[str]:
    return [failure.message for failure in judge(Expect.model_validate(words), page, seconds)]


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"status": "2xx"},
        {"status": [404, "2xx"]},
        {"text": ["paid", "total"], "absent": "declined"},
        {"regex": r"(?i)\bPAID\b"},
        {"json": {"$.status": "paid", "$.total": "12.50", "$.paid": True}},
        {"json": {"$.total": 12.5, "$.paid": "true"}},
        {"json": {"$.items[*].sku": "B", "$.items[0]": {"sku": "A"}}},
        {"json": {"$.error": None, "$.nothing": None}},
        {"headers": {"Content-Type": "json", "X-A": "1, 2", "X-B": None}},
        {"size": {"min": "10B", "max": "1KiB"}},
        {"within": "100ms"},
    ],
)
def test_what_holds(words: dict[str, Any]) -> None:
    assert failures(words) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"status": 302}, "status: expected 302, got 200 from http://shop.example/cart"),
        ({"absent": "paid"}, f"absent: expected no 'paid' in the body ({len(BODY)} bytes from {URL}), it is there"),
        ({"regex": "^x"}, f"regex: expected a match of /^x/ in the body ({len(BODY)} bytes from {URL}), found none"),
        (
            {"absent_regex": ["x{9}", "p[ai]*d"]},
            f"absent_regex: expected no match of /p[ai]*d/ in the body ({len(BODY)} bytes from {URL}), found 'paid'",
        ),
        ({"json": {"$.total": 13}}, f"json: expected $.total to be 13, got 12.5 ({URL})"),
        ({"json": {"$.paid": 1}}, f"json: expected $.paid to be 1, got True ({URL})"),
        ({"json": {"$.nope": "x"}}, f"json: expected $.nope to be 'x', there is no such path ({URL})"),
        ({"json": {"$.status": None}}, f"json: expected no $.status in {URL}, got 'paid'"),
        ({"headers": {"X-A": None}}, f"headers: expected no header X-A from {URL}, got '1, 2'"),
        ({"headers": {"X-B": "1"}}, f"headers: expected X-B to contain '1', it is absent ({URL})"),
        ({"size": {"max": "10B"}}, f"size: expected at most 10 bytes from {URL}, got {len(BODY)}"),
        ({"within": "50ms"}, f"within: expected {URL} within 50ms, it took 100ms"),
        ({"location": "/x"}, f"location: expected a redirect to '/x', {URL} sent none (200)"),
    ],
)
def test_what_does_not_hold_says_expected_came_where(words: dict[str, Any], message: str) -> None:
    assert failures(words) == [message]


@pytest.mark.parametrize(
    ("expected", "came", "holds"),
    [
        ("/cart", "/cart", True),
        ("/cart", "http://shop.example/cart?item=1", True),
        ("/cart", "http://other.example/cart", False),
        ("/cart?item=1", "/cart?item=2", False),
        ("https://pay.example/", "https://pay.example/", True),
        ("/cart", "/cart/2", False),
    ],
)
def test_location(expected: str, came: str, holds: bool) -> None:
    page = Page(302, [(b"location", came.encode())], b"", "http://shop.example/add")
    assert (failures({"status": 302, "location": expected}, page) == []) is holds


def test_css_and_its_text() -> None:
    html = b"<ul><li class=product>Boots <b>9.90</b></li><li class=product>Hat</li></ul>"
    page = Page(200, [], html, URL)
    assert failures({"css": ["li.product", "b"]}, page) == []
    assert failures({"css": {"li.product": "Boots", "b": "9.90"}}, page) == []
    assert failures({"css": {"b": "1.00"}}, page) == ["css: expected 'b' to contain '1.00', got '9.90'"]


def test_a_body_that_is_no_json() -> None:
    page = Page(200, [(b"content-type", b"text/html")], b"<html>", URL)
    assert failures({"json": {"$.a": 1}}, page) == [
        f"json: expected JSON from {URL}, got a body (text/html) that is none:"
        " Expecting value: line 1 column 1 (char 0)"
    ]
    deep = Page(200, [], b"[" * 100_000, URL)
    assert failures({"json": {"$.a": 1}}, deep)[0].endswith("that is none: it is nested too deeply")
    nan = Page(200, [], b'{"a": NaN}', URL)
    assert failures({"json": {"$.a": 1}}, nan)[0].endswith("it holds NaN, which JSON does not know")


def test_other_charsets() -> None:
    page = Page(200, [(b"content-type", b'text/html; charset="big5"')], "購物車".encode("big5"), URL)
    assert failures({"text": "購物車"}, page) == []
    assert (
        failures({"text": "é"}, Page(200, [(b"content-type", b"text/plain; charset=klingon")], "é".encode(), URL)) == []
    )


def test_a_regex_cannot_be_made_slow() -> None:
    page = Page(200, [], b"a" * 100_000, URL)
    assert len(failures({"regex": "(a+)+$b"}, page)) == 1


@given(st.binary(max_size=300), st.binary(max_size=60), st.integers(100, 599))
def test_no_page_however_strange_raises(body: bytes, content_type: bytes, status: int) -> None:
    page = Page(status, [(b"content-type", content_type), (b"location", content_type)], body, URL)
    words = {
        "status": 200,
        "text": "x",
        "regex": "y",
        "json": {"$..a": 1},
        "css": "a > b",
        "location": "/x",
        "size": {"min": "9KiB"},
    }
    found = judge(Expect.model_validate(words), page, 1.0)
    assert "size" in {failure.what for failure in found}
    assert isinstance(turned_away(page), str)


@pytest.mark.parametrize(
    "words", [{"status": 99}, {"status": 600}, {"status": []}, {"regex": r"(?<=a)b"}, {"size": 10}, {"text": 5}]
)
def test_what_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Expect.model_validate(words)
