"""A deadline ends what the running task does, takes nobody else's cancellation for its own, and leaves no trace."""

import asyncio
import time

import pytest

from probes.net.deadline import Deadline

pytestmark = pytest.mark.anyio


def in_(seconds: float) -> Deadline:
    loop = asyncio.get_running_loop()
    return Deadline(loop, loop.time() + seconds)


async def test_what_takes_longer_is_cut_off():
    began, cut = time.monotonic(), in_(0.05)
    with pytest.raises(TimeoutError), cut:
        await asyncio.sleep(30)
    assert cut.passed
    assert 0.04 < time.monotonic() - began < 10
    await asyncio.sleep(0)  # the task was not left cancelled
    assert asyncio.current_task().cancelling() == 0


async def test_what_is_done_in_time_is_left_alone():
    with in_(0.02) as cut:
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert not cut.passed


async def test_a_deadline_that_is_past_comes_at_the_first_wait():
    with pytest.raises(TimeoutError), in_(-1.0):
        await asyncio.sleep(30)


async def test_an_error_of_its_own_goes_through():
    cut = in_(30)
    with pytest.raises(TimeoutError, match="the shop's own"), cut:
        raise TimeoutError("the shop's own")
    assert not cut.passed


async def test_the_outer_of_two_is_not_taken_for_the_inner():
    inner, outer = in_(30), in_(0.05)
    with pytest.raises(TimeoutError), outer, inner:
        await asyncio.sleep(30)
    assert (outer.passed, inner.passed) == (True, False)


async def test_who_ends_the_task_is_obeyed_even_at_the_deadline():
    async def work() -> None:
        with in_(0.05):
            try:
                await asyncio.sleep(30)
            finally:
                asyncio.current_task().cancel()  # the stop comes in the same turn as the deadline

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    assert task.cancelled()


def test_without_a_task_there_is_nothing_to_end():
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(RuntimeError, match="for what a task does"), Deadline(loop, 0.0):
            pass
    finally:
        loop.close()
