"""A conversation in lines over one connection: wait for a line, send one, turn to TLS in the middle."""

import asyncio
from typing import Any

from pydantic import StrictStr, model_validator

from probes.net.errors import NetError
from probes.net.wire import Wire
from probes.pattern import Regex, regex
from probes.settings import Settings

#: So many bytes may come while we wait for one line.
MAX_HEARD = 1024 * 1024
_SHOWN = 200


class Turn(Settings):
    """One turn of a dialogue: exactly one of `expect`, `send`, `starttls`.

    `expect` (RE2) waits for a line that it matches somewhere, skipping others. `send` is sent as a line, ended by CRLF
    unless it ends in a line break already; `\\1` in it stands for the first group of the last `expect`.
    `starttls: true` shakes hands.
    """

    expect: Regex | None = None
    send: StrictStr | None = None
    starttls: bool = False

    @model_validator(mode="after")
    def _one_thing(self) -> "Turn":
        if sum((self.expect is not None, self.send is not None, self.starttls)) != 1:
            raise ValueError("write exactly one of expect, send and starttls in each turn")
        return self


def at_starttls(turns: tuple[Turn, ...]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """The turns before and after the one that turns to TLS."""
    place = next((number for number, turn in enumerate(turns) if turn.starttls), len(turns))
    return turns[:place], turns[place + 1 :]


class Dialogue:
    """Our side of a conversation. `heard` is the last line that came, `waiting_for` the pattern still expected, `ended`
    whether the other side has hung up.
    """

    def __init__(self, where: str) -> None:
        self.heard = ""
        self.waiting_for = ""
        self._where = where
        self._buffer = b""
        self.ended = False
        self._more = asyncio.Event()
        self._match: Any = None

    async def hold(self, wire: Wire, turns: tuple[Turn, ...]) -> None:
        """Go through these turns on a connection, then stop listening. What was said and not asked for is forgotten,
        so that nobody can slip an answer in before TLS.

        Raises NetError when the other side hangs up first; the caller sets the deadline.
        """
        wire.attach(self)
        try:
            for turn in turns:
                if turn.expect is not None:
                    await self._expect(turn.expect)
                elif turn.send is not None:
                    self._send(wire, turn.send)
        finally:
            wire.detach()
            self._buffer = b""

    def feed(self, data: bytes) -> None:
        """More bytes came."""
        if len(self._buffer) <= MAX_HEARD:
            self._buffer += data
        self._more.set()

    def closed(self, error: Exception | None) -> None:
        """The other side is gone."""
        self.ended = True
        self._more.set()

    async def _expect(self, pattern: str) -> None:
        """Wait for a line in which `pattern` is found; others are skipped."""
        self.waiting_for = pattern
        compiled = regex(pattern)
        while (line := await self._line()) is not None:
            self.heard = line
            match = compiled.search(line)
            if match:
                self._match, self.waiting_for = match, ""
                return
        raise NetError(f"dialogue: {self._where} hung up", "dialogue")

    async def _line(self) -> str | None:
        """The next line; what was said without a line break counts when the other side hangs up; None is the end."""
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if found or (self.ended and line):
                self._buffer = rest
                return line.removesuffix(b"\r").decode("utf-8", "replace")
            if self.ended:
                return None
            if len(self._buffer) > MAX_HEARD:
                raise NetError(f"dialogue: {self._where} sent {MAX_HEARD} bytes without a line break", "dialogue")
            self._more.clear()
            await self._more.wait()

    def _send(self, wire: Wire, text: str) -> None:
        if self._match is not None and "\\" in text:
            text = self._match.expand(text)
        wire.write((text if text.endswith("\n") else text + "\r\n").encode())

    def explain(self, error: NetError) -> str:
        """The error's sentence, with what was still expected and what had been said."""
        if error.phase != "dialogue" or not self.waiting_for:
            return str(error)
        said = f"the last line was {self.heard[:_SHOWN]!r}" if self.heard else "it had said nothing"
        return f"{error}; expected a line matching /{self.waiting_for}/, {said}"
