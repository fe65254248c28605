"""Compares this machine's clock with time servers': a clock that is off spoils logins, certificates and every graph."""

import asyncio
from statistics import median_low
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample, Step
from probes.net.address import Address
from probes.net.errors import NetError, TimedOut
from probes.net.ntp import Time, ask_time
from probes.net.reach import NetworkSettings, before
from probes.settings import Settings
from probes.units import Interval, format_duration

#: From so many servers on, one that lies is outvoted.
_QUORUM = 3
_PORT = 123


def _server(value: Any) -> Any:
    return value if isinstance(value, Address) else Address.parse(value, _PORT)


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


#: A time server in YAML: a name or an address, with a port where it is not 123.
TimeServer = Annotated[Address, BeforeValidator(_server, json_schema_input_type=str)]


class ClockExpect(Settings):
    """How exact the clock must be."""

    within: Interval = Field(default=1.0, description="The clock is further off than this, either way: down.")


class ClockDegraded(Settings):
    """When a good clock becomes worrying."""

    within: Interval | None = Field(default=None, description="The clock is further off than this: degraded.")


class ClockSettings(NetworkSettings):
    """Whom to ask for the time, and how exact this machine's clock must be."""

    type: Literal["clock"] = "clock"
    every: Interval = Field(default=300.0, description="How often to ask. Public servers want no more than that.")
    server: Annotated[tuple[TimeServer, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = Field(
        min_length=1, description="One time server or several; of three or more, one that lies is outvoted."
    )
    expect: ClockExpect = ClockExpect()
    degraded: ClockDegraded = ClockDegraded()


class ClockProbe(Probe[ClockSettings]):
    """One question to each time server, all at once.

    Up: this machine's clock is as exact as `expect.within`. Degraded: so, but not as `degraded.within`. Down: it is
    certainly further off; what the way to the server leaves uncertain (half the round trip) is not held against it.
    Blocked: every server turned us away. Unknown: no server gave its time, so that nothing is known of our clock.
    """

    settings_model = ClockSettings
    remote = False  # servers that cannot be reached are unknown already
    metrics = (
        Metric("probe_clock_offset_seconds", "gauge", "How far the true time is ahead of this machine's clock."),
        Metric("probe_clock_uncertainty_seconds", "gauge", "How wrong that may be at most: half the round trip."),
        Metric("probe_clock_server_offset_seconds", "gauge", "How far this server's clock is ahead of ours."),
        Metric("probe_clock_server_round_trip_seconds", "gauge", "How long this server's answer took."),
        Metric("probe_clock_server_stratum", "gauge", "How many servers are between this one and a reference clock."),
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()

    async def check(self, run: Run) -> Finding:
        """Ask every server once."""
        seconds = before(run) - asyncio.get_running_loop().time()
        servers = self.settings.server
        answers = await asyncio.gather(*(self._ask(server, seconds) for server in servers))
        told = {server: answer for server, answer in zip(servers, answers, strict=True) if isinstance(answer, Time)}
        chosen = _choose(list(told.values()))
        outcome, reason = self._verdict(chosen, answers)
        steps, facts = [], []
        for server, answer in zip(servers, answers, strict=True):
            if isinstance(answer, Time):
                steps.append(Step(str(server), Outcome.UP, answer.round_trip, _off(answer.offset)))
            else:
                steps.append(Step(str(server), answer.outcome, None, str(answer)))
        if chosen:
            facts.append(("our clock", f"{_off(chosen.offset)}, ±{chosen.round_trip * 500:.3g} ms"))
        evidence = Evidence(reason or "as expected", tuple(steps), tuple(facts))
        return Finding(outcome, reason, _samples(chosen, told), evidence)

    async def _ask(self, server: Address, seconds: float) -> Time | NetError:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        try:
            async with asyncio.timeout_at(end):
                ip = (await self._resolver.resolve(server.host, self.settings.ip))[0]
            address, shown = Address(ip, server.port), f"the time server {server}"
            return await ask_time(address, end - loop.time(), shown, source=self.settings.source)
        except TimeoutError:
            return TimedOut(f"resolve: the name {server.host} was not resolved in {seconds:.3g}s", "resolve", ours=True)
        except NetError as error:
            return error if error.phase == "ask" else NetError(str(error), error.phase, ours=True)

    def _verdict(self, chosen: Time | None, answers: list[Time | NetError]) -> tuple[Outcome, str]:
        errors = [answer for answer in answers if isinstance(answer, NetError)]
        if chosen is None:
            outcomes = {error.outcome for error in errors}
            outcome = Outcome.BLOCKED if outcomes == {Outcome.BLOCKED} else Outcome.UNKNOWN
            return outcome, "; ".join(str(error) for error in errors)
        off = max(0.0, abs(chosen.offset) - chosen.round_trip / 2)
        for outcome, limit in (
            (Outcome.DOWN, self.settings.expect.within),
            (Outcome.DEGRADED, self.settings.degraded.within),
        ):
            if limit is not None and off > limit:
                expected = f"expected this machine's clock within {format_duration(limit)} of the true time"
                return outcome, f"offset: {expected}, it is {_off(chosen.offset)}"
        return Outcome.UP, ""


def _choose(told: list[Time]) -> Time | None:
    """The answer to believe: of many the one in the middle, of few the one that can be least wrong."""
    if len(told) >= _QUORUM:
        middle = median_low(sorted(answer.offset for answer in told))
        return next(answer for answer in told if answer.offset == middle)
    return min(told, key=lambda answer: answer.distance, default=None)


def _off(offset: float) -> str:
    if abs(offset) < 0.0005:
        return "right to the millisecond"
    length = format_duration(abs(offset))
    return f"{length} behind" if offset > 0 else f"{length} ahead"


def _samples(chosen: Time | None, told: dict[Address, Time]) -> tuple[Sample, ...]:
    samples = []
    if chosen:
        samples.append(Sample("probe_clock_offset_seconds", chosen.offset))
        samples.append(Sample("probe_clock_uncertainty_seconds", chosen.round_trip / 2))
    for server, answer in told.items():
        labels = (("server", str(server)),)
        samples.append(Sample("probe_clock_server_offset_seconds", answer.offset, labels))
        samples.append(Sample("probe_clock_server_round_trip_seconds", answer.round_trip, labels))
        samples.append(Sample("probe_clock_server_stratum", float(answer.stratum), labels))
    return tuple(samples)
