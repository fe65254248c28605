"""A prober: the process that looks and does nothing else, so that nothing of ours counts as the shop's latency."""

import asyncio
import contextlib
import ctypes
import faulthandler
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from monitor.allocator import give_memory_back
from monitor.prober.link import Link
from monitor.prober.looking import answer_on

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Look as the service says, on the inherited socket argv[1], for as long as the service argv[2] lives.

    argv[3] is the pipe on which to answer which probe's code runs.
    """
    give_memory_back()
    line, service = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    line.set_inheritable(False)
    _die_with(service)
    # Ctrl-C and systemd's stop reach every process of the group: the service hears them, and ends us in order.
    # (An ignored signal, unlike one that is handled, would also be ignored by the programs that probes start.)
    signal.signal(signal.SIGINT, _nothing)
    signal.signal(signal.SIGTERM, _nothing)
    # A prober that hangs is asked in which probe and where, before it is killed.
    answer_on(int(sys.argv[3]))
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    # When memory runs out, a probe that leaks goes first, not the pager.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(line))


def _nothing(_number: int, _frame: object) -> None:
    """A signal that is not for us."""


async def _serve(line: socket.socket) -> None:
    _, link = await asyncio.get_running_loop().create_unix_connection(Link, sock=line)
    await link.close(await link.stopped)


def _die_with(service: int) -> None:
    """Ask the kernel to end us when the service ends, however it ends."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != service:
        sys.exit("the service ended before its prober began")


if __name__ == "__main__":
    main()
