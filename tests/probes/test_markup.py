"""A page that is nested beyond reason costs no more than another; a good one is read to its end."""

import time

import pytest

from probes.markup import parse_html


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
