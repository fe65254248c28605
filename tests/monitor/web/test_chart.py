"""The small charts: valid SVG whatever the numbers, with gaps and marks where they belong."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from monitor.web.chart import sparkline


def test_a_line_has_a_gap_where_nothing_was_measured():
    chart = sparkline([(0, 1.0), (1, None), (2, 2.0), (3, 1.0)], 0, 4)
    path = ElementTree.fromstring(chart).find("path")
    assert path is not None
    assert path.get("d", "").count("M") == 2


def test_every_outage_has_its_mark():
    chart = ElementTree.fromstring(sparkline([], 0, 10, down=[1, 5]))
    assert [float(mark.get("x", "")) for mark in chart.findall("rect")] == [11.2, 59.2]


def test_the_label_cannot_break_out():
    chart = sparkline([], 0, 1, label='"><script>alert(1)</script>')
    assert ElementTree.fromstring(chart).get("aria-label") == '"><script>alert(1)</script>'


@given(st.lists(st.tuples(st.floats(0, 10), st.none() | st.floats(0, 1e9))))
def test_any_numbers_make_valid_svg(points):
    ElementTree.fromstring(sparkline(points, 0, 10))
