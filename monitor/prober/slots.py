"""When a probe is due: every probe has its own fixed moment in its interval, the same after every restart."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from probes.base import AnyProbe, ProbeSettings

#: A passive probe costs nothing to judge, so its silence is noticed this soon, however seldom its job reports.
_PASSIVE_INTERVAL = 15.0


class Reason(StrEnum):
    """Why a slot ended without a look."""

    STILL_RUNNING = "still_running"
    OVERLOAD = "overload"
    PROBER_DEAD = "prober_dead"
    SUSPENDED = "suspended"
    SET_ASIDE = "set_aside"


class Missed(NamedTuple):
    """So many slots of a probe that ended without a look."""

    probe: str
    reason: Reason
    slots: int


@dataclass(frozen=True, slots=True)
class Cadence:
    """A probe's slots: `phase + n * interval` for every whole n, in seconds of the schedule's clock."""

    interval: float
    phase: float

    def due(self, index: int) -> float:
        """When this slot is due."""
        return self.phase + index * self.interval

    def latest(self, now: float) -> int:
        """The newest slot that is due by now."""
        index = int((now - self.phase) // self.interval)
        if self.due(index) > now:  # a division of floats may be off by one slot, either way
            return index - 1
        return index + 1 if self.due(index + 1) <= now else index

    def first(self, now: float) -> int:
        """The first slot that is not yet past."""
        index = self.latest(now)
        return index if self.due(index) >= now else index + 1


def cadence(name: str, interval: float) -> Cadence:
    """The cadence of a probe: its phase is `hash(name) % interval`, by a hash that never changes."""
    nanos = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return Cadence(interval, nanos % round(interval * 1e9) / 1e9)


def interval(kind: type[AnyProbe], settings: ProbeSettings) -> float:
    """How often a probe of this kind looks, in seconds."""
    return min(settings.every, _PASSIVE_INTERVAL) if kind.passive else settings.every


def patience(timeout: float, interval: float) -> float:
    """How long a look may take: its timeout, but a little less where that is as long as the interval, lest every
    second slot find the look of the one before still running. In seconds."""
    return timeout if timeout > interval else min(timeout, interval - min(0.2, 0.1 * interval))


def is_late(late: float, interval: float) -> bool:
    """Whether a look that began `late` seconds after its slot counts as late: over 100 ms, or a tenth of a slot."""
    return late > min(0.1, 0.1 * interval)


def _boottime() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def suspended() -> float:
    """Seconds that this machine has spent asleep since it booted."""
    return _boottime() - time.monotonic()


def schedule_clock(offset: float) -> Callable[[], float]:
    """The clock of all schedules: monotonic, running on while the machine sleeps, shared by all our processes."""
    return lambda: offset + _boottime()


def schedule_offset(wall: float) -> float:
    """What makes the schedule's clock begin at this wall-clock time (UTC), so that phases outlive restarts."""
    return wall - _boottime()
