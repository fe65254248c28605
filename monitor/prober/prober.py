"""The prober as the service sees it: give it the probes, and it tells what they find and which slots were missed."""

import logging
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from monitor.prober import wire
from monitor.prober.isolation import Isolation, Word
from monitor.prober.ledger import Ledger
from monitor.prober.rounds import Beats, Rounds, Seen, no_beats
from monitor.prober.shard import Shard
from monitor.prober.slots import Cadence, Missed, Reason, cadence, interval, schedule_clock, schedule_offset
from monitor.prober.vitals import ProberVitals
from probes import KINDS
from probes.base import AnyProbe, Evidence, Finding, Outcome, ProbeSettings, Result
from probes.registry import Registry

LOG = logging.getLogger(__name__)


class Prober:
    """Runs probes in `probers` processes, and judges passive ones here, from their jobs' reports.

    `on_results` and `on_missed` are called on the service's event loop with a batch each. `beats` answers for a passive
    probe since when we expect its job and its newest report. `clock` is the wall clock: it sets the phase of all slots
    once, and dates results. Slots themselves are monotonic, so stepping the clock neither repeats nor skips any.
    """

    def __init__(
        self,
        probes: Iterable[ProbeSettings],
        location: str,
        on_results: Callable[[list[Result]], None],
        on_missed: Callable[[list[Missed]], None],
        probers: int = 1,
        beats: Beats = no_beats,
        kinds: Registry = KINDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        offset = schedule_offset(clock())
        self._now = schedule_clock(offset)
        self._wall = clock
        self._location = location
        self._on_results = on_results
        self._on_missed = on_missed
        self._beats = beats
        self._kinds = kinds
        self._ledger = Ledger()
        begin = wire.order("begin", offset, location, LOG.getEffectiveLevel())
        self.shards = [Shard(number, begin, self._hear, self._lost, self._hung) for number in range(probers)]
        self._isolation = Isolation(
            self._placed,
            lambda ended: Shard(probers, begin, self._hear, ended, once=True),
            self._idle,
            self._deal,
            self._now,
        )
        self.vitals = ProberVitals(self.shards, self._isolation.known)
        self._passive: Rounds | None = None
        self._probes: dict[str, tuple[type[AnyProbe], ProbeSettings]] = {}
        self._share(probes)

    async def start(self) -> None:
        """Start the processes. Call this in the thread that lives as long as the service: they die with it."""
        self._passive = Rounds(self, self._now, self._location, beats=self._beats)
        self._passive.apply(self._of_passive())
        for shard in self.shards:
            shard.start()

    async def stop(self, grace: float = 2.0) -> None:
        """Begin no more looks, give those that run `grace` seconds to end, and end the processes."""
        if self._passive is not None:
            await self._passive.close(grace)
        await self._isolation.stop()
        for shard in self.shards:
            await shard.stop(grace)

    def apply(self, probes: Iterable[ProbeSettings]) -> None:
        """Look after exactly these probes from now on; unchanged ones keep their slots and counts."""
        self._share(probes)
        if self._passive is not None:
            self._passive.apply(self._of_passive())

    def look_now(self, name: str) -> None:
        """Look at a probe at once, beside its slots: there is reason to. A passive one's job has just reported."""
        if name in self._probes and self._passive is not None:
            if self._probes[name][0].passive:
                self._passive.look_now(name)
            else:
                self.shards[_share_of(name, len(self.shards))].look(name)

    def _share(self, probes: Iterable[ProbeSettings]) -> None:
        old = self._probes
        self._probes = {settings.name: (self._kinds.get(settings.type), settings) for settings in probes}
        for name in old.keys() - self._probes.keys():
            self._ledger.close(name)
            self._isolation.forget(name)
        for name, probe in self._probes.items():
            if old.get(name, probe) != probe:
                self._isolation.free(name)
        self._deal()

    def _deal(self) -> None:
        """Give each process its share of the probes; who is set aside belongs to none."""
        shares: list[list[tuple[str, ProbeSettings]]] = [[] for _ in self.shards]
        for name, (kind, _) in self._probes.items():
            if not kind.passive and not self._isolation.holds(name):
                shares[_share_of(name, len(shares))].append(self._placed(name))
        for shard, share in zip(self.shards, shares, strict=True):
            shard.apply(share)

    def _placed(self, name: str) -> tuple[str, ProbeSettings]:
        """A probe as a shard wants it."""
        kind, settings = self._probes[name]
        return f"{kind.__module__}:{kind.__qualname__}", settings

    def _of_passive(self) -> list[tuple[type[AnyProbe], ProbeSettings]]:
        return [(kind, settings) for kind, settings in self._probes.values() if kind.passive]

    def seen(self, seen: Seen) -> None:
        """A passive probe was judged."""
        if seen.probe in self._probes:
            self._pass_on([self._result(seen, self._wall() - self._now())])

    def missed(self, probe: str, reason: Reason, count: int) -> None:
        """A passive probe's slots ended without a verdict."""
        self._tell_missed([Missed(probe, reason, count)])

    def _hear(self, shard: Shard, verb: str, words: list[Any]) -> None:
        take: dict[str, Callable[..., None]] = {"told": self._told, "scheduled": self._scheduled, "pulse": self._pulse}
        take[verb](shard, *words)

    def _told(self, shard: Shard, results: list[wire.Plain], missed: list[tuple[str, str, int]]) -> None:
        shift = self._wall() - self._now()
        told = []
        for probe, due, late, duration, extra, run_id, *found in results:
            if probe in self._probes:
                if not extra:
                    self._ledger.account(probe, due=due)
                    shard.vitals.began(late)
                seen = Seen(probe, due, late, duration, wire.finding(*found), extra, run_id)
                told.append(self._result(seen, shift))
                self._isolation.looked(probe)
        if told:
            self._pass_on(told)
        for probe, _, count in missed:
            self._ledger.account(probe, count)
        if missed:
            self._tell_missed([Missed(probe, Reason(why), count) for probe, why, count in missed])

    def _scheduled(self, shard: Shard, first_due: dict[str, float]) -> None:
        lost = []
        for name, due in first_due.items():
            if name in self._probes:
                lost.append(Missed(name, Reason.PROBER_DEAD, self._ledger.open(name, self._cadence(name), due)))
        self._tell_missed(lost)
        if shard not in self.shards:  # it is being tried, and should not wait for its slot
            for name in first_due:
                shard.look(name)

    def _pulse(self, shard: Shard, *vitals: Any) -> None:
        shard.vitals.pulse(*vitals)

    def _lost(self, shard: Shard) -> None:
        now, lost = self._now(), []
        for _, settings in shard.probes:
            name = settings.name
            if not self._ledger.knows(name):  # its prober died before it was scheduled even once
                slots = self._cadence(name)
                self._ledger.open(name, slots, slots.due(slots.first(now)))
            lost.append(Missed(name, Reason.PROBER_DEAD, self._ledger.settle(name, now)))
        self._tell_missed(lost)

    def _hung(self, name: str) -> None:
        if name in self._probes and self._isolation.hung(name):
            self._deal()

    def _idle(self, name: str, word: Word | None) -> None:
        """A probe that is set aside gets no looks: its slots are missed, and how it is cannot be known."""
        if not self._ledger.knows(name):  # it hung its process before it was scheduled even once
            slots = self._cadence(name)
            self._ledger.open(name, slots, slots.due(slots.first(self._now())))
        self._tell_missed([Missed(name, Reason.SET_ASIDE, self._ledger.settle(name, self._now()))])
        if word is not None:
            finding = Finding(Outcome.UNKNOWN, word.sentence, evidence=Evidence(word.sentence))
            self._pass_on([self._result(Seen(name, word.at, 0.0, 0.0, finding, True), self._wall() - self._now())])

    def _cadence(self, name: str) -> Cadence:
        kind, settings = self._probes[name]
        return cadence(name, interval(kind, settings))

    def _result(self, seen: Seen, shift: float) -> Result:
        kind = self._probes[seen.probe][1].type
        _, due, late, duration, finding, extra, run_id = seen
        return Result(seen.probe, kind, due + shift, late, duration, finding, extra, run_id)

    def _pass_on(self, results: list[Result]) -> None:
        try:
            self._on_results(results)
        except Exception:  # the service's trouble must not look like the prober's, and cost us its process
            LOG.exception("%d results could not be taken in", len(results))

    def _tell_missed(self, missed: list[Missed]) -> None:
        missed = [some for some in missed if some.slots]
        try:
            if missed:
                self._on_missed(missed)
        except Exception:
            LOG.exception("the missed slots of %d probes could not be taken in", len(missed))


def _share_of(name: str, shares: int) -> int:
    """Which process looks after a probe: always the same one, so that a reload moves nothing."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"shard").digest(), "big") % shares
