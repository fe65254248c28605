"""Whose code hangs a process: told by real processes that hang, are only busy, starve, or stand still."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest

from monitor.prober.looking import whose

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

_PROGRAM = """
import sys, time
from monitor.prober.looking import LOOKING, answer_on
answer_on(int(sys.argv[1]))
LOOKING.set(sys.argv[2])
print("ready", flush=True)
while True:
    for name in sys.argv[2:]:
        LOOKING.set(name)
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
"""


@contextlib.contextmanager
def working_on(*names):
    """A process whose code is that of one probe after the other, and the pipe on which it answers."""
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(write), *names],
        stdout=subprocess.PIPE,
        pass_fds=[write],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    os.close(write)
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process, read
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(read)


async def test_the_probe_whose_code_does_not_end_is_named():
    with working_on("checkout") as (process, pipe):
        assert await whose(process, pipe) == "checkout"


async def test_a_process_that_only_has_much_to_do_blames_nobody():
    # Five probes of 100 ms each: three questions 250 ms apart cannot meet the same one each time.
    with working_on("home", "cart", "checkout", "payment", "stock") as (process, pipe):
        assert await whose(process, pipe) == ""


async def test_a_process_that_is_stopped_blames_nobody():
    with working_on("checkout") as (process, pipe):
        process.send_signal(signal.SIGSTOP)
        assert await whose(process, pipe) == ""


async def test_a_process_that_starves_blames_nobody():
    with working_on("checkout") as (process, pipe):
        asking = asyncio.create_task(whose(process, pipe))
        while not asking.done():
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.1)
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.005)
        assert await asking == ""


async def test_a_process_that_has_ended_blames_nobody():
    with working_on("checkout") as (process, pipe):
        process.kill()
        process.wait()
        assert await whose(process, pipe) == ""
