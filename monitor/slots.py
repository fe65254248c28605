"""The times at which a rule group is due: every interval, at a phase fixed by its name."""

import hashlib
import math


class Slots:
    """A group's timetable in wall-clock seconds. As Group.EvalTimestamp in Prometheus, with a hash of our own.

    The first slot is the next one after `now`. `scheduled` counts every slot that has passed, `missed` those that were
    skipped because the one before took too long, or the clock stepped forward.
    """

    def __init__(self, key: str, interval: float, now: float) -> None:
        self._interval = interval
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        self._phase = int.from_bytes(digest) % max(1, round(interval * 1000)) / 1000
        self.next = self._after(now)
        self.scheduled = self.missed = 0

    def _after(self, now: float) -> float:
        return (math.floor((now - self._phase) / self._interval) + 1) * self._interval + self._phase

    def take(self, now: float) -> float | None:
        """The newest slot that is due by now, or None; what lies before it is missed. A clock set back starts anew."""
        if now < self.next:
            if self.next - now > 2 * self._interval:
                self.next = self._after(now)
            return None
        behind = math.floor((now - self.next) / self._interval)
        slot = self.next + behind * self._interval
        self.missed += behind
        self.scheduled += behind + 1
        self.next = slot + self._interval
        return slot
