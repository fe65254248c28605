"""When a glance is due: soon after a nudge, when a `for` ends, and never so often that it costs much."""

import pytest

from monitor.timetable import LONGEST_SLEEP, REST, SETTLE, SPACING, Glance, Timetable, is_overdue

NOW = 1_800_000_000.0
NEVER = float("inf")


def never() -> float:
    return NEVER


def test_a_nudge_is_one_glance_at_everything_once_the_batch_has_settled():
    timetable = Timetable()
    assert timetable.take(NOW, never) is Glance.NOTHING
    assert timetable.nudge(NOW)
    assert not timetable.nudge(NOW + SETTLE / 2)
    assert timetable.take(NOW + SETTLE / 2, never) is Glance.NOTHING
    assert timetable.take(NOW + SETTLE, never) is Glance.EVERYTHING
    assert timetable.take(NOW + SETTLE, never) is Glance.NOTHING
    assert timetable.nudge(NOW + SETTLE)


def test_the_end_of_a_for_is_a_glance_at_its_rule():
    timetable = Timetable()
    assert timetable.take(NOW - 0.001, lambda: NOW) is Glance.NOTHING
    assert timetable.take(NOW, lambda: NOW) is Glance.ENDED
    timetable.nudge(NOW - 1)
    assert timetable.take(NOW, lambda: NOW) is Glance.EVERYTHING


@pytest.mark.parametrize(("spent", "rest"), [(0.0, SPACING), (0.001, SPACING), (1.0, REST)])
def test_after_a_glance_there_is_a_rest_as_long_as_it_was_dear(spent, rest):
    timetable = Timetable()
    timetable.nudge(NOW)
    timetable.rest(NOW, spent)
    assert timetable.take(NOW + rest - 0.01, lambda: NOW) is Glance.NOTHING
    assert timetable.take(NOW + rest, lambda: NOW) is Glance.EVERYTHING, "a nudge during the rest is not forgotten"


def test_sleeps_until_whatever_comes_first_and_never_long():
    timetable = Timetable()
    assert timetable.until_next(NOW, NEVER, NEVER) == LONGEST_SLEEP
    assert timetable.until_next(NOW, NOW + 0.5, NEVER) == 0.5
    assert timetable.until_next(NOW, NOW + 0.5, NOW + 0.25) == 0.25
    timetable.nudge(NOW)
    assert timetable.until_next(NOW, NOW + 0.5, NEVER) == pytest.approx(SETTLE, abs=1e-5)
    timetable.rest(NOW, 0.0)
    assert timetable.until_next(NOW, NOW + 0.5, NEVER) == SPACING
    assert timetable.until_next(NOW, NOW - 10, NEVER) == 0.0


def test_a_group_is_overdue_after_a_minute_and_two_intervals():
    assert not is_overdue(60.0, 15.0)
    assert is_overdue(61.0, 15.0)
    assert not is_overdue(61.0, 60.0)
    assert is_overdue(121.0, 60.0)
