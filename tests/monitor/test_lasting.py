"""A store that is away for an hour fills no log."""

import logging

import pytest

from monitor.lasting import Lasting


def test_a_trouble_is_told_at_its_beginning_each_minute_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [0.0]
    trouble = Lasting(logging.getLogger("test"), "the outbox cannot be read", lambda: now[0])
    trouble.over()
    for second in range(130):
        now[0] = float(second)
        trouble.again(OSError("gone"), OSError)
    trouble.over()
    trouble.over()
    trouble.again(ZeroDivisionError("a bug"), OSError)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        *["the outbox cannot be read, trying again: gone"] * 3,
        "over: the outbox cannot be read",
        "the outbox cannot be read, trying again: a bug",
    ]
    assert [bool(record.exc_info) for record in caplog.records] == [False] * 4 + [True]
