"""/probe beside the real exporter, by other ways: from a source, DNS over TLS, cut answers, gRPC, packed bodies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.probes.blackbox.comparing import Target, compare
from tests.sockets import (
    Authority,
    NameServer,
    Shop,
    answer,
    name_server,
    on_loop,
    refused_port,
    self_signed,
    serve,
    silence,
)

pytestmark = pytest.mark.integration

HERE, NOT_HERE = "127.0.0.5", "192.0.2.7"
ZONE = {("shop.example.", "A"): ["10.0.0.1", "10.0.0.2"], ("quiet.example.", "*"): "silent"}


def modules(ca: str) -> dict[str, Any]:
    tls, ip4 = {"ca_file": ca}, {"preferred_ip_protocol": "ip4"}

    def of(prober: str, **words: Any) -> dict[str, Any]:
        return {"prober": prober, "timeout": "1s", prober: {**ip4, **words}}

    def dns(name: str = "shop.example", **words: Any) -> dict[str, Any]:
        return of("dns", query_name=name, query_type="A", **words)

    dot: dict[str, Any] = {"transport_protocol": "tcp", "dns_over_tls": True, "tls_config": tls}
    return {
        "tcp_here": of("tcp", source_ip_address=HERE),
        "tcp_nowhere": of("tcp", source_ip_address=NOT_HERE),
        "tcp_six": of("tcp", source_ip_address="::1"),
        "dns_here": dns(source_ip_address=HERE),
        "dns_tcp_here": dns(source_ip_address=HERE, transport_protocol="tcp"),
        "dns_nowhere": dns(source_ip_address=NOT_HERE),
        "dns_six": dns(source_ip_address="::1"),
        "icmp_here": of("icmp", source_ip_address=HERE),
        "icmp_nowhere": of("icmp", source_ip_address=NOT_HERE),
        "icmp_six": of("icmp", source_ip_address="::1"),
        "dns": dns(),
        "dot": dns(**dot),
        "dot_here": dns(**dot, source_ip_address=HERE),
        "dot_nxdomain": dns("nowhere.example", **dot, valid_rcodes=["NXDOMAIN"]),
        "dot_quiet": dns("quiet.example", **dot),
        "dot_rr": dns(**dot, validate_answer_rrs={"fail_if_not_matches_regexp": ["10.0.0.1$"]}),
        "dot_named": dns(**dot | {"tls_config": {**tls, "server_name": "other.example"}}),
        "dot_blind": dns(**dot | {"tls_config": {"insecure_skip_verify": True}}),
        "dot13": dns(**dot | {"tls_config": {**tls, "min_version": "TLS13"}}),
    }


@asynccontextmanager
async def targets(folder: Path, authority: Authority) -> AsyncIterator[list[Target]]:
    server, here = NameServer(ZONE), "127.0.0.1"
    async with AsyncExitStack() as stack:

        async def at(conversation: Any, **words: Any) -> str:
            return f"{here}:{await stack.enter_async_context(serve(conversation, **words))}"

        shop, mute, gone = await at(Shop(answer())), await at(silence), f"{here}:{refused_port()}"
        port, _ = await stack.enter_async_context(name_server(ZONE))
        cut, _ = await stack.enter_async_context(name_server({**ZONE, ("*", "TC"): "yes"}))
        secure = await at(server.by_tcp, tls=authority.server("localhost", here))
        other = await at(server.by_tcp, tls=authority.server("other.example"))
        alone = await at(server.by_tcp, tls=self_signed(folder, "a"))

        async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(2)

        yield [
            ("TCP from a source", "tcp_here", shop),
            ("TCP from a source to a closed port", "tcp_here", gone),
            ("TCP from an address that is not ours", "tcp_nowhere", shop),
            ("TCP from the other family", "tcp_six", shop),
            ("DNS from a source", "dns_here", f"{here}:{port}"),
            ("DNS by TCP from a source", "dns_tcp_here", f"{here}:{port}"),
            ("DNS from an address that is not ours", "dns_nowhere", f"{here}:{port}"),
            ("DNS from the other family", "dns_six", f"{here}:{port}"),
            ("an echo from a source", "icmp_here", here),
            ("an echo from an address that is not ours", "icmp_nowhere", here),
            ("an echo from the other family", "icmp_six", here),
            ("an answer cut short", "dns", f"{here}:{cut}"),
            ("DNS over TLS", "dot", secure),
            ("DNS over TLS by name", "dot", secure.replace(here, "localhost")),
            ("DNS over TLS from a source", "dot_here", secure),
            ("DNS over TLS 1.3", "dot13", secure),
            ("a name that must not exist over TLS", "dot_nxdomain", secure),
            ("records not as wanted over TLS", "dot_rr", secure),
            ("silence over TLS", "dot_quiet", secure),
            ("a certificate for another name", "dot", other),
            ("a certificate for another name that is wanted", "dot_named", other),
            ("a certificate of nobody", "dot", alone),
            ("a certificate of nobody, and blind", "dot_blind", alone),
            ("no TLS there", "dot", f"{here}:{port}"),
            ("TLS that stalls", "dot", mute),
            ("nobody there", "dot", gone),
            ("a server that hangs up", "dot", await at(drop, tls=authority.server(here))),
            ("a server by no name", "dot", "nowhere.invalid:853"),
        ]


@on_loop
async def test_the_same_verdicts_and_the_same_metrics(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with targets(tmp_path, authority) as wanted:
        differences = await compare(tmp_path, modules(str(authority.ca)), wanted)
    assert not differences, "\n".join(differences)
