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

#: The probe whose look is being taken a step further. Tasks and callbacks that a look begins inherit it.
LOOKING: ContextVar[str] = ContextVar("looking", default="")

_ASK = signal.SIGUSR2
_PATIENCE, _NAP = 1.0, 0.02
_LONGEST_ANSWER = 4096


def answer_on(pipe: int) -> None:
    """In the prober: whenever it is asked, write the name of the probe whose code runs then, or an empty line."""
    os.set_inheritable(pipe, False)

    def tell(_number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.write(pipe, f"{LOOKING.get()}\n".encode())

    signal.signal(_ASK, tell)


async def whose(process: "subprocess.Popen[bytes]", pipe: int) -> str:
    """In the service: ask a process that hangs; the name of the probe, or nothing when it does not say."""
    os.set_blocking(pipe, False)
    process.send_signal(_ASK)
    loop = asyncio.get_running_loop()
    end = loop.time() + _PATIENCE
    while loop.time() < end:
        with contextlib.suppress(BlockingIOError):
            return os.read(pipe, _LONGEST_ANSWER).decode().partition("\n")[0]
        await asyncio.sleep(_NAP)
    return ""
