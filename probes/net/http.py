"""Fetches over HTTP and measures each leg: resolve, connect, tls, processing, transfer, hop by hop."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from probes.net.address import Url, bracketed
from probes.net.errors import NetError, TimedOut
from probes.net.handshake import handshake, with_certificates
from probes.net.http1 import Http1, encode
from probes.net.message import Answer, Hop, Request, Trace
from probes.net.redirect import follow
from probes.net.resolver import Family, Resolver
from probes.net.tls import DEFAULT_TLS, TlsError, TlsSettings
from probes.net.wire import Wire, connect

#: Bytes that a body may have, packed and unpacked each.
MAX_BODY = 10 * 1024 * 1024


@dataclass
class Http:
    """How to fetch, and the connections kept for it where `reuse` is asked. One event loop only.

    Every fetch has a new connection unless `reuse`: that is what a new shopper has, and what shows DNS and TLS.
    """

    resolver: Resolver = field(default_factory=Resolver)
    family: Family = "any"
    tls: TlsSettings = DEFAULT_TLS
    redirects: int = 10
    max_body: int = MAX_BODY
    reuse: bool = False
    _idle: dict[tuple[str, str, int], list[Wire]] = field(default_factory=dict, init=False, repr=False)

    async def fetch(self, request: Request, trace: Trace, deadline: float, redirects: int | None = None) -> Answer:
        """The answer after redirects; `trace` gets every hop. `deadline` is a time of the running loop's clock.

        `redirects` is how many are followed, if other than usual; at 0 a redirect is an answer like any other.
        Raises NetError; TimedOut at the deadline, however slowly the server drips.
        """
        patience = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._follow(request, trace, self.redirects if redirects is None else redirects)
        except TimeoutError:
            hop = trace.last
            raise hop.error or _timed_out(hop, patience) from None
        finally:
            trace.last.phases.stop()

    async def _follow(self, request: Request, trace: Trace, redirects: int) -> Answer:
        while True:
            hop = Hop(request.url)
            trace.hops.append(hop)
            answer = await self._once(request, hop)
            next_request = follow(request, answer, len(trace.hops), redirects)
            if next_request is None:
                return answer
            request = next_request

    async def _once(self, request: Request, hop: Hop) -> Answer:
        url = request.url
        wire = self._take(url) if self.reuse else None
        again = wire is not None
        if wire is None:
            wire = await self._dial(url, hop)
        reader = Http1(url.authority, head_only=request.method == "HEAD", max_body=self.max_body)
        kept = False
        try:
            hop.ip = wire.ip
            hop.phases.enter("processing")
            wire.attach(reader)
            wire.write(encode(request, reuse=self.reuse))
            await reader.done
            kept = self.reuse and reader.keep_alive and not wire.lost
        except NetError:
            if again and not reader.began:
                return await self._once(request, hop)  # the server had closed it meanwhile: that is no failure
            raise
        finally:
            if reader.began:
                hop.phases.enter("transfer", at=reader.first_byte)
                reader.stop()
                hop.answer = reader.answer
            wire.detach()
            self._give_back(url, wire) if kept else wire.close()
        return reader.answer

    async def _dial(self, url: Url, hop: Hop) -> Wire:
        phases = hop.phases
        phases.enter("resolve")
        addresses = await self.resolver.resolve(url.host, self.family)
        phases.enter("connect")
        wire = await connect(addresses, url.port, url.host)
        hop.ip = wire.ip
        if url.scheme == "https":
            try:
                hop.tls = await handshake(wire, phases, self.tls, url.host)
            except TlsError as error:
                phases.stop()
                hop.error = error
                reopen = partial(connect, [wire.ip], url.port, url.host)
                hop.error = await with_certificates(error, reopen, self.tls, url.host)
                hop.tls = hop.error.facts
                raise hop.error from error
        return wire

    def _take(self, url: Url) -> Wire | None:
        idle = self._idle.get(url.origin, [])
        while idle:
            wire = idle.pop()
            if not wire.lost:
                return wire
            wire.close()
        return None

    def _give_back(self, url: Url, wire: Wire) -> None:
        self._idle.setdefault(url.origin, []).append(wire)

    def close(self) -> None:
        """Hang up what is kept."""
        for wires in self._idle.values():
            for wire in wires:
                wire.close()
        self._idle.clear()


def _timed_out(hop: Hop, patience: float) -> TimedOut:
    """What we were waiting for when the deadline came."""
    phase = hop.phases.current or "resolve"
    where = hop.url.authority
    if hop.ip and hop.ip != hop.url.host:
        where += f" ({bracketed(hop.ip)})"
    body = f"{len(hop.answer.body)} bytes of the body had come" if hop.answer else "nothing had come"
    waiting = {
        "resolve": f"the name {hop.url.host} was still being resolved",
        "connect": f"the connection to {where} was still being attempted (its packets may be dropped)",
        "tls": f"{where} had not finished the TLS handshake",
        "processing": f"{where} had taken the request, but had not begun to answer",
        "transfer": f"{where} had begun to answer, but not ended; {body}",
    }[phase]
    return TimedOut(f"{phase}: no whole answer within {patience:.3g}s: {waiting}", phase)
