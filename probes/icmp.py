"""Pings a host: does it answer, how fast, and how many of the packets get lost?"""

import asyncio
from statistics import fmean
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import ascii_host
from probes.net.errors import NetError, TimedOut, from_os_error
from probes.net.phases import Phases
from probes.net.ping import Echoes, Volley, open_socket
from probes.net.reach import REACH_METRICS, NetworkSettings, before, reach_samples
from probes.settings import Settings
from probes.units import Duration, Interval, Ratio, format_duration

_LEGS = ("resolve", "setup", "rtt")


class IcmpExpect(Settings):
    """What a good host does. Unless told, one reply is enough."""

    loss: Ratio | None = Field(default=None, description="When more packets than this get lost, it is down.")
    within: Interval | None = Field(default=None, description="A mean round trip longer than this is down.")


class IcmpDegraded(Settings):
    """When a good answer is still not good enough."""

    loss: Ratio | None = Field(default=None, description="When more packets than this get lost, it is degraded.")
    after: Interval | None = Field(default=None, description="A mean round trip longer than this is degraded.")


class IcmpSettings(NetworkSettings):
    """Whom to ping, how often at a time, and what to make of it."""

    type: Literal["icmp"] = "icmp"
    host: Annotated[str, AfterValidator(ascii_host)] = Field(description="A name or an address.")
    packets: int = Field(default=3, ge=1, le=100, description="How many pings a look sends.")
    gap: Duration = Field(default=0.2, description="How long after one ping the next is sent.")
    size: int = Field(default=32, ge=8, le=65_000, description="Bytes that each ping carries.")
    expect: IcmpExpect = IcmpExpect()
    degraded: IcmpDegraded = IcmpDegraded()

    @model_validator(mode="after")
    def _fits_its_time(self) -> "IcmpSettings":
        takes = (self.packets - 1) * self.gap
        if takes >= self.timeout:
            limit = format_duration(self.timeout)
            raise ValueError(f"{self.packets} packets take {format_duration(takes)} to send, and timeout is {limit}")
        return self


class IcmpProbe(Probe[IcmpSettings]):
    """A few echo requests to one address.

    Up: a reply came, and `expect` holds. Degraded: so, but too many were lost or they took too long for `degraded`.
    Down: no reply, or `expect` does not hold. Unknown: we may send no pings here (the reason says what to do), had no
    route, no name server. Needs no privileges where `net.ipv4.ping_group_range` lets our group.
    """

    settings_model = IcmpSettings
    metrics = (
        Metric("probe_icmp_duration_seconds", "gauge", "How long each phase took; rtt is the mean round trip."),
        Metric("probe_icmp_reply_hop_limit", "gauge", "The hop limit (TTL) of the last reply."),
        Metric("probe_icmp_packet_loss_ratio", "gauge", "The part of the packets that was not answered, 0 to 1."),
        *REACH_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()

    async def check(self, run: Run) -> Finding:
        """Ping a few times."""
        phases, ip, deadline = Phases(), "", before(run)
        patience = deadline - asyncio.get_running_loop().time()
        echoes, error = Echoes(), None
        try:
            async with asyncio.timeout_at(deadline):
                phases.enter("resolve")
                ip = (await self._resolver.resolve(self.settings.host, self.settings.ip))[0]
                phases.enter("setup")
                with open_socket(ip, self._where(ip), self.settings.source) as opened:
                    volley = Volley(opened, self.settings.size)
                    echoes = volley.echoes
                    phases.enter("rtt")
                    await volley.fire(self.settings.packets, self.settings.gap)
        except NetError as trouble:
            error = trouble
        except TimeoutError:
            if phases.current == "resolve":
                error = TimedOut(
                    f"resolve: the name {self.settings.host} was not resolved in {patience:.3g}s", "resolve"
                )
        finally:
            phases.stop()
        if error is None and not echoes.answered:
            error = self._unanswered(echoes, ip, patience)
        return self._judged(phases, ip, echoes, error)

    def _where(self, ip: str) -> str:
        return self.settings.host if ip == self.settings.host else f"{self.settings.host} ({ip})"

    def _unanswered(self, echoes: Echoes, ip: str, patience: float) -> NetError:
        if echoes.error is not None:
            return from_os_error(echoes.error, self._where(ip), "rtt")
        sent = f"{len(echoes.seconds)} ping" + "s" * (len(echoes.seconds) != 1)
        return TimedOut(f"rtt: {self._where(ip)} answered none of {sent} within {patience:.3g}s", "rtt")

    def _judged(self, phases: Phases, ip: str, echoes: Echoes, error: NetError | None) -> Finding:
        answered, sent = echoes.answered, len(echoes.seconds)
        phases.seconds.pop("rtt", None)  # it held the gaps, too
        if answered:
            phases.seconds["rtt"] = fmean(answered)
        samples = reach_samples(ip, phases.seconds.get("resolve"))
        samples += [
            Sample("probe_icmp_duration_seconds", seconds, (("phase", leg),)) for leg, seconds in phases.seconds.items()
        ]
        loss = 1 - len(answered) / sent if sent else 0.0
        if sent and not (error and error.ours):
            samples.append(Sample("probe_icmp_packet_loss_ratio", loss))
        if echoes.hop_limit is not None:
            samples.append(Sample("probe_icmp_reply_hop_limit", float(echoes.hop_limit)))
        outcome, reason = (error.outcome, str(error)) if error else self._verdict(loss, fmean(answered), ip)
        steps = phases.steps(error.phase, outcome, reason, _LEGS) if error else phases.steps(legs=_LEGS)
        facts = [("host", self.settings.host)] + [("ip", ip)] * (ip not in ("", self.settings.host))
        facts += [("answered", f"{len(answered)} of {sent}")] * bool(sent)
        if answered:
            spread = f"{min(answered) * 1000:.3g} to {max(answered) * 1000:.3g} ms"
            facts.append(("round trip", spread))
        return Finding(outcome, reason, tuple(samples), Evidence(reason or "as expected", steps, tuple(facts)))

    def _verdict(self, loss: float, mean: float, ip: str) -> tuple[Outcome, str]:
        settings, where = self.settings, self._where(ip)
        for outcome, most, limit in (
            (Outcome.DOWN, settings.expect.loss, settings.expect.within),
            (Outcome.DEGRADED, settings.degraded.loss, settings.degraded.after),
        ):
            if most is not None and loss > most:
                return outcome, f"loss: expected {most:.0%} of the pings to {where} lost at most, {loss:.0%} were"
            if limit is not None and mean > limit:
                took = f"{mean * 1000:.3g} ms"
                return outcome, f"slow: expected {where} to answer within {format_duration(limit)}, it took {took}"
        return Outcome.UP, ""
