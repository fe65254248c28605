"""The resolver against name servers that answer, fail and say nothing, on its own clock and outside of any thread."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from probes.base import Outcome
from probes.net.address import Address
from probes.net.errors import NetError
from probes.net.resolver import Resolver
from tests.sockets import Zone, name_server, on_loop, refused_port

ZONE: Zone = {
    ("shop.example.", "A"): ["10.0.0.1"],
    ("both.example.", "A"): ["10.0.0.1"],
    ("both.example.", "AAAA"): ["2001:db8::1"],
    ("www.example.", "A"): ["www.example. IN CNAME shop.example.", "shop.example. IN A 10.0.0.1"],
    ("api.svc.cluster.", "A"): ["10.1.0.1"],
    ("quiet.example.", "*"): "silent",
    ("mad.example.", "*"): "garbage",
    ("broken.example.", "*"): "SERVFAIL",
    ("secret.example.", "*"): "REFUSED",
    (".", "NS"): ["a.root-servers.net."],
}


def of(*ports: int, **words: Any) -> Resolver:
    return Resolver([Address("127.0.0.1", port) for port in ports], patience=0.6, **words)


async def failure(resolver: Resolver, name: str, family: Any = "any") -> tuple[Outcome, str]:
    with pytest.raises(NetError) as raised:
        await resolver.resolve(name, family)
    assert raised.value.phase == "resolve"
    return raised.value.outcome, str(raised.value)


@on_loop
async def test_names_become_addresses_ipv6_first() -> None:
    async with name_server(ZONE) as (port, _):
        resolver = of(port)
        assert await resolver.resolve("both.example") == ("2001:db8::1", "10.0.0.1")
        assert await resolver.resolve("both.example", "4") == ("10.0.0.1",)
        assert await resolver.resolve("both.example.", "6") == ("2001:db8::1",)
        assert await resolver.resolve("shop.example") == ("10.0.0.1",)
        assert await resolver.resolve("www.example", "4") == ("10.0.0.1",)


@on_loop
async def test_literal_addresses_and_localhost_are_never_asked_for(tmp_path: Path) -> None:
    async with name_server(ZONE) as (port, server):
        resolver = of(port, hosts=tmp_path / "none")
        assert await resolver.resolve("10.9.9.9") == ("10.9.9.9",)
        assert await resolver.resolve("2001:db8::9", "6") == ("2001:db8::9",)
        assert await resolver.resolve("localhost") == ("::1", "127.0.0.1")
        assert await failure(resolver, "10.9.9.9", "6") == (Outcome.UNKNOWN, "resolve: 10.9.9.9 is no IPv6 address")
    assert server.questions == []


@on_loop
async def test_the_hosts_file_goes_first(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.0.0.7 Shop.Example\n")
    async with name_server(ZONE) as (port, server):
        resolver = of(port, hosts=hosts)
        assert await resolver.resolve("shop.example") == ("10.0.0.7",)
        message = "resolve: /etc/hosts gives shop.example no IPv6 address"
        assert await failure(resolver, "shop.example", "6") == (Outcome.DOWN, message)
    assert server.questions == []


@on_loop
async def test_short_names_go_through_the_search_list(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\nsearch svc.cluster\noptions ndots:2\n")
    async with name_server(ZONE) as (port, server):
        assert [str(address) for address in Resolver(resolv_conf=conf).servers()] == ["127.0.0.1:53"]
        resolver = Resolver(resolv_conf=conf, patience=0.6, port=port)
        assert await resolver.resolve("api", "4") == ("10.1.0.1",)
        assert await resolver.resolve("shop.example", "4") == ("10.0.0.1",)
        assert await resolver.resolve("shop.example.", "4") == ("10.0.0.1",)
    assert server.questions == [
        "api.svc.cluster. A",
        "shop.example.svc.cluster. A",
        "shop.example. A",
        "shop.example. A",
    ]


@on_loop
async def test_a_name_that_does_not_exist_is_the_shops_trouble() -> None:
    async with name_server(ZONE) as (port, _):
        outcome, message = await failure(of(port), "nowhere.example")
        assert outcome is Outcome.DOWN
        assert message == f"resolve: there is no such name as nowhere.example (NXDOMAIN from 127.0.0.1:{port})"
        outcome, message = await failure(of(port), "shop.example", "6")
        assert (outcome, message) == (Outcome.DOWN, "resolve: shop.example has no IPv6 address (no AAAA record)")


@on_loop
async def test_a_silent_name_server_is_our_trouble_and_a_silent_domain_is_not() -> None:
    silent: Zone = {("*", "*"): "silent"}
    async with name_server(ZONE) as (port, _), name_server(silent) as (mute, _):
        outcome, message = await failure(of(port), "quiet.example", "4")
        assert outcome is Outcome.DOWN
        assert message == (
            f"resolve: the name server 127.0.0.1:{port} answers other questions, but had no answer for quiet.example"
            " within 0.6s; the domain's own name servers are probably not answering"
        )
        outcome, message = await failure(of(mute), "shop.example", "4")
        assert outcome is Outcome.UNKNOWN
        assert message == (
            f"resolve: the name server 127.0.0.1:{mute} did not answer within 0.6s, neither about shop.example"
            " nor about anything else"
        )


@on_loop
async def test_a_name_server_that_is_not_there_is_our_trouble() -> None:
    port = refused_port()
    outcome, message = await failure(of(port), "shop.example", "4")
    assert outcome is Outcome.UNKNOWN
    assert message == f"resolve: the name server 127.0.0.1:{port} refused the connection"


@on_loop
async def test_servfail_is_the_shops_trouble_and_a_refusal_is_ours() -> None:
    async with name_server(ZONE) as (port, _):
        assert (await failure(of(port), "broken.example"))[0] is Outcome.DOWN
        outcome, message = await failure(of(port), "secret.example")
        assert outcome is Outcome.UNKNOWN
        assert message == f"resolve: the name server 127.0.0.1:{port} refused to resolve secret.example (REFUSED)"


@on_loop
async def test_another_name_server_is_asked_when_the_first_is_silent_or_gone() -> None:
    silent: Zone = {("*", "*"): "silent"}
    async with name_server(ZONE) as (port, _), name_server(silent) as (mute, _):
        assert await of(mute, port).resolve("shop.example", "4") == ("10.0.0.1",)
        assert await of(refused_port(), port).resolve("shop.example", "4") == ("10.0.0.1",)


@on_loop
async def test_garbage_is_not_an_answer() -> None:
    async with name_server(ZONE) as (port, _):
        assert (await failure(of(port), "mad.example", "4"))[0] is Outcome.DOWN


@on_loop
async def test_fifty_black_holes_neither_start_a_thread_nor_delay_a_healthy_name() -> None:
    silent: Zone = {("*", "*"): "silent"}
    threads = threading.active_count()
    async with name_server(ZONE) as (port, _), name_server(silent) as (mute, _):
        stuck = [asyncio.create_task(of(mute).resolve(f"a{n}.example", "4")) for n in range(50)]
        await asyncio.sleep(0.05)
        started = time.perf_counter()
        assert await of(port).resolve("shop.example", "4") == ("10.0.0.1",)
        took = time.perf_counter() - started
        assert threading.active_count() == threads
        results = await asyncio.gather(*stuck, return_exceptions=True)
    assert took < 0.5  # the stuck ones take 0.6 s; asyncio's own threads would have queued behind them
    assert all(isinstance(result, NetError) and result.ours for result in results)
