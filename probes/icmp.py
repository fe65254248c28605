"""Pings a machine: is it there, how far away, and how many of the echoes come back?"""

import asyncio
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample, Step
from probes.net.address import ascii_host
from probes.net.errors import NetError, TimedOut
from probes.net.phases import Phases
from probes.net.ping import Echo, ping
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before, reach_samples
from probes.settings import Settings
from probes.units import Ratio, format_duration


class IcmpExpect(Settings):
    """How much may be lost on the way: at most this part of the echoes."""

    loss: Ratio = 0.0


class IcmpSettings(NetworkSettings):
    """`host` to ping, with `count` echoes of `size` bytes each, all sent at once."""

    type: Literal["icmp"] = "icmp"
    host: Annotated[str, AfterValidator(ascii_host)]
    count: int = Field(default=1, ge=1, le=100)
    size: int = Field(default=40, ge=0, le=65_000)
    expect: IcmpExpect = IcmpExpect()
    degraded: Degraded | None = None


class IcmpProbe(Probe[IcmpSettings]):
    """A few echoes.

    Up: enough of them came back. Degraded: so, but some were lost, or the fastest took longer than
    `degraded.after`. Down: too many were lost, or the host is unreachable. Unknown: we may not ping, or have no route
    or name server.
    """

    settings_model = IcmpSettings
    metrics = (
        Metric("probe_icmp_duration_seconds", "gauge", "How long each phase took; rtt is the fastest echo's way."),
        Metric("probe_icmp_reply_hop_limit", "gauge", "The hops that the reply had left (TTL)."),
        Metric("probe_icmp_loss_ratio", "gauge", "The part of the echoes that did not come back."),
        *REACH_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()

    async def check(self, run: Run) -> Finding:
        """Ping once."""
        settings, phases, ip = self.settings, Phases(), ""
        deadline = before(run)
        phases.enter("resolve")
        try:
            async with asyncio.timeout_at(deadline):
                ip = (await self._resolver.resolve(settings.host, settings.ip))[0]
            phases.stop()
            left = deadline - asyncio.get_running_loop().time()
            looks = (ping(ip, left, size=settings.size) for _ in range(settings.count))
            echoes = await asyncio.gather(*looks, return_exceptions=True)
        except TimeoutError:
            echoes = [TimedOut(f"resolve: the name {settings.host} was not resolved in time", "resolve")]
        except NetError as error:
            echoes = [error]
        finally:
            phases.stop()
        return self._judge(ip, phases.seconds.get("resolve"), echoes)

    def _judge(self, ip: str, resolve: float | None, echoes: list[Echo | BaseException]) -> Finding:
        settings = self.settings
        came = [echo for echo in echoes if isinstance(echo, Echo)]
        errors = [echo for echo in echoes if isinstance(echo, NetError)]
        for echo in echoes:
            if isinstance(echo, BaseException) and not isinstance(echo, NetError):
                raise echo
        loss = 1 - len(came) / len(echoes)
        best = min(came, key=lambda echo: echo.seconds, default=None)
        outcome, reason = Outcome.UP, ""
        if loss > settings.expect.loss or best is None:
            outcome = errors[0].outcome
            reason = str(errors[0])
            if came:
                limit = f"{settings.expect.loss:.0%}"
                reason = f"echo: expected at most {limit} of {len(echoes)} echoes lost to {ip}, lost {loss:.0%}"
        elif errors:
            outcome, reason = Outcome.DEGRADED, f"echo: {len(errors)} of {len(echoes)} echoes to {ip} were lost"
        elif settings.degraded and best.seconds > settings.degraded.after:
            limit, took = format_duration(settings.degraded.after), format_duration(best.seconds)
            outcome, reason = Outcome.DEGRADED, f"slow: expected {ip} to answer within {limit}, it took {took}"
        return Finding(outcome, reason, _samples(ip, resolve, loss, best), self._evidence(reason, ip, echoes))

    def _evidence(self, reason: str, ip: str, echoes: list[Echo | BaseException]) -> Evidence:
        steps = tuple(
            Step(f"echo {number}", Outcome.UP, echo.seconds)
            if isinstance(echo, Echo)
            else Step(f"echo {number}", Outcome.DOWN, None, str(echo))
            for number, echo in enumerate(echoes, 1)
        )
        facts = [("host", self.settings.host)] + ([("ip", ip)] if ip and ip != self.settings.host else [])
        return Evidence(reason or "as expected", steps, tuple(facts))


def _samples(ip: str, resolve: float | None, loss: float, best: Echo | None) -> tuple[Sample, ...]:
    samples = reach_samples(ip, resolve)
    if resolve is not None:
        samples.append(Sample("probe_icmp_duration_seconds", resolve, (("phase", "resolve"),)))
    if ip:
        samples.append(Sample("probe_icmp_loss_ratio", loss))
    if best is not None:
        samples.append(Sample("probe_icmp_duration_seconds", best.seconds, (("phase", "rtt"),)))
        if best.hop_limit is not None:
            samples.append(Sample("probe_icmp_reply_hop_limit", float(best.hop_limit)))
    return tuple(samples)
