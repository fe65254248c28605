"""The service's end of errands: starts the process when it is first needed, and anew when it has died."""

import asyncio
import itertools
import json
import logging
import os
import socket
import sys
from dataclasses import dataclass
from typing import Any

from monitor.errands.line import LONGEST_LINE
from probes.blackbox.settings import BlackboxSettings

log = logging.getLogger(__name__)

#: So many may be under way at once; whoever asks for more is told to come again.
_MOST = 500
#: Seconds beyond an errand's own timeout after which its process counts as stuck.
_GRACE = 2.0


class ErrandFailed(Exception):
    """We could not look: too many errands at once, or their process is gone. The message says which."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What came back: the page of metrics, and why the probe failed, if it did."""

    page: str
    reason: str


class Errands:
    """Runs blackbox_exporter's modules in a process of their own. One event loop only."""

    def __init__(self) -> None:
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._starting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._told: BlackboxSettings | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    async def run(
        self, settings: BlackboxSettings, module: str, target: str, seconds: float, hostname: str = ""
    ) -> Errand:
        """Look at `target` as `module` says, for at most so many seconds.

        Raises ValueError for a target that makes no sense, ErrandFailed when we could not look.
        """
        if len(self._waiting) >= _MOST:
            raise ErrandFailed(f"{_MOST} probes are under way already")
        number, loop = next(self._ids), asyncio.get_running_loop()
        answer: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(seconds + _GRACE):
                writer = await self._line(settings)
                words = {"id": number, "module": module, "target": target, "seconds": seconds, "hostname": hostname}
                _send(writer, words)
                told = await answer
        except TimeoutError:
            await self.close()
            raise ErrandFailed("the process that probes is stuck, and is started anew") from None
        finally:
            self._waiting.pop(number, None)
        if "refused" in told:
            raise ValueError(told["refused"])
        if "failed" in told:
            raise ErrandFailed(told["failed"])
        return Errand(told["page"], told["reason"])

    async def _line(self, settings: BlackboxSettings) -> asyncio.StreamWriter:
        """The line to a living process that knows these settings."""
        async with self._starting:
            if self._writer is None:
                await self._start()
            assert self._writer is not None
            if self._told is not settings:
                _send(self._writer, {"modules": settings.text, "allow": settings.allow})
                self._told = settings
            return self._writer

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "monitor.errands.child",
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE)
        self._reading = asyncio.create_task(self._read(reader, self._process))

    async def _read(self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
        try:
            while line := await reader.readline():
                told = json.loads(line)
                waiting = self._waiting.get(told["id"])
                if waiting and not waiting.done():
                    waiting.set_result(told)
        except OSError:
            log.debug("the line to the process that probes broke")
        code = await process.wait()
        log.warning("the process that probes for /probe ended (%s); it is started anew when it is needed", code)
        self._forget()

    def _forget(self) -> None:
        if self._writer:
            self._writer.close()
        self._writer = self._told = self._process = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"failed": "the process that probes ended while it looked"})

    async def close(self) -> None:
        """End the process; the next errand starts another."""
        process, reading = self._process, self._reading
        if reading:
            reading.cancel()
        if process and process.returncode is None:
            process.kill()
            await process.wait()
        self._forget()


def _send(writer: asyncio.StreamWriter, words: dict[str, Any]) -> None:
    writer.write(json.dumps(words).encode() + b"\n")
