"""Where /probe may go, checked on the address that a name resolves to."""

import asyncio
import socket

import psutil
import pytest

from probes.blackbox.guard import Guard, GuardedResolver
from probes.blackbox.modules import load_modules
from probes.blackbox.prober import probe
from probes.net.address import Address
from probes.net.errors import NetError
from probes.net.visit import Visit
from tests.sockets import Shop, answer, name_server, on_loop, serve, silence

#: This machine's addresses, loopback or not.
OWN = sorted(
    entry.address
    for entries in psutil.net_if_addrs().values()
    for entry in entries
    if entry.family in (socket.AF_INET, socket.AF_INET6)
)


def allowed(guard: Guard, host: str, ip: str) -> bool:
    try:
        guard.check(host, ip)
    except NetError as error:
        return not error.ours
    return True


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "168.63.129.16",
        "fd20:ce::254",
        "::127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        *OWN,
        *(f"64:ff9b::{ip}" for ip in OWN if ":" not in ip),
    ],
)
def test_what_is_refused_unless_its_network_is_named(ip: str) -> None:
    assert not allowed(Guard(), "shop.example", ip)
    assert not allowed(Guard(["shop.example"]), "shop.example", ip)


def test_networks_addresses_and_names() -> None:
    assert allowed(Guard(), "shop.example", "10.0.0.1")
    assert allowed(Guard(), "shop.example", "203.0.113.1")
    inside = Guard(["10.0.0.0/8", "2001:db8::1", "*.shop.example"])
    assert allowed(inside, "x", "10.9.9.9")
    assert allowed(inside, "x", "2001:db8::1")
    assert allowed(inside, "API.shop.example.", "203.0.113.1")
    assert not allowed(inside, "shop.example", "203.0.113.1")
    assert not allowed(inside, "shop.example.evil", "203.0.113.1")
    assert not allowed(inside, "x", "2001:db8::2")
    assert allowed(Guard(["127.0.0.0/8"]), "localhost", "127.0.0.1")


def test_an_address_that_leads_to_another_is_judged_by_both() -> None:
    assert allowed(Guard(), "x", "64:ff9b::203.0.113.1")
    assert allowed(Guard(["203.0.113.0/24"]), "x", "64:ff9b::203.0.113.1")
    assert allowed(Guard(["64:ff9b::/96"]), "x", "64:ff9b::203.0.113.1")
    assert not allowed(Guard(["203.0.113.0/24"]), "x", "64:ff9b::203.0.114.1")
    for ip in OWN:
        assert allowed(Guard([ip.partition("%")[0]]), "x", ip)


def test_a_network_with_host_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="has host bits set"):
        Guard(["10.0.0.1/8"])


@on_loop
async def test_the_resolver_takes_one_address_of_the_preferred_family_and_checks_it() -> None:
    here = Guard(["127.0.0.0/8", "::1"])
    assert await GuardedResolver(here, "ip4", True).resolve("localhost") == ("127.0.0.1",)
    assert await GuardedResolver(here, "ip6", True).resolve("127.0.0.1") == ("127.0.0.1",)
    with pytest.raises(NetError, match="has no address of ip6"):
        await GuardedResolver(here, "ip6", False).resolve("127.0.0.1")
    with pytest.raises(NetError, match=r"probing localhost \(127.0.0.1\) is not allowed here"):
        await GuardedResolver(Guard(), "ip4", True).resolve("localhost")


MODULES = """
modules:
  http: {prober: http}
  https: {prober: http, http: {fail_if_not_ssl: true, tls_config: {insecure_skip_verify: true}}}
  tcp: {prober: tcp}
  tls: {prober: tcp, tcp: {tls: true}}
  icmp: {prober: icmp}
  grpc: {prober: grpc}
  grpcs: {prober: grpc, grpc: {tls: true}}
  dns: {prober: dns, dns: {query_name: shop.example}}
  dns_tcp: {prober: dns, dns: {query_name: shop.example, transport_protocol: tcp}}
  dot: {prober: dns, dns: {query_name: shop.example, transport_protocol: tcp, dns_over_tls: true}}
  from_here: {prober: tcp, tcp: {source_ip_address: 127.0.0.1}}
  http_from_here: {prober: http, http: {source_ip_address: 127.0.0.1}}
"""


@on_loop
async def test_every_prober_asks_before_it_dials() -> None:
    dialled: list[str] = []

    async def taken(*_: object) -> None:
        dialled.append("by somebody")

    async with serve(taken) as port:
        for name, module in load_modules(MODULES, "blackbox.yml").items():
            target = "127.0.0.1" if module.prober == "icmp" else f"127.0.0.1:{port}"
            found, _ = await probe(module, target, Guard(), 5.0)
            assert not found.success
            assert "not allowed here" in found.reason, name
    assert not dialled


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/latest/", "//127.0.0.1:1/", "http://[::1]/", "http://[64:ff9b::a9fe:a9fe]/"]
)
@on_loop
async def test_a_redirect_is_judged_as_well(place: str) -> None:
    module = load_modules(MODULES, "blackbox.yml")["http"]
    async with serve(Shop(answer("302 Found", headers={"Location": place})), host="127.0.0.2") as port:
        found, _ = await probe(module, f"http://127.0.0.2:{port}/", Guard(["127.0.0.2"]), 5.0)
    assert "not allowed here" in found.reason


@on_loop
async def test_a_name_that_changes_its_address_is_judged_by_the_one_that_is_dialled() -> None:
    zone = {("turning.example.", "A"): ["127.0.0.2"]}
    async with name_server(zone) as (port, server), serve(silence, host="127.0.0.2") as there:
        resolver = GuardedResolver(Guard(["127.0.0.2"]), "ip4", True, servers=[Address("127.0.0.1", port)])
        deadline = asyncio.get_running_loop().time() + 5
        for ip, error in (("127.0.0.2", None), ("", "not allowed here")):
            server.questions.clear()
            visit = Visit(Address("turning.example", there), ("resolve", "connect"))
            said = await visit.pay(deadline, _connect(visit, resolver))
            assert visit.ip == ip
            assert said is None if error is None else error in str(said)
            # Asked once for each family, and never again before it is dialled.
            assert sorted(server.questions) == ["turning.example. A", "turning.example. AAAA"]
            zone["turning.example.", "A"] = ["127.0.0.1"]


async def _connect(visit: Visit, resolver: GuardedResolver) -> None:
    await visit.connect(resolver, "any")
