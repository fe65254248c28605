from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backup.judge import UNPROVED, Answer, Found, Judgement, judge
from probes.backup.record import Counted, Record, RecordedFile
from probes.backup.settings import BackupSettings
from probes.backup.verification import Verdict

NOW = 1_795_262_400.0
FILE = RecordedFile(name="shop.dump", bytes=1, sha256="0" * 64)


def settings(**expect: Any) -> BackupSettings:
    words = {"name": "shop", "type": "any", "from": "/backups", "files": "*", "expect": expect}
    return BackupSettings.model_validate(words)


def record(tables: Mapping[str, int], counted: Counted = Counted.SNAPSHOT, **newest: str) -> Record:
    entries = {name: {"rows": rows, "newest": newest.get(name)} for name, rows in tables.items()}
    words = {"taken_at": "2026-11-21T12:00:00Z", "files": [FILE], "counted": counted, "tables": entries}
    return Record.model_validate(words)


def verdict(
    found: Found,
    kept: Record | None = None,
    taken_at: float | None = NOW - 60,
    previous: Mapping[str, int] | None = None,
    **expect: Any,
) -> Judgement:
    return judge(settings(**expect), found, kept, taken_at, previous or {}, NOW)


GOOD = Found({"orders": 100, "carts": 5})


def test_what_was_recorded_and_is_there_passes() -> None:
    assert verdict(GOOD, record({"orders": 100, "carts": 5})) == Judgement(Verdict.PASS, (), ())


@pytest.mark.parametrize(
    ("found", "kept", "expect", "reason"),
    [
        (Found({}), None, {}, "it contains no tables at all"),
        (Found({"a": 0, "b": 0}), None, {}, "all of its 2 tables are empty"),
        (GOOD, record({"orders": 101}), {}, "table orders has 100 rows, 101 were recorded at backup time"),
        (GOOD, record({"orders": 99}), {}, "table orders has 100 rows, 99 were recorded at backup time"),
        (GOOD, record({"stock": 1}), {}, "table stock is missing; 1 rows were recorded at backup time"),
        (
            GOOD,
            record({"orders": 102}, Counted.LIVE),
            {},
            "table orders has 100 rows, 102 recorded at backup time: more than 1% are missing",
        ),
        (GOOD, None, {"tables": {"stock": {}}}, "table stock is expected and missing"),
        (GOOD, None, {"tables": {"orders": {"min": 101}}}, "table orders has 100 rows, expected at least 101"),
        (Found({"orders": 0, "x": 1}), None, {"tables": {"orders": {}}}, "has 0 rows, expected at least 1"),
        (
            Found({"orders": 1}, newest={"orders": NOW - 7200}),
            None,
            {"tables": {"orders": {"newest": "at", "within": "1h"}}},
            "the newest row of orders is 2h old, expected at most 1h",
        ),
        (
            Found({"orders": 1}, newest={"orders": NOW + 7200}),
            None,
            {"tables": {"orders": {"newest": "at"}}},
            "the newest row of orders is 2h in the future",
        ),
        (Found({"orders": 1}), None, {"tables": {"orders": {"newest": "at", "within": "1h"}}}, "has no row with a at"),
        (
            Found({"orders": 1}, newest={"orders": NOW - 90}),
            record({"orders": 1}, orders="2026-11-21T12:00:00Z"),
            {},
            "the newest row of orders differs by 1m30s from the one recorded",
        ),
        (Found({"a": 1}, answers={"q": Answer(2)}), None, {"query": {"q": 3}}, "'q' answered 2, expected 3"),
        (Found({"a": 1}, answers={"q": Answer(error="no")}), None, {"query": {"q": 3}}, "'q' failed: no"),
        (GOOD, None, {"query": {"q": 3}}, "'q' failed: it was not asked"),
        (GOOD, None, {"record": True}, "it has no record beside it"),
    ],
)
def test_what_fails(found: Found, kept: Record | None, expect: dict[str, Any], reason: str) -> None:
    judged = verdict(found, kept, **expect)
    assert judged.verdict is Verdict.FAIL
    assert any(reason in said for said in judged.reasons), judged.reasons


@pytest.mark.parametrize(
    ("taken_at", "outcome", "reason"),
    [
        (NOW - 3600, Verdict.PASS, ""),
        (NOW - 3601, Verdict.FAIL, "it is 1h1s old, expected at most 1h"),
        (NOW + 59, Verdict.PASS, ""),
        (NOW + 61, Verdict.FAIL, "1m1s in the future"),
        (None, Verdict.INCONCLUSIVE, "its age cannot be told"),
    ],
)
def test_its_age(taken_at: float | None, outcome: Verdict, reason: str) -> None:
    judged = verdict(GOOD, taken_at=taken_at, age="1h")
    assert judged.verdict is outcome
    assert reason in "".join(judged.reasons)


