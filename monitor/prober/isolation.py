"""Where a probe is kept that hangs its process again and again: no other probe shall lose its slots with it.

It is tried again from time to time, alone in a process of its own; a look that ends brings it back to the others.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from monitor.prober.quarantine import Quarantine
from monitor.prober.shard import Shard
from probes.base import ProbeSettings

LOG = logging.getLogger(__name__)

_TICK = 1.0
#: How often the word about a probe that is set aside is given again: after five minutes it would be out of date.
_AGAIN = 240.0

#: A probe as a shard wants it: its kind's import path, and its settings.
Kept = tuple[str, ProbeSettings]


class Word(NamedTuple):
    """What is to be said of a probe that is set aside: when it hung its process last, and a sentence."""

    at: float
    sentence: str


class Isolation:
    """Keeps the probes that are set aside, and tries one at a time.

    `idle` is called each second for each of them, now and then with a word about it; `back` when one may return to the
    others. `find` answers a probe by its name, and `trial` makes the shard in which it is tried: it is given what to
    call when its process has ended. `clock` is wall clock, UTC.
    """

    def __init__(
        self,
        find: Callable[[str], Kept],
        trial: Callable[[Callable[[Shard], None]], Shard],
        idle: Callable[[str, Word | None], None],
        back: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._find, self._trial, self._idle, self._back, self._clock = find, trial, idle, back, clock
        self._quarantine = Quarantine()
        self._said: dict[str, float] = {}
        self._known: set[str] = set()
        self._tried: tuple[str, Shard] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def known(self) -> dict[str, bool]:
        """Every probe that was ever set aside, and whether it is now."""
        return {name: self._quarantine.holds(name) for name in sorted(self._known)}

    def holds(self, name: str) -> bool:
        """Whether this probe is set aside."""
        return self._quarantine.holds(name)

    def hung(self, name: str) -> bool:
        """A probe hung its process; answers whether it is set aside from now on."""
        pause = self._quarantine.hung(name, self._clock())
        if not pause:
            return False
        LOG.error("the probe %s is set aside: %s", name, self._sentence(name))
        self._said.pop(name, None)
        self._known.add(name)
        if self._timer is None:
            self._tick()
        return True

    def looked(self, name: str) -> None:
        """A look of a probe ended; if it was being tried, it is free."""
        if self._quarantine and self._quarantine.looked(name):
            LOG.warning("the probe %s, which was set aside, looks again", name)
            self._end_trial(name)
            self._back()

    def free(self, name: str) -> None:
        """A probe was changed: what it did before counts no more."""
        self._quarantine.free(name)
        self._said.pop(name, None)
        self._end_trial(name)

    def forget(self, name: str) -> None:
        """A probe left the config."""
        self.free(name)
        self._known.discard(name)

    async def stop(self) -> None:
        """End what is being tried."""
        if self._timer is not None:
            self._timer.cancel()
        if self._tried is not None:
            self._end_trial(self._tried[0])
        if self._ending:
            await asyncio.wait(self._ending)

    def _tick(self) -> None:
        now, aside = self._clock(), self._quarantine.aside()
        for name in aside:
            if self._tried is not None and self._tried[0] == name:
                continue  # its slots are being served
            again = now - self._said.get(name, 0.0) >= _AGAIN
            if again:
                self._said[name] = now
            word = Word(self._quarantine.hung_at(name), self._sentence(name))
            self._idle(name, word if again else None)
        due = [name for name, until in aside.items() if until <= now]
        if due and self._tried is None:
            self._try(due[0])
        self._timer = asyncio.get_running_loop().call_later(_TICK, self._tick) if aside else None

    def _try(self, name: str) -> None:
        LOG.warning("the probe %s, which was set aside, is tried alone", name)
        shard = self._trial(lambda shard: self._failed(name, shard))
        shard.apply([self._find(name)])
        self._tried = name, shard
        shard.start()

    def _failed(self, name: str, shard: Shard) -> None:
        """The process in which a probe was tried ended before the look did: it hung again, or worse."""
        if self._tried == (name, shard):
            self._end_trial(name)
            self.hung(name)

    def _end_trial(self, name: str) -> None:
        if self._tried is None or self._tried[0] != name:
            return
        (_, shard), self._tried = self._tried, None
        task = asyncio.get_running_loop().create_task(shard.stop(0.0))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _sentence(self, name: str) -> str:
        at = time.strftime("%H:%M:%S", time.gmtime(self._quarantine.aside().get(name, 0.0)))
        return (
            f"could not look: its code hung the prober's process {self._quarantine.strikes(name)} times in a row, so it"
            f" is set aside until {at} UTC, and then tried again alone"
        )
