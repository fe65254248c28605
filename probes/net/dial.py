"""Opens the connection for a request: resolve, connect, perhaps through a proxy, shake hands; each in its phase."""

from dataclasses import dataclass
from functools import partial

from probes.net.address import Address, Url
from probes.net.connect import connect
from probes.net.errors import NetError
from probes.net.handshake import handshake, with_certificates
from probes.net.message import Hop
from probes.net.proxy import ProxySettings, tunnel
from probes.net.resolver import Family, Resolver
from probes.net.tls import TlsError, TlsSettings
from probes.net.wire import Wire

#: What we offer in ALPN, most wanted first.
H1_ONLY, H2_FIRST = ("http/1.1",), ("h2", "http/1.1")


@dataclass(slots=True)
class Dialer:
    """How to get to a server. `proxy` is used for every server where it is set."""

    resolver: Resolver
    family: Family
    tls: TlsSettings
    http2: bool
    proxy: ProxySettings | None

    @property
    def alpn(self) -> tuple[str, ...]:
        """What we offer."""
        return H2_FIRST if self.http2 else H1_ONLY

    async def dial(self, url: Url, hop: Hop) -> Wire:
        """A connection to the server of `url`, ready for a request. Raises NetError, TlsError, SecretUnreadable."""
        wire = await self._reach(url, hop)
        hop.ip = wire.ip
        if url.scheme == "https":
            try:
                hop.tls = await handshake(wire, hop.phases, self.tls, url.host, self.alpn, hold=True)
            except TlsError as error:
                hop.phases.stop()
                hop.error = error
                hop.error = await with_certificates(error, partial(self._again, url, wire.ip), self.tls, url.host)
                hop.tls = hop.error.facts
                raise hop.error from error
        return wire

    async def _reach(self, url: Url, hop: Hop) -> Wire:
        if self.proxy is None:
            return await self._connect(Address(url.host, url.port), hop)
        try:
            wire = await self._connect(self.proxy.address, hop)
        except NetError as error:
            raise NetError(f"{error} (the proxy)", error.phase, ours=True) from error
        if url.scheme == "https":
            await self._tunnel(wire, self.proxy, url)
        return wire

    async def _connect(self, address: Address, hop: Hop) -> Wire:
        hop.phases.enter("resolve")
        addresses = await self.resolver.resolve(address.host, self.family)
        hop.ip = addresses[0]
        hop.phases.enter("connect")
        return await connect(addresses, address.port, address.host, self.resolver.source)

    async def _tunnel(self, wire: Wire, proxy: ProxySettings, url: Url) -> None:
        try:
            await tunnel(wire, proxy, url)
        except BaseException:
            wire.abort()
            raise

    async def _again(self, url: Url, ip: str) -> Wire:
        """The same way once more, to the same address."""
        address = self.proxy.address if self.proxy else Address(url.host, url.port)
        wire = await connect([ip], address.port, address.host, self.resolver.source)
        if self.proxy:
            await self._tunnel(wire, self.proxy, url)
        return wire
