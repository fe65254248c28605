"""Reads a connection piece by piece: a line, so many bytes, everything up to a mark."""

import asyncio

from probes.net.errors import NetError
from probes.net.phases import Phases
from probes.net.wire import Wire

#: So many bytes may come while we wait for one piece.
MAX_PIECE = 1024 * 1024
_SHOWN = 60


class Stream:
    """Our side of a conversation with `where` over `wire`. Deadlines are the caller's; `phases` tells the current leg.

    Every read raises NetError when the other side hangs up first, or sends more than MAX_PIECE without an end.
    """

    def __init__(self, wire: Wire, phases: Phases, where: str) -> None:
        self._phases = phases
        self._where = where
        self._wire = wire
        self._buffer = b""
        self._ended = False
        self._paused = False
        self._more = asyncio.Event()
        wire.attach(self)

    def feed(self, data: bytes) -> None:
        """More bytes came. When nobody takes them, the other side is made to wait."""
        self._buffer += data
        if len(self._buffer) > MAX_PIECE and not self._paused:
            self._paused = True
            self._wire.pause()
        self._more.set()

    def closed(self, error: Exception | None) -> None:
        """The other side is gone."""
        self._ended = True
        self._more.set()

    def send(self, data: bytes) -> None:
        """Send."""
        self._wire.write(data)

    def forget(self) -> None:
        """Stop listening, and drop what came and was not asked for: before TLS, anybody may have slipped it in."""
        self._wire.detach()
        self._buffer = b""

    def listen(self) -> None:
        """Listen again."""
        self._wire.attach(self)

    async def line(self) -> str:
        """The next line, without its end."""
        return (await self.until(b"\n")).removesuffix(b"\r").decode("utf-8", "replace")

    async def until(self, mark: bytes) -> bytes:
        """Everything up to the mark, which is dropped."""
        while mark not in self._buffer:
            await self._wait()
        piece, _, self._buffer = self._buffer.partition(mark)
        return piece

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > MAX_PIECE:
            raise self.error(f"announced a piece of {count} bytes")
        while len(self._buffer) < count:
            await self._wait()
        piece, self._buffer = self._buffer[:count], self._buffer[count:]
        return piece

    def error(self, what: str, *, ours: bool = False) -> NetError:
        """The error that the other side did `what`."""
        return NetError(f"{self._phases.current}: {self._where} {what}", self._phases.current, ours=ours)

    async def _wait(self) -> None:
        if self._ended:
            raise self.error(f"hung up after {self._buffer[:_SHOWN]!r}" if self._buffer else "hung up")
        if len(self._buffer) > MAX_PIECE:
            raise self.error(f"sent {MAX_PIECE} bytes without an end")
        if self._paused:
            self._paused = False
            self._wire.resume()
        self._more.clear()
        await self._more.wait()
