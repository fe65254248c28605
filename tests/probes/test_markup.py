"""A page that is nested beyond reason costs no more than another; a good one is read to its end."""

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.expect import Expect, judge
from probes.markup import parse_html, readable
from probes.page import Page


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<form><table><tr><td>",
        "<i></b>",
        "<li><ul>",
        "<select><option selected>",
        "<option selected>",
        "<body a{}=1>",
        "<x-{}>",
    ],
)
def test_a_monstrous_page_is_read_in_time(piece):
    text = "<select>" + "".join(piece.replace("{}", str(number)) for number in range(60_000))
    began = time.process_time()
    parse_html(text)
    assert time.process_time() - began < 5  # without a limit these take from 7 to 70 seconds


def test_a_large_good_page_is_read_to_its_end():
    row = "<ul><li><a href=/p>x</a><li>y<p>z<br></ul><select><option>1<option>2</select><table><tr><td>1<td>2</table>"
    tree = parse_html(f"<html><body>{row * 5000}<b id=last>end</b>")
    assert tree.css_first("#last").text() == "end"
    assert len(tree.css("a")) == 5000


def test_what_stands_before_the_depth_is_still_found():
    tree = parse_html("<h1>Tea</h1>" + "<div>" * 5000 + "<b id=deep>")
    assert tree.css_first("h1").text() == "Tea"
    assert tree.css_first("#deep") is None


@pytest.mark.parametrize(
    ("start", "piece", "why"),
    [
        ("<div", " a{}=1", "a <div> has more than 500 attributes"),
        ("<div", " a{}", "a <div> has more than 500 attributes"),
        ("<script>'<a b=\"</script><div", ' a{}="<b"', "more than 500 attributes"),
        ("<div =' ", " a{}", "more than 500 attributes"),
        ("", "<div>", "nested more than 1000 deep"),
        ("<select>", "<option>{}", "more than 5000 <option> in a row"),
        ("", "<b/x{}=", "have no end"),
    ],
)
def test_what_is_too_much_is_said_and_soon(start, piece, why):
    text = "<h1>Tea</h1>" + start + "".join(piece.replace("{}", str(number)) for number in range(60_000))
    began = time.process_time()
    end, said = readable(text)
    assert why in said
    assert end < len(text)
    assert parse_html(text).css_first("h1").text() == "Tea"
    assert time.process_time() - began < 5  # the attributes alone took 12 seconds


def test_a_page_longer_than_any_is_read_so_far():
    text = "<h1>Tea</h1>" + "x" * (3 << 20)
    assert readable(text) == (2 << 20, "it is longer than 2097152 characters")


def test_long_attributes_are_no_many_attributes():
    text = f'<div data-page="{"a b=1 <br> " * 20_000}" {" ".join(f"a{n}" for n in range(499))}><b id=last>end</b></div>'
    assert readable(text) == (len(text), "")
    assert parse_html(text).css_first("#last").text() == "end"


@given(
    st.lists(st.sampled_from(["<", "</", ">", "a", "b", " ", "/", "=", '"', "'", "<div", "<!--", "-->"]), max_size=200)
)
def test_whatever_a_small_page_holds_it_is_read_whole(pieces):
    text = "".join(pieces)
    assert readable(text) == (len(text), "")


def test_an_expectation_of_what_was_not_read_says_why():
    page = Page(200, [], ("<div>" * 5000 + "<b id=deep>").encode(), "http://shop.example/")
    (failure,) = judge(Expect.model_validate({"css": "#deep"}), page, 0.1)
    assert "the page cannot be parsed: its elements are nested more than 1000 deep" in failure.message


_BOLD = "".join(f"<b id={number}>" for number in range(400))


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (f"<div>{_BOLD}</div>", "<p>x</p>"),
        (f"<div>{_BOLD}</div>", "<p>x"),
        (f"<div><b {' '.join(f'a{number}' for number in range(499))}></div>", "<p>x</p>"),
        (f"<div><b x={'y' * 100_000}></div>", "<p>x</p>"),
        ("<div>" + "".join(f"<b id={number}><!--</b>-->" for number in range(400)) + "</div>", "<p>x"),
        ("<div>" + "".join(f'<b id={number}><i a="</b>"></i>' for number in range(400)) + "</div>", "<p>x"),
        ("<div>" + "".join(f"<b id={number}><script></b></script>" for number in range(400)) + "</div>", "<p>x"),
        ("".join(f"<b id={number}>{'<div>' * 9}</b>{'</div>' * 9}" for number in range(400)), "<p>x"),
        (f"<!-- --!>{_BOLD}-->", "<p>x"),
        (f"<select><iframe></select>{_BOLD}</iframe>", "<p>x"),
        ("", "<dd><li>"),
        ("", "<rt>"),
        ("", "<optgroup>"),
    ],
)
def test_what_formats_is_not_opened_again_without_end(start, piece):
    cost, said = _cost_of(start + piece * 42_000)
    assert cost < 200, "without a limit these take gigabytes, or seconds"
    assert said


def _cost_of(text):
    """MiB that parsing takes a process that may have three seconds of the processor, and what is not read."""
    done = subprocess.run(
        [sys.executable, "-c", _PARSE], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    cost, said = done.stdout.split("\n", 1)
    return int(cost) / 1024, said.strip()


_PARSE = """
import resource, sys
from probes.markup import parse_html, readable
used = lambda: resource.getrusage(resource.RUSAGE_SELF)
text, before = sys.stdin.read(), used()
resource.setrlimit(resource.RLIMIT_CPU, (int(before.ru_utime + before.ru_stime) + 3, 60))
tree = parse_html(text)
print(used().ru_maxrss - before.ru_maxrss)
print(readable(text)[1])
"""


_PIECES = (  # noqa: SIM905 - a list of these fills a page
    "<b/id={}> </b> <a/x={}> </a> <div> </div> <p> x <li> <dd> <!-- --> <td> </td> <table> </table> <object> </object>"
    ' <i> </i> <u/a=" "> <script> </script>'
).split(" ")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8),
    st.lists(st.sampled_from(["<p>", "x", "</p>", "</div>", "<li>", "<dd>", "</b>"]), min_size=1, max_size=4),
)
def test_no_mix_of_tags_holds_a_prober_up(pieces, rest):
    text = "".join("".join(pieces).replace("{}", str(number)) for number in range(400)) + "".join(rest) * 20_000
    assert _cost_of(text)[0] < 200


def test_what_formats_well_is_read_to_its_end():
    card = (
        "<div><a href='/p/{0}' class=link><img src='/i/{0}.jpg'><h3>Tea <b id=b{0}>new</b></h3></a>"
        "<ul><li><i class=x></i>1<li><strong>3</strong><em>EUR</em></ul>"
        "<p>It <u>is<table><tr><td><font color=red>good</font><td>2</table></u>"
        "<button title='<b>buy</b>'>+</button></div><!-- <b> -->"
        "<script>x='<b>'+y+'</b>';if(a<b&&c)d=\"<\\/b>\"</script>"
    )
    text = "<font face=Arial>" + "".join(card.format(number) for number in range(450)) + "<b id=last>end</b>"
    assert readable(text) == (len(text), "")
    assert parse_html(text).css_first("#last").text() == "end"
