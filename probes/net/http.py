"""Fetches over HTTP and measures each leg: resolve, connect, tls, processing, transfer, hop by hop."""

import asyncio
from dataclasses import replace

from probes.net.address import bracketed
from probes.net.deadline import Deadline
from probes.net.dial import Dialer
from probes.net.errors import NetError, TimedOut
from probes.net.http1 import Http1, encode
from probes.net.http2 import Http2, Session
from probes.net.message import Answer, Hop, Request, Trace
from probes.net.pool import SAFE_METHODS, Pool
from probes.net.proxy import ProxySettings, credentials
from probes.net.redirect import follow
from probes.net.resolver import Family, Resolver
from probes.net.tls import DEFAULT_TLS, TlsSettings
from probes.net.wire import Wire

#: Bytes that a body may have, packed and unpacked each.
MAX_BODY = 10 * 1024 * 1024


class Http:
    """How to fetch, and the connections kept for it where `reuse` is asked. One event loop only.

    Every fetch has a new connection unless `reuse`: that is what a new shopper has, and what shows DNS and TLS.
    """

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        family: Family = "any",
        tls: TlsSettings = DEFAULT_TLS,
        http2: bool = False,
        proxy: ProxySettings | None = None,
        redirects: int = 10,
        max_body: int = MAX_BODY,
        reuse: bool = False,
    ) -> None:
        """`redirects` is how many are followed; `max_body` bounds a body in bytes; `http2` is used where the server
        offers it.
        """
        self.dialer = Dialer(resolver or Resolver(), family, tls, http2, proxy)
        self.redirects = redirects
        self.max_body = max_body
        self._pool = Pool() if reuse else None

    async def fetch(self, request: Request, trace: Trace, deadline: float, redirects: int | None = None) -> Answer:
        """The answer after redirects; `trace` gets every hop. `deadline` is a time of the running loop's clock.

        `redirects` is how many are followed, if other than usual; at 0 a redirect is an answer like any other.
        Raises NetError; TimedOut at the deadline, however slowly the server drips.
        """
        loop = asyncio.get_running_loop()
        patience = deadline - loop.time()
        try:
            with Deadline(loop, deadline):
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
        wire = self._pool.take(request.url, request.method) if self._pool else None
        again = wire is not None and request.method in SAFE_METHODS
        if wire is None:
            wire = await self.dialer.dial(request.url, hop)
        hop.ip = wire.ip
        hop.phases.enter("processing")
        reader = self._ask(request, wire)
        kept = False
        try:
            await reader.done
            kept = reader.keep_alive and not wire.lost
        except NetError:
            if again and not reader.began:  # the server had hung up on the idle connection: that is no failure
                return await self._once(request, hop)
            raise
        finally:
            if reader.began:
                hop.phases.enter("transfer", at=reader.first_byte)
                reader.stop()
                hop.answer = reader.answer
            if wire.session is None:
                wire.detach()
            if kept and self._pool:
                self._pool.give_back(request.url, wire)
            else:
                wire.close()
        return reader.answer

    def _ask(self, request: Request, wire: Wire) -> Http1 | Http2:
        """Write the request, in the HTTP version agreed on, and attach what reads the answer."""
        where = request.url.authority
        if wire.alpn == "h2":
            session = wire.session = wire.session or Session(wire)
            second = Http2(where, session, max_body=self.max_body)
            wire.attach(second)
            second.ask(request)
            return second
        first = Http1(where, wire.loop.create_future(), head_only=request.method == "HEAD", max_body=self.max_body)
        wire.attach(first)
        proxy = self.dialer.proxy if request.url.scheme == "http" else None
        if proxy:
            request = replace(request, headers=[*request.headers, *credentials(proxy)])
        wire.write(encode(request, reuse=self._pool is not None, target=str(request.url) if proxy else None))
        return first

    def close(self) -> None:
        """Hang up what is kept."""
        if self._pool:
            self._pool.close()


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
