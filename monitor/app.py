"""The service: every room is built here, wired to the next, started in order and stopped in reverse."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from alerts.alert import Alert
from alerts.notifiers import CHANNELS, IMPLIED
from alerts.notifiers.base import AnyNotifier
from alerts.promql import Engine, Limits
from alerts.promql.stale import STALE
from alerts.rule import RuleGroup
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings as RuleSurroundings
from alerts.standby import Standby
from monitor.archive import RETIRE, Archive
from monitor.baseline import Baseline
from monitor.case import Surroundings
from monitor.config import FIXED, Changes, Config, ConfigError, diff, load, share
from monitor.deadman import Deadman
from monitor.desk import Desk
from monitor.duty import duty_of
from monitor.errands import Errands
from monitor.evaluator import Evaluator
from monitor.facts import Facts
from monitor.heartbeats import Heartbeats
from monitor.history import History
from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.outcry import Outcry
from monitor.pager import Pager
from monitor.perch import Perch
from monitor.prober.prober import Prober
from monitor.prober.slots import interval
from monitor.rulekeeper import RuleKeeper
from monitor.rulesource import rule_groups
from monitor.samples import Samples
from monitor.schedule import Appointment, Schedule
from monitor.selfwatch import watch
from monitor.soundness import faults
from monitor.store import Store, incidents
from monitor.store.retention import forget
from monitor.verifications import Verifications
from monitor.web.bell import Bell
from probes import KINDS
from probes.base import Labels, ProbeSettings

log = logging.getLogger(__name__)

#: How often rules are evaluated whose group names no interval, and series that nothing refreshed are looked after.
RULE_INTERVAL = REFRESH = 15.0
#: When old incidents are forgotten.
FORGET = "40 3 * * *"
#: How long one delivery of alerts to the desk may take before it counts as failed and is told again.
_DESK_SECONDS = 30.0


class Shopwatch:
    """One running service. `path` is where its config came from, and comes from again at a reload; `instead` holds what
    the command line said in place of it.

    Raises StoreError when the store cannot be opened.
    """

    def __init__(
        self,
        config: Config,
        path: Path,
        instead: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config, self.path, self.clock = config, path, clock
        self._instead = dict(instead or {})
        self.reload_ok, self.reloaded_at = True, clock()
        self.started_at = clock()
        self._probes: dict[str, ProbeSettings] = {}
        self._stack = AsyncExitStack()
        self._reloading = asyncio.Lock()
        self.bell = Bell()
        shard = "" if config.part.alone else str(config.part.number)
        self.exposition = Exposition(config.location, shard=shard)
        self.samples, self.latest = Samples(), Latest()
        self.history = History(self.samples)
        registry = self.exposition.registry
        self.store = Store(config.store, config.store_password)
        self.archive = Archive(self.samples, self.store, config.standpoint, clock)
        self.engine = Engine(self.archive.storage, clock=time.monotonic, limits=Limits(seconds=10.0))
        self.heartbeats = Heartbeats(self.store, clock)
        self.verifications = Verifications(self.store, (), clock, lambda _: self._changed_elsewhere())
        self.schedule = Schedule(clock)
        self.facts = Facts(self.latest, self.samples, self.verifications, self._interval, config.here, clock)
        self.pager = Pager(
            self.store,
            (),
            roster=lambda: self.config.oncall.roster,
            external_url=config.url,
            command_url=config.command_url,
            clock=clock,
            registry=registry,
        )
        self.outcry = Outcry(lambda: self.pager.notifiers, lambda: self.desk.duty, clock)
        self.desk = Desk(
            self.store,
            duty_of(config),
            clock=clock,
            registry=registry,
            surroundings=Surroundings(
                evidence=self.facts.evidence,
                quiet=self.facts.quiet,
                doubt=lambda alert: self.evaluator.doubt(alert),  # noqa: PLW0108 - it is made below
            ),
            wake=self.pager.wake,
            outcry=self.outcry,
        )
        self.baseline = Baseline(query_of(self.engine), clock)
        self.standby = Standby(config.prometheus, clock())
        self.evaluator = Evaluator(
            query_of(self.engine),
            self._record,
            self._alert,
            clock=clock,
            keeper=RuleKeeper(self.store),
            heard=lambda probe: self._interval(probe) is None or self.latest.result(probe) is not None,
            around=RuleSurroundings(external_url=config.url),
            says=lambda alert: self.standby.says(alert, clock()),
        )
        self.intake = Intake(self.exposition, self.samples, self.latest, self._changed, clock)
        self.perch = Perch(self.intake.take, lambda name: self.prober.look_now(name))  # noqa: PLW0108 - it is made below
        self.prober = Prober(
            (),
            config.location,
            self.perch.take,
            self.intake.missed,
            probers=config.probers,
            beats=self.heartbeats.of,
            clock=clock,
        )
        self.errands = Errands()
        self.deadman = Deadman(lambda: list(faults(self)), clock, registry)
        registry.register(self.prober.vitals)
        watch(self, registry)

    async def start(self) -> None:
        """Start everything: what tells people first, what finds trouble last."""
        self._loop = asyncio.get_running_loop()
        self._stack.callback(self.store.close)
        self.standby.recall(one.incident for one in await self.store.atransaction(incidents.unresolved))
        await self._apply(self.config, rule_groups(self.config, RULE_INTERVAL))
        await asyncio.to_thread(self.evaluator.adopt)  # before the desk's first look at what expired meanwhile
        for room in (
            self.pager,
            self.outcry,
            self.desk,
            self.verifications,
            self.archive,
            self.evaluator,
            self.schedule,
        ):
            await asyncio.to_thread(room.start)
            self._stack.push_async_callback(asyncio.to_thread, room.stop)
        self._stack.push_async_callback(self.errands.close)
        await self.prober.start()
        self._stack.push_async_callback(self.prober.stop)
        refreshing = asyncio.create_task(self._refresh_for_ever())
        self._stack.callback(refreshing.cancel)
        self._stack.callback(asyncio.create_task(self.deadman.run()).cancel)
        self._stack.callback(asyncio.create_task(self.baseline.run()).cancel)

    async def stop(self) -> None:
        """Stop everything in reverse. What was not told yet stays in the store, and is told after the next start."""
        await self._stack.aclose()

    async def reload(self) -> Changes:
        """Read the config again and apply what changed. Raises ConfigError; the old config then goes on."""
        async with self._reloading:
            try:
                whole = (await asyncio.to_thread(load, self.path)).model_copy(update=self._instead)
                config = share(whole, self.config.part)
                groups = await asyncio.to_thread(rule_groups, config, RULE_INTERVAL)
            except ConfigError:
                self.reload_ok = False
                raise
            changes = diff(self.config, config)
            kept = {name: getattr(self.config, name) for name in FIXED}
            await self._apply(config.model_copy(update=kept), groups)
            self.reload_ok, self.reloaded_at = True, self.clock()
            log.info("the config was read again: %s", changes)
            return changes

    async def _apply(self, config: Config, groups: tuple[RuleGroup, ...]) -> None:
        left = self._probes.keys() - {probe.name for probe in config.probes}
        self.facts.apply(groups, left)
        self.config = config
        self._probes = {probe.name: probe for probe in config.probes}
        await asyncio.to_thread(self.heartbeats.expect, [probe.name for probe in config.probes if _is_passive(probe)])
        self.latest.keep(probe.name for probe in config.probes)
        now = self.clock()
        self.intake.remember(self.exposition.configure(config.probes, now), now)
        self.standby.apply(config.prometheus, now)
        self.deadman.apply(config.deadman)
        self.baseline.calendar = config.calendar
        self.desk.duty = duty_of(config)
        self.desk.story_level = logging.DEBUG if _on_the_console(config) else logging.INFO
        self.pager.external_url = config.url
        self.pager.replace(_notifiers(config))
        await asyncio.to_thread(self.verifications.apply, config.backups)
        self.schedule.apply(self._appointments(config))
        self.archive.keep(groups)
        self.evaluator.apply(groups)
        self.perch.apply(config.canary, config.probes)
        self.prober.apply(config.probes)

    def _appointments(self, config: Config) -> list[Appointment]:
        def verify(name: str) -> Callable[[], None]:
            return lambda: self.verifications.request(name)

        return [
            Appointment("retire the archive", RETIRE, self.archive.retire),
            Appointment("forget old incidents", FORGET, self._forget),
            *(
                Appointment(f"verify {backup.name}", backup.verify.restore, verify(backup.name))
                for backup in config.backups
            ),
        ]

    def _forget(self) -> None:
        self.store.transaction(lambda connection: forget(connection, self.clock()))

    def heard(self, watchdog: Alert) -> None:
        """The Watchdog of a Prometheus in front has arrived: it lives."""
        self.standby.hear(watchdog, self.clock())

    def missing(self) -> str:
        """What is not ready yet, in a few words; empty when everything is."""
        waiting = [probe.name for probe in self.config.probes if self.latest.result(probe.name) is None]
        return f"{len(waiting)} probes have not looked yet" if waiting else ""

    def probe(self, name: str) -> ProbeSettings | None:
        """The settings of a probe of the present config."""
        return self._probes.get(name)

    def passive(self, name: str) -> ProbeSettings | None:
        """The settings of a probe that waits for a job's report."""
        probe = self.probe(name)
        return probe if probe is not None and _is_passive(probe) else None

    def _interval(self, name: str) -> float | None:
        probe = self.probe(name)
        return interval(KINDS.get(probe.type), probe) if probe else None

    def _record(self, labels: Labels, at_ms: int, value: float | None) -> bool:
        """Remember a sample that a rule made; None ends its series."""
        return self.samples.append(labels, at_ms, STALE if value is None else value)

    def _changed(self) -> None:
        self.evaluator.nudge()
        self.bell.ring()

    def _changed_elsewhere(self) -> None:
        self._loop.call_soon_threadsafe(self._remember_and_nudge)

    def _remember_and_nudge(self) -> None:
        self.intake.refresh()
        self._changed()

    def _alert(self, alerts: list[Alert]) -> None:
        """Hand alerts to the desk, and wait until they are decided: what fails is told again by the evaluator."""
        for answer in self.desk.submit(*alerts).result(_DESK_SECONDS):
            if isinstance(answer, Exception):
                raise answer
        self._loop.call_soon_threadsafe(self.bell.ring)

    async def _refresh_for_ever(self) -> None:
        while True:
            try:
                self.intake.refresh()
                self.heartbeats.listening()
                self.store.inspect()
            except Exception:  # one bad round must not end the rounds
                log.exception("the samples could not be refreshed")
            await asyncio.sleep(REFRESH)


def _is_passive(probe: ProbeSettings) -> bool:
    return bool(KINDS.get(probe.type).passive)


def _on_the_console(config: Config) -> bool:
    """Whether people read on the terminal what the log, which stands there too, would tell a second time."""
    return any(channel.type == IMPLIED for channel in config.notifiers)


def _notifiers(config: Config) -> list[AnyNotifier]:
    return [CHANNELS.get(settings.type)(settings) for settings in config.notifiers]
