"""A bell that rings for every open page when something has happened."""

import asyncio


class Bell:
    """Any number may wait for the next ring. Belongs to one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        #: Nobody will ring any more: whoever waits should go.
        self.closed = False

    def ring(self) -> None:
        """Something happened. Call it in the event loop."""
        self._rung.set()
        self._rung = asyncio.Event()

    def close(self) -> None:
        """Ring for the last time."""
        self.closed = True
        self.ring()

    async def wait(self, seconds: float) -> bool:
        """Wait for the next ring; answers whether it came in time."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return False
        return True
