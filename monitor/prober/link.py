"""The prober's end of the line to the service: orders come in, batches of findings go out."""

import asyncio
import logging
import resource
from collections.abc import Callable
from importlib import import_module
from typing import cast

import psutil

from monitor.prober import wire
from monitor.prober.rounds import Rounds, Seen, settle_memory
from monitor.prober.slots import Reason, schedule_clock
from probes.base import AnyProbe, Finding, Outcome, ProbeSettings

#: Findings wait this long for company; one that changes the probe's outcome does not wait.
_BATCH = 0.025
_PULSE = 1.0
#: A service that leaves this much unread is told nothing more until it reads; slots are then missed, and counted.
_UNREAD = 8 << 20
_MOST_LOOKS = 2000


class Link(asyncio.Protocol):
    """Does the rounds as the service orders. `stopped` is set when it says stop (with seconds of grace) or is gone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[float] = self._loop.create_future()
        self._frames = wire.Frames()
        self._results: list[wire.Plain] = []
        self._missed: dict[tuple[str, str], int] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._paused = self._lives = False
        self._process = psutil.Process()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_UNREAD)

    def data_received(self, data: bytes) -> None:
        """Orders came in."""
        for frame in self._frames.feed(data):
            verb, *words = wire.read_order(frame)
            obey: dict[str, Callable[..., None]] = {"begin": self._begin, "apply": self._apply, "look": self._look}
            obey["stop"] = self._stop
            obey[verb](*words)

    def connection_lost(self, error: Exception | None) -> None:
        """The service is gone, so nobody would hear what we see."""
        self._stop(0.0)

    def pause_writing(self) -> None:
        """The service does not read."""
        self._paused = self._rounds.held = True

    def resume_writing(self) -> None:
        """The service reads again."""
        self._paused = self._rounds.held = False
        self._tell()

    def seen(self, seen: Seen) -> None:
        """A look ended."""
        outcome = seen.finding.outcome
        changed = self._outcomes.get(seen.probe) is not outcome
        self._outcomes[seen.probe] = outcome
        self._results.append(wire.plain(seen))
        self._tell_soon(0.0 if changed else _BATCH)

    def missed(self, probe: str, reason: Reason, count: int) -> None:
        """Slots ended without a look."""
        key = (probe, reason.value)
        self._missed[key] = self._missed.get(key, 0) + count
        self._tell_soon(_BATCH)

    async def close(self, grace: float) -> None:
        """End the rounds, and tell what is left to tell."""
        if hasattr(self, "_rounds"):
            await self._rounds.close(grace)
            self._tell()
        self._transport.close()

    def _begin(self, offset: float, location: str, log_level: int) -> None:
        for ours in ("monitor", "probes"):  # libraries stay at warnings: some log each request, with its URL
            logging.getLogger(ours).setLevel(log_level)
        self._rounds = Rounds(self, schedule_clock(offset), location, _room())

    def _apply(self, probes: list[tuple[str, ProbeSettings]]) -> None:
        names = {settings.name for _, settings in probes}
        self._outcomes = {name: outcome for name, outcome in self._outcomes.items() if name in names}
        first_due = self._rounds.apply((_kind(path), settings) for path, settings in probes)
        settle_memory()
        self._transport.write(wire.news("scheduled", first_due))
        if not self._lives:  # the first pulse comes after the first imports, which may take their time
            self._lives = True
            self._pulse()

    def _look(self, name: str) -> None:
        self._rounds.look_now(name)

    def _stop(self, grace: float) -> None:
        if not self.stopped.done():
            self.stopped.set_result(grace)

    def _tell_soon(self, delay: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._tell)
        elif delay == 0.0:
            self._timer.cancel()
            self._timer = self._loop.call_later(delay, self._tell)

    def _tell(self) -> None:
        self._timer = None
        if self._paused:
            return
        results, self._results = self._results, []
        missed = [(*key, count) for key, count in self._missed.items()]
        self._missed.clear()
        try:
            frame = wire.news("told", results, missed)
        except ValueError:
            frame = wire.news("told", list(map(_tellable, results)), missed)
        self._transport.write(frame)

    def _pulse(self) -> None:
        """Show the service that this loop turns, and what it costs."""
        self._loop.call_later(_PULSE, self._pulse)
        if not self._paused:
            with self._process.oneshot():
                cpu = self._process.cpu_times()
                size = self._process.memory_info().rss
            rounds = self._rounds
            self._transport.write(
                wire.news("pulse", rounds.lag.worst(), rounds.running, rounds.waiting, cpu.user + cpu.system, size)
            )


def _kind(path: str) -> type[AnyProbe]:
    module, _, name = path.partition(":")
    return cast(type[AnyProbe], getattr(import_module(module), name))


def _room() -> int:
    """How many looks may run at once: half of the file descriptors that we may open, as a look may need two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MOST_LOOKS + 100
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return max(1, min(_MOST_LOOKS, (limit - 100) // 2))


def _tellable(result: wire.Plain) -> wire.Plain:
    """The result itself, or why it cannot be told: a probe of an outside package may return anything."""
    try:
        wire.news(result)
    except ValueError:
        sentence = "could not look: the finding holds values other than texts and numbers"
        probe, due, late, duration, extra, run_id = result[:6]
        return wire.plain(Seen(probe, due, late, duration, Finding(Outcome.UNKNOWN, sentence), extra, run_id))
    return result
