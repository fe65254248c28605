"""A shard: one prober process as the service sees it, started, watched, and started again when it dies or hangs."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

from monitor.prober import wire
from monitor.prober.looking import whose
from monitor.prober.vitals import ShardVitals
from probes.base import ProbeSettings

LOG = logging.getLogger(__name__)

_TICK = 1.0
#: A prober that shows no sign of life for so many ticks hangs; while it starts, it may take this many.
_HUNG_AFTER = 5
_START_WITHIN = 30
#: A prober that dies is started again at once; one that did not live this long waits, longer each time.
_HEALTHY = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_TIME_TO_TELL_WHERE = 0.2

#: Told which probe hung the process, just before the next one starts.
Hung = Callable[[str], None]
#: A verb and its words from the prober: `told`, `scheduled` or `pulse`.
Hear = Callable[["Shard", str, list[Any]], None]


class _Line(asyncio.Protocol):
    """The service's end of the socket pair."""

    def __init__(self, hear: Callable[[str, list[Any]], None]) -> None:
        self.ended = asyncio.get_running_loop().create_future()
        self.silent_ticks = 0
        self.heard_once = False
        self._hear = hear
        self._frames = wire.Frames()

    def data_received(self, data: bytes) -> None:
        self.silent_ticks = 0
        self.heard_once = True
        for frame in self._frames.feed(data):
            verb, *words = wire.read_news(frame)
            self._hear(verb, words)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class Shard:
    """One prober process and its probes. `lost` is called about each second while there is no process.

    `once` means that no other process is started when the first has ended.
    """

    def __init__(
        self,
        number: int,
        begin: bytes,
        hear: Hear,
        lost: Callable[["Shard"], None],
        hung: Hung = lambda probe: None,
        once: bool = False,
    ) -> None:
        self.number = number
        self.vitals = ShardVitals()
        self.probes: tuple[tuple[str, ProbeSettings], ...] = ()
        self._begin = begin
        self._hear = hear
        self._lost = lost
        self._hung = hung
        self._once = once
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process' id, while there is one."""
        return self.vitals.pid

    def start(self) -> None:
        """Keep a process running from now on."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def apply(self, probes: Iterable[tuple[str, ProbeSettings]]) -> None:
        """Look after exactly these probes, each given by its kind's import path and its settings."""
        self.probes = tuple(probes)
        if self._transport is not None:
            self._transport.write(wire.order("apply", self.probes))

    def look(self, name: str) -> None:
        """Look at a probe at once, if there is a process to do it."""
        if self._transport is not None:
            self._transport.write(wire.order("look", name))

    async def stop(self, grace: float) -> None:
        """Ask the process to end within `grace` seconds, and see to it."""
        self._stopping = True
        if self._task is None:
            return
        if self._transport is not None:
            self._transport.write(wire.order("stop", grace))
            await asyncio.wait([self._task], timeout=grace + 2.0)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _keep(self) -> None:
        deaths = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            end, culprit = await self._serve()
            if self._stopping:
                return
            lived = loop.time() - began
            if self._once:
                LOG.error("prober %d, of one probe, %s after %.1f s", self.number, end, lived)
                self._lost(self)
                return
            deaths = 1 if lived >= _HEALTHY else deaths + 1
            pause = 0.0 if deaths == 1 else min(_FIRST_PAUSE * 2 ** (deaths - 2), _LONGEST_PAUSE)
            LOG.error("prober %d %s after %.1f s; it starts again in %.2f s", self.number, end, lived, pause)
            if culprit:
                self._hung(culprit)
            await self._be_without(pause)

    async def _be_without(self, pause: float) -> None:
        self._lost(self)
        while pause > 0:
            await asyncio.sleep(min(pause, _TICK))
            pause -= _TICK
            self._lost(self)

    async def _serve(self) -> tuple[str, str]:
        """Run one process to its end; answers how that came, for the log, and which probe hung it, if one did."""
        try:
            process, ours, answers = _spawn()
        except OSError as error:
            self.vitals.restarts["died"] += 1
            return f"could not be started ({error.strerror})", ""
        line = _Line(lambda verb, words: self._hear(self, verb, words))
        transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: line, sock=ours)
        self._transport = transport
        self.vitals.pid = process.pid
        try:
            self._transport.write(self._begin + wire.order("apply", self.probes))
            hung = await self._watch(line, process)
            culprit = await _ask(process, answers) if hung else ""
        finally:
            os.close(answers)
            self._transport = None
            self.vitals.ended()
            transport.abort()
            process.kill()
            code = await asyncio.shield(asyncio.to_thread(process.wait))
        if not self._stopping:
            self.vitals.restarts["hung" if hung else "died"] += 1
        if hung:
            return f"hung in the probe {culprit}" if culprit else "hung", culprit
        return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}", ""

    async def _watch(self, line: _Line, process: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of a process; True if it hangs.

        Only ticks in which this loop was free to listen count, so a busy service never takes its prober for hung.
        """
        while not line.ended.done():
            await asyncio.wait([line.ended], timeout=_TICK)
            line.silent_ticks += 1
            if line.silent_ticks > (_HUNG_AFTER if line.heard_once else _START_WITHIN):
                return True
        return False


async def _ask(process: subprocess.Popen[bytes], answers: int) -> str:
    """Which probe a process hangs in; where exactly, its faulthandler writes to the log."""
    culprit = await whose(process, answers)
    process.send_signal(signal.SIGUSR1)
    await asyncio.sleep(_TIME_TO_TELL_WHERE)
    return culprit


def _spawn() -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    """Start a prober process at one end of a socket pair; answers the other end, and that of its pipe for `whose`.

    The thread that calls this must outlive the process.
    """
    ours, theirs = socket.socketpair()
    answers, pipe = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor.prober.child", str(theirs.fileno()), str(os.getpid()), str(pipe)],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno(), pipe],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except OSError:
        ours.close()
        os.close(answers)
        raise
    finally:
        theirs.close()
        os.close(pipe)
    ours.setblocking(False)
    return process, ours, answers
