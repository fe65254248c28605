"""Forms are sent as a browser would send them."""

import pytest

from probes.journey.forms import find_form
from probes.page import Page

_URL = "https://shop.example/products/tea?color=green"


def _form(html, selector="form"):
    return find_form(Page(200, [], html.encode()).html, selector, _URL)


@pytest.mark.parametrize(
    ("markup", "fields"),
    [
        ("<input name=a value='1&amp;2'>", [("a", "1&2")]),
        ("<input name=a>", [("a", "")]),
        ("<input type=hidden name=csrf value=x>", [("csrf", "x")]),
        ("<input name=a value=1 disabled>", []),
        ("<input value=1>", []),
        ("<input type=file name=a><input type=reset name=b value=1><input type=button name=c value=1>", []),
        ("<input type=checkbox name=a><input type=checkbox name=b checked>", [("b", "on")]),
        ("<input type=radio name=a value=1><input type=radio name=a value=2 checked>", [("a", "2")]),
        ("<select name=a><option>one<option value=2>two</select>", [("a", "one")]),
        ("<select name=a><option value=1><option value=2 selected></select>", [("a", "2")]),
        ("<select name=a multiple><option value=1></select>", []),
        (
            "<select name=a multiple><option value=1 selected><option value=2 selected></select>",
            [("a", "1"), ("a", "2")],
        ),
        ("<select name=a><option value='' disabled>choose<option value=1>one</select>", [("a", "1")]),
        ("<textarea name=a>\nx\ny</textarea>", [("a", "x\ny")]),
        ("<button name=go value=1>A</button><button name=go value=2>B</button>", [("go", "1")]),
        ("<button type=button name=no value=1>A</button><input type=submit name=go value=2>", [("go", "2")]),
    ],
)
def test_a_field_sends_what_a_browser_sends(markup, fields):
    assert list(_form(f"<form>{markup}</form>").fields) == fields


@pytest.mark.parametrize(
    ("html", "action"),
    [
        ("<form>", _URL),
        ("<form action=''>", _URL),
        ("<form action=/cart>", "https://shop.example/cart"),
        ("<form action=add>", "https://shop.example/products/add"),
        ("<form action='?a=1&amp;b=2'>", "https://shop.example/products/tea?a=1&b=2"),
        ("<form action=//pay.example/x>", "https://pay.example/x"),
        ("<base href=/de/><form action=cart>", "https://shop.example/de/cart"),
    ],
)
def test_a_form_leads_where_the_page_says(html, action):
    assert _form(html).action == action


def test_a_form_is_found_by_what_is_inside_it():
    html = "<form action=/a></form><form action=/b method=POST enctype='multipart/form-data'><b class=buy></b></form>"
    form = _form(html, ".buy")
    assert (form.action, form.method, form.multipart) == ("https://shop.example/b", "post", True)
    assert _form(html, "p") is None
    assert _form("<b class=buy></b>", ".buy") is None


def test_values_replace_the_pages_and_add_what_scripts_would():
    form = _form("<form><input name=q value=1><input name=csrf value=t></form>")
    assert form.with_values([("q", "2"), ("q", "3"), ("new", "x")]) == [
        ("csrf", "t"),
        ("q", "2"),
        ("q", "3"),
        ("new", "x"),
    ]
