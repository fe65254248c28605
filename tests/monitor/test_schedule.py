import threading
import time
from collections.abc import Callable, Iterator

import pytest

from monitor.schedule import Appointment, Schedule
from probes.cron import next_fire


@pytest.fixture
def schedule() -> Iterator[Schedule]:
    made = Schedule()
    made.start()
    yield made
    made.stop()


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_the_next_call_is_as_the_crontab_says(schedule: Schedule) -> None:
    schedule.apply(
        [Appointment("nightly", "0 4 * * *", lambda: None), Appointment("sunday", "0 4 * * 0", lambda: None)]
    )
    now = time.time()
    assert schedule.next_call("nightly") == next_fire("0 4 * * *", now)
    assert schedule.next_call("sunday") == next_fire("0 4 * * 0", now)
    assert time.gmtime(schedule.next_call("sunday")).tm_wday == 6
    assert schedule.next_call("unknown") is None


def test_a_reload_keeps_adds_and_drops(schedule: Schedule) -> None:
    schedule.apply([Appointment("a", "0 4 * * *", lambda: None), Appointment("b", "0 5 * * *", lambda: None)])
    before = schedule.next_call("a")
    schedule.apply([Appointment("a", "0 4 * * *", lambda: None), Appointment("c", "0 6 * * *", lambda: None)])
    assert schedule.next_call("a") == before
    assert schedule.next_call("b") is None
    assert schedule.next_call("c") == next_fire("0 6 * * *", time.time())
    schedule.apply([Appointment("a", "30 4 * * *", lambda: None)])
    assert schedule.next_call("a") == next_fire("30 4 * * *", time.time())


def test_a_wrong_cron_changes_nothing(schedule: Schedule) -> None:
    schedule.apply([Appointment("a", "0 4 * * *", lambda: None)])
    with pytest.raises(ValueError, match="is not a cron time"):
        schedule.apply([Appointment("a", "0 4 * *", lambda: None), Appointment("b", "0 5 * * *", lambda: None)])
    assert schedule.next_call("a") == next_fire("0 4 * * *", time.time())
    assert schedule.next_call("b") is None


def test_appointments_may_be_made_before_the_start() -> None:
    schedule = Schedule()
    schedule.apply([Appointment("a", "0 4 * * *", lambda: None)])
    schedule.start()
    assert schedule.next_call("a") == next_fire("0 4 * * *", time.time())
    schedule.stop()


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_appointments_are_kept_and_one_that_fails_costs_nobody_else(schedule: Schedule) -> None:
    kept, failed = threading.Event(), threading.Event()

    def fail() -> None:
        failed.set()
        raise RuntimeError("the test breaks it")

    schedule.apply([Appointment("fails", "* * * * *", fail), Appointment("works", "* * * * *", kept.set)])
    assert failed.wait(90)
    assert kept.wait(10)
    until(lambda: (schedule.next_call("fails") or 0) > time.time())


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    wall = [time.time()]
    schedule = Schedule(clock=lambda: wall[0], pulse=0.01)
    schedule.apply([Appointment("a", "0 4 * * *", lambda: None)])
    schedule.start()
    laid_out = schedule.laid_out
    wall[0] -= 3600
    until(lambda: schedule.laid_out > laid_out)
    assert schedule.next_call("a") == next_fire("0 4 * * *", time.time())
    schedule.stop()


def test_stop_before_start() -> None:
    Schedule().stop()
