"""Turns a shop's name into addresses, by its own path and its own deadline: never through asyncio's thread pool."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import dns.exception
import dns.message
import dns.name
import dns.rcode

from probes.net.address import Address, is_ip
from probes.net.errors import NetError, TimedOut
from probes.net.hosts import HOSTS, RESOLV_CONF, ResolverConfig, Watched, parse_hosts, parse_resolv_conf
from probes.net.question import ask
from probes.net.stub import AAAA, NOERROR, NXDOMAIN, SERVFAIL, A, Reply, ask_addresses

#: Which family of addresses to use: any means both, IPv6 tried first as browsers do (RFC 6724).
Family = Literal["any", "4", "6"]

#: Seconds that resolving may take, all tries together, and how many tries fit in them.
PATIENCE = 3.0
_TRIES = 3
_KINDS: dict[Family, tuple[int, ...]] = {"any": (AAAA, A), "4": (A,), "6": (AAAA,)}
_MISSING = {A: "IPv4 address (no A record)", AAAA: "IPv6 address (no AAAA record)"}


class NoAddress(NetError):
    """The name exists nowhere, or has no address of the family asked for. The name servers did answer."""


class Resolver:
    """Asks /etc/hosts, then the name servers of /etc/resolv.conf (or those given), as the C library would.

    Nothing is cached: a probe that looks every 15 s must see that the name has gone. `source` is the address of this
    machine that connections to what was resolved go out from; the questions themselves go out as the system likes.
    """

    def __init__(
        self,
        servers: Sequence[Address] = (),
        *,
        patience: float = PATIENCE,
        hosts: Path = HOSTS,
        resolv_conf: Path = RESOLV_CONF,
        port: int = 53,
        source: str = "",
    ) -> None:
        """`servers` are asked instead of resolv.conf's, which are asked on `port`; `patience` is in seconds."""
        self.source = source
        self._given = ResolverConfig(tuple(servers)) if servers else None
        self._patience = patience
        self._port = port
        self._hosts = Watched(hosts, parse_hosts)
        self._conf = Watched(resolv_conf, parse_resolv_conf)

    def servers(self) -> tuple[Address, ...]:
        """The name servers that are asked, in order."""
        return tuple(Address(*server) for server in self._config().servers)

    def _config(self) -> ResolverConfig:
        if self._given:
            return self._given
        config = self._conf.read()
        if self._port != 53:
            config = replace(config, servers=tuple((host, self._port) for host, _ in config.servers))
        return config

    async def resolve(self, host: str, family: Family = "any") -> tuple[str, ...]:
        """The addresses of `host`, IPv6 first, and only those that `source` can reach; a literal address is its own.

        Raises NoAddress when there is none, TimedOut or NetError when the name servers do not say. A name server that
        is silent about this name but answers another question proves the name broken; one that is silent
        altogether is our own trouble.
        """
        if self.source and family == "any":
            family = "6" if ":" in self.source else "4"
        return await self._resolve(host, family)

    async def _resolve(self, host: str, family: Family) -> tuple[str, ...]:
        if is_ip(host):
            return (_of_family(host, family),)
        known = self._from_hosts(host)
        if known:
            chosen = tuple(ip for ip in known if family == "any" or (":" in ip) == (family == "6"))
            if not chosen:
                raise NoAddress(f"resolve: /etc/hosts gives {host} no IPv{family} address", "resolve")
            return chosen
        return await self._from_servers(host, family)

    def _from_hosts(self, host: str) -> tuple[str, ...]:
        name = host.lower().removesuffix(".")
        known = self._hosts.read().get(name, ())
        if not known and (name == "localhost" or name.endswith(".localhost")):
            known = ("::1", "127.0.0.1")  # RFC 6761: never asked of a server
        return tuple(sorted(known, key=lambda ip: ":" not in ip))

    async def _from_servers(self, host: str, family: Family) -> tuple[str, ...]:
        config = self._config()
        error: NetError | None = None
        for name in _candidates(host, config):
            try:
                return await self._addresses(name, host, family, config)
            except NoAddress as missing:
                error = error or missing
        raise error or NoAddress(f"resolve: {host!r} is not a name that DNS can hold", "resolve")

    async def _addresses(
        self, name: dns.name.Name, host: str, family: Family, config: ResolverConfig
    ) -> tuple[str, ...]:
        """Ask until some server has said something of use: what one refuses, another may know."""
        share, wire, kinds = self._patience / _TRIES, name.to_wire() or b"", _KINDS[family]
        error: NetError | None = None
        for attempt in range(_TRIES):
            server = Address(*config.servers[attempt % len(config.servers)])
            last = attempt == _TRIES - 1
            control = asyncio.create_task(_is_alive(server, share)) if last and isinstance(error, TimedOut) else None
            try:
                return _read(await ask_addresses(server, wire, kinds, share), host, server)
            except NoAddress:
                raise
            except TimedOut:
                alive = await control if control else False
                error = _silent(host, server, self._patience, alive)
            except NetError as trouble:
                # A name server that is not there is our own trouble.
                error = NetError(str(trouble), "resolve", ours=trouble.ours or isinstance(trouble.__cause__, OSError))
            finally:
                if control:
                    control.cancel()
        raise error or NetError(f"resolve: nobody was asked about {host}", "resolve", ours=True)