@pytest.mark.parametrize(
    ("days", "changes", "outcome"),
    [
        (30, {}, Verdict.PASS),
        (31, {}, Verdict.FAIL),
        (31, {"expect": {"age": "40d"}}, Verdict.PASS),
        (31, {"targets": {"rpo": "40d"}}, Verdict.PASS),
        (41, {"targets": {"rpo": "40d"}}, Verdict.FAIL),
        (3, {"targets": {"rpo": "1d"}}, Verdict.PASS),
        (31, {"expect": {"tables": {"orders": {"newest": "at", "within": "40d"}}}}, Verdict.PASS),
    ],
)
def test_how_old_it_may_be_where_its_age_is_not_expected(days: int, changes: dict[str, Any], outcome: Verdict) -> None:
    words = {"name": "shop", "type": "any", "from": "/backups", "files": "*", **changes}
    found = Found({"orders": 100}, newest={"orders": NOW - days * 86400})
    judged = judge(BackupSettings.model_validate(words), found, None, NOW - days * 86400, {}, NOW)
    assert judged.verdict is outcome, judged
    assert ("where `expect: age` says nothing" in "".join(judged.reasons)) is (outcome is Verdict.FAIL)


@pytest.mark.parametrize(
    ("kept", "taken_at", "expect", "note"),
    [
        (None, None, {}, "nothing says how old it is or what should be in it; set `expect`"),
        (None, NOW, {}, "nothing says what should be in it; set `expect`"),
        (None, None, {"tables": {"orders": {}}}, "nothing says how old it is; set `expect`"),
        (None, NOW, {"tables": {"orders": {}}}, ""),
        (None, NOW, {"age": "1h"}, "nothing says what should be in it; set `expect`"),
        (record({"orders": 100}), NOW, {}, ""),
    ],
)
def test_a_pass_that_proves_little_says_so_first(
    kept: Record | None, taken_at: float | None, expect: dict[str, Any], note: str
) -> None:
    judged = verdict(GOOD, kept, taken_at, **expect)
    assert judged.verdict is Verdict.PASS
    assert (UNPROVED in "".join(judged.notes[:1])) is bool(note)
    assert note in "".join(judged.notes[:1])


@pytest.mark.parametrize(
    ("counted", "outcome"),
    [(Counted.LIVE, Verdict.PASS), (Counted.SNAPSHOT, Verdict.PASS), (Counted.BACKUP, Verdict.FAIL)],
)
def test_a_record_of_the_live_database_answers_for_fewer_rows_not_for_none(counted: Counted, outcome: Verdict) -> None:
    judged = verdict(GOOD, record(GOOD.rows, counted), previous={"orders": 1000})
    assert judged.verdict is outcome
    assert ("the live database held no more" in "".join(judged.notes)) is (outcome is Verdict.PASS)
    emptied = Found({"orders": 0, "carts": 5})
    assert verdict(emptied, record(emptied.rows, counted), previous={"orders": 1000}).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("counted", "rows", "shrink", "outcome"),
    [
        (Counted.LIVE, 101, {}, Verdict.PASS),
        (Counted.LIVE, 90, {}, Verdict.PASS),
        (Counted.LIVE, 111, {"shrink": "10%"}, Verdict.PASS),
        (Counted.LIVE, 112, {"shrink": "10%"}, Verdict.FAIL),
        (Counted.LIVE, 101, {"shrink": "0%"}, Verdict.FAIL),
        (Counted.BACKUP, 100, {}, Verdict.PASS),
        (Counted.BACKUP, 101, {}, Verdict.FAIL),
        (Counted.SNAPSHOT, 101, {"shrink": "10%"}, Verdict.FAIL),
    ],
)
def test_how_exact_a_record_is(counted: Counted, rows: int, shrink: dict[str, str], outcome: Verdict) -> None:
    judged = verdict(GOOD, record({"orders": rows}, counted), tables={"orders": shrink})
    assert judged.verdict is outcome, judged.reasons
    assert ("counted in the backup itself" in "".join(judged.notes)) is (counted is Counted.BACKUP)


def test_a_failure_outweighs_a_doubt_and_both_are_told() -> None:
    found = Found({"orders": 1}, newest_errors={"orders": "no such column: at"})
    judged = verdict(found, taken_at=None, age="1h", tables={"orders": {"min": 2, "newest": "at"}})
    assert judged.verdict is Verdict.FAIL
    assert len(judged.reasons) == 3


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [
        *((1, True, True), (0, False, True), (True, True, True), (1, 1.0, True), ("12.50", 12.5, True)),
        *((1, False, False), (True, 1, False), ("x", 1, False), (None, 0, False), ("1", "1", True), (1, "1", False)),
        *((None, None, True), (2, True, False)),
    ],
)
def test_answers_are_compared_as_they_are_meant(value: Any, expected: Any, same: bool) -> None:
    judged = verdict(Found({"a": 1}, answers={"q": Answer(value)}), query={"q": expected})
    assert (judged.verdict is Verdict.PASS) is same


@given(
    recorded=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), min_size=1),
    found=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50)),
)
def test_an_exact_record_is_met_exactly_or_it_fails(recorded: dict[str, int], found: dict[str, int]) -> None:
    judged = verdict(Found(found), record(recorded))
    exact = all(found.get(name) == rows for name, rows in recorded.items())
    assert (judged.verdict is Verdict.PASS) is exact
