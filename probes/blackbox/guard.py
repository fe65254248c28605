"""Where /probe may go: whoever can reach it must not be able to make us knock on every door of our own network."""

import ipaddress
import socket
from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import chain
from typing import Literal

import psutil

from probes.blackbox.modules import Reach
from probes.net.address import Address, is_ip
from probes.net.errors import NetError
from probes.net.resolver import Family, NoAddress, Resolver

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Never reached unless `allow` names the network: ourselves, link-local addresses, and the clouds' metadata services,
#: which hand out credentials to whoever asks from inside.
_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "::1/128",
        "fe80::/10",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "ff00::/8",
    )
)
#: IPv6 addresses that lead to the IPv4 address in them, and how many bits stand after it: IPv4-compatible and
#: IPv4-mapped (RFC 4291), NAT64 (RFC 6052 and 8215), 6to4 (RFC 3056).
_HOLDING_IPV4 = tuple(
    (ipaddress.IPv6Network(text), after)
    for text, after in (
        ("::/96", 0),
        ("::ffff:0:0/96", 0),
        ("64:ff9b::/96", 0),
        ("64:ff9b:1::/48", 0),
        ("2002::/16", 80),
    )
)


class Guard:
    """What may be probed. `allow` holds networks (`10.0.0.0/8`), addresses, and names (`*.shop.example`); when it is
    empty, everything but this machine's own addresses, loopback, link-local, multicast and metadata addresses. Raises
    ValueError for anything else.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._networks: list[_Network] = []
        self._names: list[str] = []
        for text in allow:
            if "/" in text or is_ip(text):
                self._networks.append(ipaddress.ip_network(text))
            else:
                self._names.append(text.lower().rstrip("."))

    def check(self, host: str, ip: str) -> None:
        """Raises NetError, ours, when `ip`, which `host` resolved to, must not be probed."""
        meant = _meant(ip)
        if any(address in network for network in self._networks for address in meant):
            return
        if any(address in network for network in _REFUSED for address in meant) or _own() & meant:
            raise _refused(host, ip)
        named = any(fnmatchcase(host.lower().rstrip("."), pattern) for pattern in self._names)
        if (self._networks or self._names) and not named:
            raise _refused(host, ip)


def _meant(ip: str) -> set[_Address]:
    """The address, and the one that it leads to."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    meant = {address}
    if isinstance(address, ipaddress.IPv6Address):
        held = (int(address) >> after for network, after in _HOLDING_IPV4 if address in network)
        meant.update(ipaddress.IPv4Address(number & 0xFFFFFFFF) for number in held)
    return meant


def _own() -> set[_Address]:
    """The addresses of this machine's interfaces at this moment: asking takes a tenth of a millisecond."""
    entries = chain.from_iterable(psutil.net_if_addrs().values())
    own = (entry.address for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6))
    return {ipaddress.ip_address(text.partition("%")[0]) for text in own}


def _refused(host: str, ip: str) -> NetError:
    shown = host if host == ip else f"{host} ({ip})"
    return NetError(f"resolve: probing {shown} is not allowed here (blackbox: {{allow: …}})", "resolve", ours=True)


class GuardedResolver(Resolver):
    """Resolves as blackbox_exporter does, to one address of the preferred family, and never to one that is refused.

    The address is checked after resolution and is the one that is used, so no name can slip past by changing.
    """

    def __init__(
        self,
        guard: Guard,
        preferred: Literal["ip4", "ip6"],
        fallback: bool,
        source: str = "",
        servers: Sequence[Address] = (),
    ) -> None:
        """`source` is the address of this machine to go out from; like blackbox_exporter's it does not narrow the
        choice, so that one of the wrong family fails the probe. `servers` are asked instead of the system's.
        """
        super().__init__(servers, source=source)
        self._guard = guard
        self._preferred, self._fallback = preferred, fallback

    async def resolve(self, host: str, family: Family = "any") -> tuple[str, ...]:
        """The one address to use. Raises NetError."""
        addresses = await self._resolve(host, "any")
        wanted = [ip for ip in addresses if (":" in ip) == (self._preferred == "ip6")]
        if not wanted and not self._fallback:
            raise NoAddress(f"resolve: {host} has no address of {self._preferred}", "resolve")
        ip = (wanted or list(addresses))[0]
        self._guard.check(host, ip)
        return (ip,)


def guarded(reach: Reach, guard: Guard) -> GuardedResolver:
    """The resolver of a module."""
    return GuardedResolver(guard, reach.preferred_ip_protocol, reach.ip_protocol_fallback, reach.source_ip_address)
