from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.backup.losses import losses
from probes.backup.settings import Expectation


@pytest.mark.parametrize(
    ("rows", "previous", "expect", "gone", "halved"),
    [
        ({"orders": 9, "a": 1}, {"orders": 10, "a": 1}, {}, [], []),
        ({"orders": 9}, {"orders": 10, "a": 1}, {}, ["table a is missing, 1 rows in the last"], []),
        ({"orders": 9}, {"orders": 10, "a": 0}, {}, [], []),
        ({"orders": 0, "a": 1}, {"orders": 10, "a": 1}, {}, ["table orders is empty, 10 rows in the last"], []),
        ({"orders": 0, "a": 1}, {"orders": 10}, {"tables": {"orders": {"min": 0}}}, [], []),
        ({"a": 1}, {"a": 1, "tmp_1": 5, "sessions": 7}, {"optional": ["tmp_*", "sessions"]}, [], []),
        ({"a": 50}, {"a": 100}, {}, [], []),
        ({"a": 49}, {"a": 100}, {}, [], ["table a has 49 rows, 100 in the last good backup: more than half"]),
        ({"a": 1}, {"a": 99}, {}, [], []),
        ({"a": 49}, {"a": 100}, {"tables": {"a": {}}}, [], ["table a has 49 rows"]),
        ({"a": 49}, {"a": 100}, {"tables": {"a": {"min": 10}}}, [], ["table a has 49 rows"]),
        ({"a": 49}, {"a": 100}, {"tables": {"a": {"min": 0}}}, [], []),
        ({"a": 49}, {"a": 100}, {"tables": {"a": {"shrink": "60%"}}}, [], []),
        ({"a": 49}, {"a": 100}, {"optional": ["a"]}, [], []),
        ({"blog": 1}, {"a": 1, "b": 2}, {}, ["none of the 2 tables with rows"], []),
        ({"blog": 1}, {"a": 1, "b": 2}, {"optional": ["*"]}, [], []),
        ({"blog": 1}, {}, {}, [], []),
    ],
)
def test_what_is_lost(
    rows: dict[str, int], previous: dict[str, int], expect: dict[str, Any], gone: list[str], halved: list[str]
) -> None:
    found = losses(Expectation.model_validate(expect), rows, previous)
    assert len(found.gone) == len(gone)
    assert len(found.halved) == len(halved)
    for said, wanted in zip((*found.gone, *found.halved.values()), (*gone, *halved), strict=True):
        assert said.startswith(wanted)


def test_of_many_the_largest_are_told() -> None:
    previous = {f"t{n}": n for n in range(10)} | {"kept": 1}
    found = losses(Expectation(), {"kept": 1}, previous)
    assert [said.split(",")[0] for said in found.gone] == [
        *(f"table t{n} is missing" for n in (9, 8, 7, 6, 5)),
        "4 more tables of the last good backup are missing or empty",
    ]


TABLES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 1000))


@given(rows=TABLES, previous=TABLES)
def test_nothing_is_lost_exactly_when_every_table_kept_its_rows(rows: dict[str, int], previous: dict[str, int]) -> None:
    found = losses(Expectation(), rows, previous)
    kept = all(rows.get(name, 0) > 0 for name, before in previous.items() if before)
    large = all(rows.get(name, 0) * 2 >= before for name, before in previous.items() if before >= 100)
    assert (not found.gone and not found.halved) is (kept and large)


def test_a_table_is_expected_or_optional() -> None:
    with pytest.raises(ValidationError, match="is both optional and expected"):
        Expectation.model_validate({"tables": {"orders": {}}, "optional": ["orders"]})
