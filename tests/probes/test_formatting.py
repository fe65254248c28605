"""What formats is opened again until it is closed, and only what closes it for sure counts."""

import pytest

from probes.formatting import Formatting, Open

_TEXT = (0, 0, "")
_COMMENT = (0, 90, "")


def bold(attributes="", depth=1, items=0, region=_TEXT, name="b"):
    return Open(name, region, attributes, attributes.count("="), depth, items)


def cost(formatting):
    """What the next tag costs."""
    before = formatting.copied
    return formatting.pass_by() - before


def test_each_tag_costs_what_is_open_with_its_attributes():
    formatting = Formatting()
    assert cost(formatting) == 0
    formatting.open(bold())
    assert cost(formatting) == 370
    formatting.open(bold(" id=1"))
    assert cost(formatting) == 370 + 370 + 150 + len(" id=1")
    formatting.close("b", 1, 0, _TEXT)
    assert cost(formatting) == 370


@pytest.mark.parametrize(
    ("name", "depth", "items", "region"),
    [("i", 1, 0, _TEXT), ("b", 3, 0, _TEXT), ("b", 1, 4, _TEXT), ("b", 1, 0, _COMMENT)],
)
def test_an_end_tag_that_may_close_nothing_does_not_count(name, depth, items, region):
    formatting = Formatting()
    formatting.open(bold())
    formatting.close(name, depth, items, region)
    assert cost(formatting) == 370


def test_a_cell_is_a_wall_until_its_table_ends():
    formatting = Formatting()
    formatting.open(bold())
    for name in ("table", "td", "td"):
        formatting.wall(name, False, _TEXT)
    formatting.close("b", 1, 0, _TEXT)
    assert cost(formatting) == 370
    formatting.wall("table", True, _COMMENT)
    formatting.wall("object", True, _TEXT)
    formatting.close("b", 1, 0, _TEXT)
    assert cost(formatting) == 370
    formatting.wall("table", True, _TEXT)
    formatting.close("b", 1, 0, _TEXT)
    assert cost(formatting) == 0


def test_no_more_than_three_are_kept_that_are_alike_and_one_link():
    formatting = Formatting()
    for _ in range(9):
        formatting.open(bold())
    assert cost(formatting) == 3 * 370
    for number in range(9):
        formatting.open(bold(f" id={number}", name="a"))
    assert cost(formatting) == 4 * 370 + 150 + len(" id=8")
