"""The rounds: every look begins when it is due, and every slot is accounted for, whatever happens to it."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from monitor.prober.heap import TimerHeap
from monitor.prober.lag import LoopLag
from monitor.prober.look import let_go, look, new_run, prepare
from monitor.prober.slots import Reason, cadence, interval, patience, suspended
from probes.base import AnyProbe, Beat, Finding, Outcome, ProbeSettings, Sample

#: The loop looks up at least this often, so that a night's sleep of the machine is noticed.
_LONGEST_NAP = 1.0
#: Timers of the event loop count in milliseconds.
_SHORTEST_NAP = 0.001
_SUSPENDED = 0.5
#: A first slot further off than this is not waited for; such early looks are spread over so many seconds.
_LONG_WAIT, _SPREAD = 20.0, 10.0
#: A look may take this much longer than its probe's patience.
_OVERTIME = 0.1
#: Between a failure and the next look lies at least this part of `while_failing`.
_BREATH = 0.2


class Seen(NamedTuple):
    """A look that ended: `due` is a time of the schedule's clock, `late` and `duration` are seconds.

    An `extra` look serves no slot. `run_id` is empty when the probe could not even be made.
    """

    probe: str
    due: float
    late: float
    duration: float
    finding: Finding
    extra: bool = False
    run_id: str = ""


class Report(Protocol):
    """Who is told how slots end."""

    def seen(self, seen: Seen) -> None:
        """A look ended."""

    def missed(self, probe: str, reason: Reason, count: int) -> None:
        """So many slots ended without a look."""


class _Watch:
    """One probe on the rounds; it is made and opened just before its first look."""

    __slots__ = ("kind", "patience", "probe", "settings")

    def __init__(self, kind: type[AnyProbe], settings: ProbeSettings) -> None:
        self.kind = kind
        self.settings = settings
        self.probe: AnyProbe | None = None
        self.patience = patience(settings.timeout, interval(kind, settings))


#: When we began to expect a passive probe's job (wall clock), and its newest report.
Beats = Callable[[str], tuple[float, Beat | None]]


def no_beats(probe: str) -> tuple[float, Beat | None]:
    """No job ever reported."""
    return 0.0, None


class Rounds:
    """Looks after a set of probes on the running event loop.

    `clock` is the schedule's clock; at most `limit` looks run at once, and a slot that finds no room waits for one
    until the next slot of the same probe is due. `asleep` is how long the machine has been suspended, in seconds.
    """

    def __init__(
        self,
        report: Report,
        clock: Callable[[], float],
        location: str = "",
        limit: int = 2000,
        beats: Beats = no_beats,
        asleep: Callable[[], float] = suspended,
    ) -> None:
        self._report = report
        self._clock = clock
        self._location = location
        self._limit = limit
        #: While held, slots end as missed: nobody would read what the looks find.
        self.held = False
        self._beats = beats
        self._loop = asyncio.get_running_loop()
        self._heap = TimerHeap()
        self._watches: dict[str, _Watch] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, float] = {}
        self._again: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._asleep = asleep
        self._slept = asleep()
        self._turned = clock()
        self.lag = LoopLag(self._loop)

    @property
    def running(self) -> int:
        """How many looks run now."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many looks are due and wait for room."""
        return len(self._waiting)

    def apply(self, probes: Iterable[tuple[type[AnyProbe], ProbeSettings]]) -> dict[str, float]:
        """Look after exactly these probes; answers when the first slot of each newly scheduled one is due.

        A probe whose settings did not change is left alone, and one that keeps its interval keeps its slots. A look
        that is running ends in peace: what it began in a shop, it must also be able to clean up.
        """
        wanted = {settings.name: (kind, settings) for kind, settings in probes}
        for name in [name for name in self._watches if name not in wanted]:
            self._heap.drop(name)
            self._waiting.pop(name, None)
            self._retire(name, self._watches.pop(name))
        first_due = {}
        for name, (kind, settings) in wanted.items():
            old = self._watches.get(name)
            if old is None or old.settings != settings:
                self._watches[name] = _Watch(kind, settings)
                if old is not None:
                    self._retire(name, old)
            due = self._heap.put(name, cadence(name, interval(kind, settings)), self._clock())
            if due is not None:
                first_due[name] = due
                self._look_early(name, due - self._clock())
                if self._waiting.pop(name, None) is not None:
                    self._report.missed(name, Reason.OVERLOAD, 1)
        self._arm()
        return first_due

    def look_now(self, name: str) -> None:
        """Look at one probe at once, beside its slots, unless it is being looked at.

        An extra look must cost no slot: it is left out where it might still run when the next slot is due, and while
        half of the room is taken. A passive probe's verdict is a matter of microseconds, and is always given.
        """
        watch = self._watches.get(name)
        if watch is None or name in self._running or name in self._waiting or not self._limit:
            return
        now = self._clock()
        if watch.kind.passive or (self._has_spare_room() and self._fits(name, watch, now)):
            self._start(name, now, extra=True)

    def _fits(self, name: str, watch: _Watch, begin: float) -> bool:
        """Whether an extra look that begins then is over when the next slot is due, however long it takes."""
        return begin + watch.patience + _OVERTIME < self._heap.due(name)

    def _has_spare_room(self) -> bool:
        return not self.held and not self._waiting and len(self._running) < (self._limit + 1) // 2

    def _look_again(self, name: str, watch: _Watch, due: float) -> None:
        """A probe that is down is looked at again sooner than its next slot."""
        now, pause = self._clock(), watch.settings.every_while_failing
        begin = max(due + pause, now + _BREATH * pause)
        if pending := self._again.pop(name, None):
            pending.cancel()
        if not watch.kind.passive and self._fits(name, watch, begin):
            self._again[name] = self._loop.call_later(begin - now, self._look_beside, name, watch)

    def _look_beside(self, name: str, watch: _Watch) -> None:
        self._again.pop(name, None)
        if self._watches.get(name) is watch:
            self.look_now(name)

    def _look_early(self, name: str, wait: float) -> None:
        """Nobody should wait an hour for a probe's first word: one whose first slot is far off looks once before."""
        if wait > _LONG_WAIT:
            self._loop.call_later(wait % _SPREAD, self.look_now, name)

    async def close(self, grace: float) -> None:
        """Begin no more looks; give those that run `grace` seconds to end, then cut them off."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self._limit = 0
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=grace)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        for watch in self._watches.values():
            await self._close(watch)
        self._watches.clear()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._heap.next_due()
        if due is None:
            self._timer = None
            return
        nap = min(max(due - self._clock(), _SHORTEST_NAP), _LONGEST_NAP)
        self._timer = self._loop.call_later(nap, self._turn)

    def _turn(self) -> None:
        now = self._clock()
        # A machine that slept for long has made this turn late: only then is the kernel asked.
        reason = self._why_late() if now - self._turned > _SUSPENDED else Reason.OVERLOAD
        self._turned = now
        for probe, due, skipped in self._heap.take(now):
            if skipped:
                self._report.missed(probe, reason, skipped)
            self._begin(probe, due)
        self._arm()

    def _why_late(self) -> Reason:
        slept, self._slept = self._slept, self._asleep()
        return Reason.SUSPENDED if self._slept - slept > _SUSPENDED else Reason.OVERLOAD

    def _begin(self, name: str, due: float) -> None:
        if name in self._running:
            self._report.missed(name, Reason.STILL_RUNNING, 1)
        elif self.held:
            self._report.missed(name, Reason.OVERLOAD, 1)
        elif name in self._waiting:
            self._report.missed(name, Reason.OVERLOAD, 1)
            self._waiting[name] = due
        elif len(self._running) >= self._limit:
            self._waiting[name] = due
        else:
            self._start(name, due)

    def _start(self, name: str, due: float, extra: bool = False) -> None:
        if not self._running:
            self.lag.begin()
        self._running[name] = self._loop.create_task(self._look(name, self._watches[name], due, extra))

    async def _look(self, name: str, watch: _Watch, due: float, extra: bool) -> None:
        late = max(0.0, self._clock() - due)
        try:
            finding, duration, run_id = await self._find(name, watch)
            self._report.seen(Seen(name, due, late, duration, finding, extra, run_id))
        finally:
            self._ended(name)
        if self._watches.get(name) is not watch:
            await self._close(watch)
        elif finding.outcome is Outcome.DOWN:
            self._look_again(name, watch, due)

    async def _find(self, name: str, watch: _Watch) -> tuple[Finding, float, str]:
        if watch.probe is None:
            made = await prepare(watch.kind, watch.settings)
            if isinstance(made, Finding):
                return made, 0.0, ""
            watch.probe = made
        since, beat = self._beats(name)
        run = new_run(watch.patience, time.time(), self._location, beat, since)
        began, started = self._loop.time(), time.perf_counter()  # uvloop's own clock counts in milliseconds
        finding = await look(watch.probe, run)
        duration = round(time.perf_counter() - started, 6)  # decimals are kept in a third of the room
        lag = self.lag.worst_since(began)
        if lag:
            mark = Sample("probe_prober_lag_seconds", lag)
            finding = Finding(finding.outcome, finding.reason, (*finding.samples, mark), finding.evidence)
        return finding, duration, run.run_id

    def _ended(self, name: str) -> None:
        del self._running[name]
        while self._waiting and len(self._running) < self._limit:
            waiting = next(iter(self._waiting))
            self._start(waiting, self._waiting.pop(waiting))
        if not self._running:
            self.lag.end()

    def _retire(self, name: str, watch: _Watch) -> None:
        """Close a probe that is no longer wanted; one that is looking closes itself when it is done."""
        if name not in self._running:
            task = self._loop.create_task(self._close(watch))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close(self, watch: _Watch) -> None:
        if watch.probe is not None:
            probe, watch.probe = watch.probe, None
            await let_go(probe)


def settle_memory() -> None:
    """Let the garbage collector forget what stays for good, so that its passes never stop a look for long."""
    gc.collect()
    gc.freeze()
