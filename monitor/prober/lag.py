"""How long the prober itself stood still: a number taken during that time is ours, not the shop's."""

import asyncio
from collections import deque

_TICK = 0.02
_WINDOW = 60.0
#: Lag below this is the machine's ordinary breathing, and is not told.
NOTICEABLE = 0.01


class LoopLag:
    """A tick that ought to come every 20 ms while looks are running; how late it comes is the event loop's lag."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._spikes: deque[tuple[float, float]] = deque(maxlen=1000)
        self._expected = 0.0
        self._wanted = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Tick from now on."""
        self._wanted = True
        if self._timer is None:
            self._arm()

    def end(self) -> None:
        """Tick no more after the next tick: nobody is looking, so nothing can be mistaken."""
        self._wanted = False

    def worst_since(self, since: float) -> float:
        """The longest standstill in seconds that ended after this time of the loop's clock; 0.0 if none to speak of."""
        worst = self._loop.time() - self._expected if self._timer is not None else 0.0
        for at, lag in reversed(self._spikes):
            if at < since:
                break
            worst = max(worst, lag)
        return worst if worst >= NOTICEABLE else 0.0

    def worst(self) -> float:
        """The longest standstill of the last minute, in seconds."""
        return self.worst_since(self._loop.time() - _WINDOW)

    def _arm(self) -> None:
        self._expected = self._loop.time() + _TICK
        self._timer = self._loop.call_at(self._expected, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if now - self._expected >= NOTICEABLE:
            self._spikes.append((now, now - self._expected))
        self._timer = None
        if self._wanted:
            self._arm()
