"""Whose code runs: a prober that hangs is asked which of its probes hangs it.

A handler of Python's runs between any two steps of the interpreter, and even within a regular expression that does not
end; only code of C that lets nothing else run gives no answer.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from contextvars import ContextVar

import psutil

#: The probe whose look is being taken a step further. Tasks and callbacks that a look begins inherit it.
LOOKING: ContextVar[str] = ContextVar("looking", default="")

_ASK = signal.SIGUSR2
_PATIENCE, _NAP = 1.0, 0.02
_LONGEST_ANSWER = 4096
#: So often it is asked, with so many seconds between: a prober that is only overloaded gets on, from probe to probe.
_TIMES, _BETWEEN = 3, 0.25
#: Who wants the processor, or was stopped, and gets less than this part of it is kept from working, not hung.
_STARVED = 0.2
_WANTS_TO_RUN = (psutil.STATUS_RUNNING, psutil.STATUS_STOPPED)


def answer_on(pipe: int) -> None:
    """In the prober: whenever it is asked, write the name of the probe whose code runs then, or an empty line."""
    os.set_inheritable(pipe, False)

    def tell(_number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.write(pipe, f"{LOOKING.get()}\n".encode())

    signal.signal(_ASK, tell)


async def whose(process: "subprocess.Popen[bytes]", pipe: int) -> str:
    """In the service: ask a process that hangs; the name of the probe, or nothing when it does not say.

    Nobody is named by a process that starves, or that names one probe now and another then: a probe that is innocent
    must not be set aside, as it may be the one that sees the outage.
    """
    os.set_blocking(pipe, False)
    loop = asyncio.get_running_loop()
    try:
        watched = psutil.Process(process.pid)
        began, before = loop.time(), sum(watched.cpu_times()[:2])
        names = {await _asked(process, pipe)}
        for _ in range(_TIMES - 1):
            await asyncio.sleep(_BETWEEN)
            names.add(await _asked(process, pipe))
        used = (sum(watched.cpu_times()[:2]) - before) / (loop.time() - began)
        starves = watched.status() in _WANTS_TO_RUN and used < _STARVED
    except psutil.Error:  # it ended by itself
        return ""
    return "" if starves or len(names) > 1 else names.pop()


async def _asked(process: "subprocess.Popen[bytes]", pipe: int) -> str:
    process.send_signal(_ASK)
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE
    while loop.time() < end:
        with contextlib.suppress(BlockingIOError):
            return os.read(pipe, _LONGEST_ANSWER).decode().partition("\n")[0]
        await asyncio.sleep(_NAP)
    return ""
