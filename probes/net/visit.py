"""One visit to one address: connect, turn to TLS, and keep what was measured and learnt, come what may."""

import asyncio
from collections.abc import Awaitable
from functools import partial

from probes.base import Evidence, Sample
from probes.net.address import Address, bracketed
from probes.net.certificate import TlsFacts
from probes.net.connect import connect
from probes.net.deadline import Deadline
from probes.net.dialogue import Dialogue, Turn
from probes.net.errors import NetError, TimedOut
from probes.net.handshake import handshake, with_certificates
from probes.net.phases import Phases
from probes.net.reach import reach_samples
from probes.net.resolver import Family, Resolver
from probes.net.tls import TlsError, TlsSettings
from probes.net.wire import Wire

_DAY = 86400.0


class Visit:
    """What one look at `address` shows. `legs` are the phases it may have, in order; `facts` are those of TLS."""

    def __init__(self, address: Address, legs: tuple[str, ...]) -> None:
        self.address = address
        self.phases = Phases()
        #: The address that was used, or tried first; empty as long as none is known.
        self.ip = ""
        self.wire: Wire | None = None
        self.facts: TlsFacts | None = None
        self.error: NetError | None = None
        self._legs = legs
        self._source = ""

    async def pay(self, deadline: float, course: Awaitable[None]) -> NetError | None:
        """Go the course until the deadline (of the running loop's clock); what went wrong, or None. Always hangs up."""
        loop = asyncio.get_running_loop()
        patience = deadline - loop.time()
        try:
            with Deadline(loop, deadline):
                await course
        except TimeoutError:
            self.error = self.error or self._timed_out(patience)
        except NetError as error:
            self.error = error
        finally:
            self.phases.stop()
            if self.wire:
                self.wire.close()
        return self.error

    async def connect(self, resolver: Resolver, family: Family) -> Wire:
        """Resolve and connect. Raises NetError."""
        self.phases.enter("resolve")
        addresses = await resolver.resolve(self.address.host, family)
        self.ip = addresses[0]
        self.phases.enter("connect")
        self._source = resolver.source
        self.wire = await connect(addresses, self.address.port, self.address.host, self._source)
        self.ip = self.wire.ip
        return self.wire

    async def secure(
        self, settings: TlsSettings, greeting: tuple[Turn, ...] = (), alpn: tuple[str, ...] = ()
    ) -> TlsFacts:
        """Shake hands; `greeting` is what was said before, `alpn` the protocols that are offered. Raises NetError;
        TlsError, with the certificates where they are what is wrong.
        """
        assert self.wire is not None
        try:
            self.facts = await handshake(self.wire, self.phases, settings, self.address.host, alpn)
        except TlsError as error:
            self.phases.stop()
            self.error = error
            reopen = partial(self._reopen, greeting)
            self.error = await with_certificates(error, reopen, settings, self.address.host)
            self.facts = self.error.facts
            raise self.error from error
        return self.facts

    async def _reopen(self, greeting: tuple[Turn, ...]) -> Wire:
        wire = await connect([self.ip], self.address.port, self.address.host, self._source)
        await Dialogue(str(self.address)).hold(wire, greeting)
        return wire

    def _timed_out(self, patience: float) -> TimedOut:
        where = f"{self.address} ({bracketed(self.ip)})" if self.ip != self.address.host else str(self.address)
        phase = self.phases.current or self._legs[0]
        waiting = {
            "resolve": f"the name {self.address.host} was still being resolved",
            "connect": f"the connection to {self.address} was still being attempted (its packets may be dropped)",
            "tls": f"{where} had not finished the TLS handshake",
        }.get(phase, f"{where} had taken the connection, but had not said what was expected")
        return TimedOut(f"{phase}: not done within {patience:.3g}s: {waiting}", phase)

    def samples(self, metric: str) -> list[Sample]:
        """What was measured; `metric` names the phases' durations."""
        samples = reach_samples(self.ip, self.phases.seconds.get("resolve"))
        samples += [Sample(metric, seconds, (("phase", leg),)) for leg, seconds in self.phases.seconds.items()]
        if self.facts:
            samples += self.facts.samples
        return samples

    def evidence(self, summary: str, now: float, *facts: tuple[str, str], excerpt: str = "") -> Evidence:
        """What was seen, for a person. `now` is wall-clock seconds (UTC)."""
        seen = [("address", str(self.address))]
        if self.ip and self.ip != self.address.host:
            seen.append(("ip", self.ip))
        if self.facts:
            seen.append(("tls", self.facts.version))
            if self.facts.earliest_expiry is not None:
                seen.append(("certificate", f"{(self.facts.earliest_expiry - now) / _DAY:.0f} days left"))
        failed, outcome = (self.error.phase, self.error.outcome) if self.error else ("", None)
        steps = self.phases.steps(legs=self._legs)
        if outcome is not None:
            steps = self.phases.steps(failed, outcome, str(self.error), legs=self._legs)
        return Evidence(summary, steps, (*seen, *facts), excerpt)
