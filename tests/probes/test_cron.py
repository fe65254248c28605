from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probes.cron import Cron, cron_trigger, next_fire

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 4 * * *", "2026-11-22T04:00:00"),
        ("0 12 * * *", "2026-11-22T12:00:00"),  # strictly later
        ("*/15 * * * *", "2026-11-21T12:15:00"),
        ("0 4 * * 0", "2026-11-22T04:00:00"),  # Sunday, as crontab counts
        ("0 4 * * 7", "2026-11-22T04:00:00"),
        ("0 4 * * 1", "2026-11-23T04:00:00"),
        ("0 4 * * sun", "2026-11-22T04:00:00"),
        ("0 4 * * 5-7", "2026-11-22T04:00:00"),
        ("0 4 * * sat-mon", "2026-11-22T04:00:00"),
        ("0 4 1 * *", "2026-12-01T04:00:00"),
        ("@weekly", "2026-11-22T00:00:00"),
    ],
)
def test_when_it_comes_next(cron: str, expected: str) -> None:
    fire = next_fire(cron, SATURDAY)
    assert fire is not None
    assert datetime.fromtimestamp(fire, UTC).isoformat() == expected + "+00:00"


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("", "five fields"),
        ("0 4 * *", "five fields"),
        ("0 0 4 * * *", "five fields"),
        ("0 25 * * *", "is not a cron time"),
        ("0 4 1 * 1", "give one of them"),
        ("0 4 * * 8", "is not a weekday"),
        ("0 4 * * son", "is not a weekday"),
        ("0 4 31 2 *", "never comes"),
    ],
)
def test_what_is_no_cron_time_is_said(cron: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Cron).validate_python(cron)


@given(st.lists(st.text("0123456789*/-,monsuf ", max_size=8), min_size=5, max_size=5).map(" ".join))
def test_a_trigger_or_a_sentence(cron: str) -> None:
    message = ""
    try:
        cron_trigger(cron)
    except ValueError as error:
        message = str(error)
    assert message == "" or "cron" in message or "weekday" in message or "one of them" in message