def _of_family(ip: str, family: Family) -> str:
    if family != "any" and (":" in ip) != (family == "6"):
        raise NoAddress(f"resolve: {ip} is no IPv{family} address", "resolve", ours=True)
    return ip


@lru_cache(maxsize=10_000)
def _candidates(host: str, config: ResolverConfig) -> tuple[dns.name.Name, ...]:
    """The absolute names that a host may mean: with the search list first when it has few dots (resolv.conf(5))."""
    names = [host] if host.endswith(".") else [f"{host}.{domain}." for domain in config.search]
    if not host.endswith("."):
        names.insert(0 if host.count(".") >= config.ndots else len(names), f"{host}.")
    absolute = []
    for name in names:
        try:
            absolute.append(dns.name.from_text(name))
        except dns.exception.DNSException:
            continue
    return tuple(absolute)


async def _is_alive(server: Address, seconds: float) -> bool:
    """Whether the server answers anything at all: the root's name servers are what every resolver knows."""
    try:
        await ask(server, dns.message.make_query(".", "NS"), seconds)
    except NetError:
        return False
    return True


def _silent(host: str, server: Address, patience: float, alive: bool) -> TimedOut:
    if alive:
        return TimedOut(
            f"resolve: the name server {server} answers other questions, but had no answer for {host}"
            f" within {patience:.3g}s; the domain's own name servers are probably not answering",
            "resolve",
        )
    return TimedOut(
        f"resolve: the name server {server} did not answer within {patience:.3g}s, neither about {host}"
        " nor about anything else",
        "resolve",
        ours=True,
    )


def _read(replies: dict[int, Reply], host: str, server: Address) -> tuple[str, ...]:
    """The addresses, IPv6 first. A family that simply has none explains less than a failure of the other."""
    addresses = tuple(ip for kind in (AAAA, A) if kind in replies for ip in replies[kind].addresses)
    if addresses:
        return addresses
    codes = {reply.code for reply in replies.values()}
    if NXDOMAIN in codes:
        raise NoAddress(f"resolve: there is no such name as {host} (NXDOMAIN from {server})", "resolve")
    if SERVFAIL in codes:
        raise NetError(
            f"resolve: the name server {server} could not resolve {host} (SERVFAIL): the domain's own name servers"
            " fail or its DNSSEC signatures do not hold",
            "resolve",
        )
    if codes != {NOERROR}:
        code = dns.rcode.to_text(dns.rcode.from_flags(max(codes), 0))
        raise NetError(f"resolve: the name server {server} refused to resolve {host} ({code})", "resolve", ours=True)
    missing = " or ".join(_MISSING[kind] for kind in sorted(replies))
    raise NoAddress(f"resolve: {host} has no {missing}", "resolve")
