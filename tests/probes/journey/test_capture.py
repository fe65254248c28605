"""Values taken out of answers, also out of hostile ones."""

import asyncio
import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.base import Outcome
from probes.journey.capture import Capture, NotThere
from probes.journey.forms import find_form
from probes.journey.words import LONGEST, excerpt
from probes.page import Page
from tests.probes.journey.shop import Answer, open_shop, walk


def _take(words, body, content_type="text/html", url="http://shop.example/", cookies=None, headers=()):
    raw = [(b"content-type", content_type.encode()), *headers]
    page = Page(200, raw, body.encode() if isinstance(body, str) else body, "http://shop.example/")
    return Capture.model_validate(words).take(page, url, cookies or {})


@pytest.mark.parametrize(
    ("words", "body", "came"),
    [
        ({"css": "h1"}, "<h1> Tea </h1>", "Tea"),
        ({"css": "a", "attribute": "href"}, "<a href='/x?a=1&amp;b=2'>", "/x?a=1&b=2"),
        ({"css": ".price", "as": "money"}, "<b class=price>NT$1,299.00</b>", Decimal("1299.00")),
        ({"css": "#n", "as": "int"}, "<b id=n> 12 </b>", 12),
        ({"css": "script", "json": "$.a[1]"}, '<script>{"a": [1, "x"]}</script>', "x"),
        ({"css": "script", "regex": "id: (\\d+)"}, "<script>{id: 77}</script>", "77"),
        ({"json": "$.n"}, '{"n": 1.10}', "1.10"),
        ({"json": "$.n", "as": "money"}, '{"n": "1.299,00 EUR"}', Decimal("1299.00")),
        ({"json": "$.b"}, '{"b": true}', "true"),
        ({"json": "$.o"}, '{"o": {"a": [1]}}', '{"a": [1]}'),
        ({"json": "$.h", "css": "i"}, '{"h": "<i>in</i>"}', "in"),
        ({"regex": "v=(\\w+)"}, "x v=9", "9"),
        ({"regex": "v=\\w+"}, "x v=9", "v=9"),
        ({"url": "order=(\\d+)"}, "", "5"),
        ({"header": "X-Token"}, "", "tok"),
        ({"cookie": "sid"}, "", "c1"),
        ({"cookie": "sid", "regex": "\\d"}, "", "1"),
    ],
)
def test_a_value_is_found(words, body, came):
    page = {"url": "http://shop.example/?order=5", "cookies": {"sid": "c1"}, "headers": [(b"x-token", b"tok")]}
    assert _take(words, body, **page) == came


@pytest.mark.parametrize(
    ("words", "body", "said"),
    [
        ({"css": "h1"}, "<p>", "nothing on the page matches 'h1'"),
        ({"css": "a", "attribute": "href"}, "<a>", "has no attribute href"),
        ({"json": "$.a"}, "<html>", "expected JSON to look for $.a in, came '<html>'"),
        ({"json": "$.a"}, "", "came nothing"),
        ({"json": "$.a"}, "{}", "nothing at $.a"),
        ({"json": "$.a"}, '{"a": null}', "nothing at $.a"),
        ({"json": "$.a"}, "[" * 5000, "expected JSON"),
        ({"regex": "x(.)"}, "y", "the text does not match 'x(.)'"),
        ({"header": "x-gone"}, "", "no header x-gone"),
        ({"cookie": "gone"}, "", "set no cookie gone"),
        ({"css": "b", "as": "money"}, "<b>soon</b>", "'soon' holds no amount of money"),
        ({"css": "b", "as": "int"}, "<b>" + "9" * 5000 + "</b>", "is not a whole number"),
        ({"css": "b"}, "<b>" + "x" * 9000 + "</b>", "9000 characters; 8192 are the most"),
    ],
)
def test_what_is_not_there_says_what_was_looked_for(words, body, said):
    with pytest.raises(NotThere) as error:
        _take(words, body)
    assert said in str(error.value)


_CAPTURES = (
    {"css": "input[name=csrf]", "attribute": "value"},
    {"css": "script", "json": "$..a"},
    {"json": "$.a.b[0]", "css": "a"},
    {"json": "$..*", "as": "money"},
    {"regex": "a(b)?", "as": "int"},
)
_HTML = st.lists(
    st.sampled_from(
        [
            "<a href=",
            "<input name=csrf value='",
            "'>",
            "</a>",
            "<script>",
            "</script>",
            '{"a":',
            "[",
            "]",
            "}",
            "&amp;",
            "&#0;",
            "\x00",
            "<form>",
            "<!--",
            "-->",
            "<select multiple><option selected>",
            "<svg><style>",
            "é",
            "<base href=",
        ]
    )
).map("".join)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
).map(json.dumps)


@given(st.one_of(_HTML.map(str.encode), _JSON.map(str.encode), st.binary(max_size=200)), st.sampled_from(_CAPTURES))
def test_a_hostile_answer_is_found_in_or_not_but_never_a_crash(body, words):
    for content_type in ("text/html", "application/json", "text/html; charset=hex", "text/html; charset=utf-16", ""):
        with contextlib.suppress(NotThere, RecursionError):
            assert _take(words, body, content_type) is not None


@given(_HTML)
def test_hostile_markup_is_a_form_or_none_and_has_an_excerpt(html):
    page = Page(200, [(b"content-type", b"text/html")], html.encode())
    form = find_form(page.html, "form", "http://shop.example/")
    assert form is None or form.action.startswith("http://shop.example/") or form.action
    assert len(excerpt(page)) <= 2 * LONGEST


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(_HTML.map(str.encode), _JSON.map(str.encode), st.binary(max_size=100)),
    st.sampled_from(["text/html", "application/json", "text/html; charset=idna", "\x7f"]),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)
def test_a_hostile_shop_is_judged_and_never_our_own_trouble(body, content_type, location, cookie):
    steps = [
        {
            "name": "page",
            "get": "/",
            "follow": True,
            "expect": {"status": "3xx", "json": {"$..a": 1}},
            "level": "browse",
        },
    ]
    plain = [{"name": "page", "get": "/"}, {"name": "form", "submit": "form", "capture": {"x": {"css": "a"}}}]

    async def run():
        headers = [("Location", location), ("Set-Cookie", cookie)]
        async with open_shop(lambda asked: Answer(body, 302, headers, content_type)) as shop:
            yield_redirect = await walk(shop, steps, timeout="5s")
        async with open_shop(lambda asked: Answer(body, 200, headers, content_type)) as shop:
            return yield_redirect, await walk(shop, plain, timeout="5s")

    for finding in asyncio.run(run()):
        assert finding.outcome in (Outcome.UP, Outcome.DOWN), finding.reason


def test_json_nested_beyond_reason_is_down_and_not_a_crash():
    body = "[" * 900 + "]" * 900
    steps = [{"name": "page", "get": "/", "expect": {"json": {"$..a": 1}}}]

    async def run():
        async with open_shop(lambda asked: Answer(body, type="application/json")) as shop:
            return await walk(shop, steps)

    finding = asyncio.run(run())
    assert finding.outcome is Outcome.DOWN
    assert "nested too deeply" in finding.reason
