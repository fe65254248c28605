"""Looks that go out from a certain address of this machine: the server sees it, and one that we lack is our trouble."""

import asyncio
import gc
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Outcome, Probe
from probes.clock import ClockProbe
from probes.dns import DnsProbe
from probes.http import HttpProbe
from probes.net.connect import connect
from probes.net.errors import NetError
from probes.net.ping import open_socket
from probes.net.resolver import Resolver
from probes.tcp import TcpProbe, TcpSettings
from probes.tls import TlsProbe
from tests.looking import look
from tests.sockets import Authority, NameServer, Zone, answer, name_server, on_loop, refused_port, serve

HERE, NOT_HERE = "127.0.0.5", "192.0.2.7"
ZONE: Zone = {("shop.example.", "A"): ["10.0.0.1"]}


class Witness:
    """Answers every request, and remembers from where it came."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(writer.get_extra_info("peername")[0])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(body=b"ok"))


class Listening(NameServer):
    """A name server that remembers from where it was asked."""

    seen: list[str]

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.seen.append(address[0])
        super().datagram_received(data, address)


@on_loop
async def test_http_tcp_and_tls_go_out_from_there(tmp_path: Path) -> None:
    authority, plain, secure = Authority(tmp_path), Witness(), Witness()
    tls = {"ca": str(authority.ca)}
    async with serve(plain) as port, serve(secure, tls=authority.server("127.0.0.1", "localhost")) as safe:
        words: dict[str, Any] = {"source": HERE}
        found = [
            await look(HttpProbe, url=f"http://127.0.0.1:{port}/", **words),
            await look(HttpProbe, url=f"http://localhost:{port}/", **words),
            await look(TcpProbe, address=f"127.0.0.1:{port}", type="tcp", **words),
            await look(HttpProbe, url=f"https://127.0.0.1:{safe}/", tls=tls, **words),
            await look(TlsProbe, address=f"localhost:{safe}", type="tls", tls=tls, expect={"valid_for": "1h"}, **words),
        ]
        await asyncio.sleep(0.05)
    assert [finding.outcome is Outcome.DOWN for finding in found] == [False] * 5, [one.reason for one in found]
    assert plain.seen == [HERE] * 3
    assert set(secure.seen) == {HERE}


@on_loop
async def test_over_ipv6() -> None:
    witness = Witness()
    async with serve(witness, host="::1") as port:
        good = await look(HttpProbe, url=f"http://[::1]:{port}/", source="::1")
        lost = await look(HttpProbe, url=f"http://[::1]:{port}/", source="2001:db8::7")
    assert (good.outcome, good.reason) == (Outcome.UP, "")
    assert witness.seen == ["::1"]
    expected = f"connect: cannot reach [::1]:{port}: this machine does not have the source address 2001:db8::7"
    assert (lost.outcome, lost.reason) == (Outcome.UNKNOWN, expected)


@on_loop
async def test_the_second_look_at_a_bad_certificate_goes_out_from_there_too(tmp_path: Path) -> None:
    seen = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    bad = Authority(tmp_path).server("other.example")
    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        await writer.start_tls(bad)

    async with serve(greet, port=port):
        tls = {"ca": str(tmp_path / "ca.pem")}
        finding = await look(HttpProbe, url=f"https://127.0.0.1:{port}/", tls=tls, source=HERE)
    assert finding.reason == "tls: expected a certificate for 127.0.0.1, got one for other.example"
    assert seen == [HERE, HERE]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@on_loop
async def test_dns_goes_out_from_there(transport: str) -> None:
    async with name_server(ZONE) as (port, server):
        words: dict[str, Any] = {"type": "dns", "query": "shop.example", "server": f"127.0.0.1:{port}"}
        good = await look(DnsProbe, transport=transport, source=HERE, **words)
        lost = await look(DnsProbe, transport=transport, source=NOT_HERE, **words)
    assert (good.outcome, good.reason) == (Outcome.UP, "")
    assert server.questions == ["shop.example. A"]
    assert lost.outcome is Outcome.UNKNOWN
    assert lost.reason.endswith(f"this machine does not have the source address {NOT_HERE}")


@on_loop
async def test_the_name_server_sees_it_by_udp_and_after_a_cut_answer_by_tcp() -> None:
    server, by_tcp = Listening({**ZONE, ("*", "TC"): "yes"}), []
    server.seen = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        by_tcp.append(writer.get_extra_info("peername")[0])
        await server.by_tcp(reader, writer)

    async with serve(note) as port:
        line, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: server, local_addr=("127.0.0.1", port)
        )
        finding = await look(DnsProbe, type="dns", query="shop.example", server=f"127.0.0.1:{port}", source=HERE)
        line.close()
    assert finding.outcome is Outcome.UP, finding.reason
    assert (server.seen, by_tcp) == ([HERE], [HERE])


@on_loop
async def test_a_time_server_is_asked_from_there() -> None:
    """It refuses, which a socket that is bound hears as well; from an address that we lack it is never asked."""
    port = refused_port()
    heard = await look(ClockProbe, type="clock", server=f"127.0.0.1:{port}", source=HERE)
    lost = await look(ClockProbe, type="clock", server=f"127.0.0.1:{port}", source=NOT_HERE)
    assert heard.reason == f"ask: the time server 127.0.0.1:{port} refused the connection"
    where = f"ask: cannot reach the time server 127.0.0.1:{port}"
    assert lost.reason == f"{where}: this machine does not have the source address {NOT_HERE}"


def test_pings_go_out_from_there() -> None:
    try:
        open_socket("127.0.0.1", "shop.example").close()
    except NetError as error:
        pytest.skip(str(error))
    with open_socket("127.0.0.1", "shop.example", HERE) as opened:
        assert opened.getsockname()[0] == HERE
    lacking = f"setup: cannot reach shop.example: this machine does not have the source address {NOT_HERE}"
    with pytest.raises(NetError, match=re.escape(lacking)):
        open_socket("127.0.0.1", "shop.example", NOT_HERE)
    with pytest.raises(NetError, match=r"from 127\.0\.0\.5: one is IPv4, the other IPv6"):
        open_socket("::1", "shop.example", HERE)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TcpProbe, {"type": "tcp", "address": "127.0.0.1:{port}"}),
        (HttpProbe, {"type": "http", "url": "http://127.0.0.1:{port}/"}),
    ],
)
@on_loop
async def test_an_address_that_this_machine_lacks_is_our_own_trouble(
    kind: type[Probe[Any]], words: dict[str, str]
) -> None:
    witness = Witness()
    async with serve(witness) as port:
        filled: dict[str, Any] = {key: value.format(port=port) for key, value in words.items()}
        finding = await look(kind, source=NOT_HERE, **filled)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == (
        f"connect: cannot reach 127.0.0.1:{port}: this machine does not have the source address {NOT_HERE}"
    )
    assert witness.seen == []


@on_loop
async def test_a_target_that_refuses_is_still_the_targets_trouble() -> None:
    port = refused_port()
    finding = await look(TcpProbe, type="tcp", address=f"127.0.0.1:{port}", source=HERE)
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        f"connect: 127.0.0.1:{port} refused the connection",
    )


@on_loop
async def test_the_source_narrows_the_family_of_a_name(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 both\n::1 both six\n")
    resolver = Resolver(hosts=hosts, source=HERE)
    assert await resolver.resolve("both") == ("127.0.0.1",)
    assert await Resolver(hosts=hosts, source="::1").resolve("both") == ("::1",)
    assert await Resolver(hosts=hosts).resolve("both") == ("::1", "127.0.0.1")
    with pytest.raises(NetError, match="/etc/hosts gives six no IPv4 address"):
        await resolver.resolve("six")


@on_loop
async def test_families_that_do_not_go_together() -> None:
    with pytest.raises(NetError) as error:
        await connect(["::1"], 80, "shop.example", HERE)
    reason = "connect: cannot reach shop.example ([::1]:80) from 127.0.0.5: one is IPv4, the other IPv6"
    assert (str(error.value), error.value.ours) == (reason, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"source": "eth0"}, "'eth0' is not an IP address; write one that this machine has, such as 10.0.0.5"),
        ({"source": HERE, "ip": 6}, "source: 127.0.0.5 reaches IPv4 only, which does not go with ip: 6"),
        ({"source": "::1", "ip": "each"}, "source: ::1 reaches IPv6 only, which does not go with ip: each"),
    ],
)
def test_bad_sources_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        TcpSettings.model_validate({"name": "a", "type": "tcp", "address": "shop.example:80", **words})


@on_loop
async def test_no_descriptor_is_left_behind() -> None:
    """Connections that are refused, cannot be bound, or are given up in the middle of it."""
    port, counts = refused_port(), []
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowded = full.getsockname()[1]
        crowd = [socket.socket() for _ in range(3)]
        for waiting in crowd:
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", crowded))
        await asyncio.sleep(0.05)
        for _ in range(3):
            for source, where in ((HERE, port), (NOT_HERE, port), (HERE, crowded)):
                words: dict[str, Any] = {"address": f"127.0.0.1:{where}", "source": source}
                looks = (look(TcpProbe, patience=0.1, type="tcp", **words) for _ in range(10))
                await asyncio.gather(*looks)
            await asyncio.sleep(0.1)
            gc.collect()
            counts.append(_descriptors())
        for waiting in crowd:
            waiting.close()
    assert counts[-1] <= counts[0]


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
