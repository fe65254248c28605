"""A connection to us: it has some seconds for each whole request, so that silent ones cannot keep others out."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Seconds for a whole request, from the beginning of the connection or the end of the answer before.
PATIENCE = 20.0


class Waiting:
    """The connections that have yet to send a whole request, by the address of their client, oldest first."""

    def __init__(self, most: int, patience: float = PATIENCE) -> None:
        """`most` is how many connections there may be, those with a request included; `patience` is in seconds."""
        self.most, self.patience = most, patience
        self._clients: dict[str, dict[Connection, None]] = {}

    def add(self, one: "Connection") -> None:
        """It waits from now on."""
        self.remove(one)
        self._clients.setdefault(one.address, {})[one] = None

    def remove(self, one: "Connection") -> None:
        """It waits no more."""
        theirs = self._clients.get(one.address, {})
        theirs.pop(one, None)
        if not theirs:
            self._clients.pop(one.address, None)

    def oldest(self) -> "Connection | None":
        """The one to end when there are too many: the oldest of the client that has the most of them."""
        theirs = max(self._clients.values(), key=len, default=None)
        return next(iter(theirs)) if theirs else None


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, which ends when no whole request comes in time, or room is needed for a newer one.

    Uvicorn itself waits for the rest of a request for ever, and counts such connections against `limit_concurrency`.
    """

    def __init__(self, *args: Any, waiting: Waiting, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting = waiting
        self._timer: TimerHandle | None = None

    @property
    def address(self) -> str:
        """The client's address."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # uvicorn narrows it so
        """Take the connection, in the place of one that waits if there are too many."""
        if len(self.connections) >= self._waiting.most and (other := self._waiting.oldest()):
            other.give_way()
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_complete(self) -> None:
        """A request is whole; if it was answered before that, we wait for the next already."""
        super().on_message_complete()
        if self.cycle and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """A request is answered; the next may have come in the meantime."""
        super().on_response_complete()
        next_is_whole = not self.cycle.response_complete and not self.cycle.more_body
        if not next_is_whole and not self.transport.is_closing():
            self._wait()

    def give_way(self) -> None:
        """End at once."""
        self._stop_waiting()
        self.connections.discard(self)  # it counts no more, though the loop closes it a moment later
        self.transport.abort()

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting.add(self)
        self._timer = self.loop.call_later(self._waiting.patience, self._lose_patience)

    def _stop_waiting(self) -> None:
        self._waiting.remove(self)
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _lose_patience(self) -> None:
        self._stop_waiting()
        self.transport.close()
