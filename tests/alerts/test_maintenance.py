"""Maintenance windows: open when they were announced, also when the clocks change."""

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.maintenance import Maintenance, planned

PATCH = {"name": "patch night", "at": "0 3 * * 2", "lasts": "1h", "timezone": "Asia/Taipei", "match": {"host": "web-1"}}


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def window(data: dict[str, Any]) -> Maintenance:
    return Maintenance.model_validate(data)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-24T02:59:59+08:00", False),
        ("2026-11-24T03:00:00+08:00", True),
        ("2026-11-24T03:59:59+08:00", True),
        ("2026-11-24T04:00:00+08:00", False),
        ("2026-11-25T03:30:00+08:00", False),  # a Wednesday
    ],
)
def test_a_window_that_comes_again(moment: str, is_open: bool) -> None:
    silences = planned([window(PATCH)], at(moment))
    assert bool(silences) is is_open
    if is_open:
        (silence,) = silences
        assert (silence.starts_at, silence.ends_at) == (at("2026-11-24T03:00+08:00"), at("2026-11-24T04:00+08:00"))
        assert silence.reason == "maintenance: patch night"
        assert silence.mutes((("alertname", "X"), ("host", "web-1")))
        assert not silence.mutes((("alertname", "X"), ("host", "web-2")))


def test_it_stays_at_its_hour_when_the_clocks_change() -> None:
    berlin = window(PATCH | {"timezone": "Europe/Berlin", "at": "0 12 * * *"})
    assert planned([berlin], at("2026-07-01T12:30+02:00"))
    assert planned([berlin], at("2026-12-01T12:30+01:00"))
    assert not planned([berlin], at("2026-12-01T11:30+01:00"))


def test_a_window_that_comes_once() -> None:
    move = window(
        {"name": "move", "from": "2026-11-30T01:00+08:00", "to": "2026-11-30T04:00+08:00", "match": {"a": "b"}}
    )
    assert not planned([move], at("2026-11-30T00:59:59+08:00"))
    assert planned([move], at("2026-11-30T01:00+08:00"))
    assert not planned([move], at("2026-11-30T04:00+08:00"))


def test_lists_and_patterns_match_as_in_routes() -> None:
    both = window(PATCH | {"at": "* * * * *", "match": {"host": ["web-1", "=~db-.*", "a.b"], "shop": "!=main"}})
    (silence,) = planned([both], 1e9)
    assert silence.mutes((("host", "db-7"), ("shop", "outlet")))
    assert silence.mutes((("host", "web-1"),))
    assert not silence.mutes((("host", "web-1"), ("shop", "main")))
    assert not silence.mutes((("host", "web-11"),))
    assert not silence.mutes((("host", "axb"),))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"match": {}}, "at least 1"),
        ({"at": "0 3 * *"}, "is not a cron time"),
        ({"lasts": "0"}, "longer than zero"),
        ({"lasts": None}, "needs `at` and `lasts`, or `from` and `to`"),
        ({"from": "2026-11-30T01:00+08:00"}, "and not both"),
        ({"at": None, "lasts": None}, "needs `at` and `lasts`"),
        (
            {"at": None, "lasts": None, "from": "2026-11-30T01:00+08:00", "to": "2026-11-30T01:00+08:00"},
            "must end after it begins",
        ),
        ({"timezone": "Mars/X"}, "is not a time zone"),
        ({"match": {"a": ["!=x", "y"]}}, "write != or !~ as the only value"),
    ],
)
def test_bad_windows(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        window({key: value for key, value in (PATCH | change).items() if value is not None})
