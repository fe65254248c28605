"""/probe beside the real exporter, by other ways: from a source, DNS over TLS, cut answers, gRPC, packed bodies."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.health import (
    NOT_SERVING,
    SERVING,
    Act,
    acting,
    health,
    over_h2,
    plain,
    replied,
    reset,
    status,
    trailers_only,
)
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
        "icmp_whole": of("icmp", dont_fragment=True, payload_size=1000),
        "gzip": of("http", compression="gzip"),
        "gzip_small": of("http", compression="gzip", body_size_limit="10000B"),
        "deflate": of("http", compression="deflate"),
        "identity": of("http", compression="identity"),
        "grpc": of("grpc"),
        "grpc_cart": of("grpc", service="cart"),
        "grpc_tls": of("grpc", tls=True, tls_config=tls),
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

        async def packed(body: bytes, encoding: str) -> str:
            return await at(Shop(answer(body=body, headers={"Content-Encoding": encoding})))

        raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        deflated = raw.compress(b"hello " * 50) + raw.flush()
        zipped = gzip.compress(b"hello " * 50)

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
            ("an echo in one piece", "icmp_whole", here),
            ("deflate as it is meant", "deflate", await packed(zlib.compress(b"hello " * 50), "deflate")),
            ("deflate as some send it", "deflate", await packed(deflated, "deflate")),
            ("gzip that ends early", "gzip", await packed(zipped[:-12], "gzip")),
            ("two gzip bodies in a row", "gzip", await packed(zipped + zipped, "gzip")),
            ("gzip and then garbage", "gzip", await packed(zipped + b"what?", "gzip")),
            ("deflate and then garbage", "deflate", await packed(deflated + b"what?", "deflate")),
            ("deflate that ends early", "deflate", await packed(deflated[:-3], "deflate")),
            ("a body that packs well", "gzip_small", await packed(gzip.compress(bytes(50_000)), "gzip")),
            ("br where gzip is wanted", "gzip", await packed(b"\x0b\x02\x80hello\x03", "br")),
            ("br that nobody unpacks", "identity", await packed(b"\x0b\x02\x80hello\x03", "br")),
            ("zstd that nobody unpacks", "identity", await packed(b"\x28\xb5\x2f\xfd", "zstd")),
        ]


@asynccontextmanager
async def grpc_targets(authority: Authority) -> AsyncIterator[list[Target]]:
    """One that says nothing is not among them: of it blackbox_exporter 0.23 waits for ever, whatever its timeout."""
    async with AsyncExitStack() as stack:

        async def at(conversation: Any, **words: Any) -> str:
            return f"127.0.0.1:{await stack.enter_async_context(serve(conversation, **words))}"

        async def does(act: Act) -> str:
            return await at(acting(act))

        good = await at(health({"": SERVING, "cart": NOT_SERVING}))
        secure = await at(health({"": SERVING}), tls=over_h2(authority.server("127.0.0.1", "localhost")))
        other = await at(health({"": SERVING}), tls=over_h2(authority.server("other.example")))
        tls = over_h2(authority.server("127.0.0.1"))
        yield [
            ("serving", "grpc", good),
            ("serving, by URL", "grpc", f"http://{good}/shop"),
            ("serving, by name", "grpc", good.replace("127.0.0.1", "localhost")),
            ("not serving", "grpc_cart", good),
            ("a service that is not known", "grpc_cart", await at(health({"": SERVING}))),
            ("in TLS", "grpc_tls", secure),
            ("in TLS by name", "grpc_tls", secure.replace("127.0.0.1", "localhost")),
            ("in TLS without ALPN", "grpc_tls", await at(health({"": SERVING}), tls=authority.server("127.0.0.1"))),
            ("in TLS, not serving", "grpc_tls", await at(health({"": NOT_SERVING}), tls=tls)),
            ("in TLS, unknown", "grpc_tls", await at(health({}), tls=tls)),
            ("a certificate for another name", "grpc_tls", other),
            ("no TLS where TLS is", "grpc", secure),
            ("TLS where none is", "grpc_tls", good),
            ("nobody there", "grpc", f"127.0.0.1:{refused_port()}"),
            ("no such name", "grpc", "nowhere.invalid:443"),
            ("a web page, 404", "grpc", await does(plain(404))),
            ("a web page, 200", "grpc", await does(plain(200))),
            ("a web page, 503", "grpc", await does(plain(503))),
            ("a web server", "grpc", await at(Shop(answer()))),
            ("a call that is given up", "grpc", await does(reset)),
            ("a message that is none", "grpc", await does(replied(b"\0\0\0\0\2zz"))),
            ("a message that ends early", "grpc", await does(replied(b"\0\0\0\0\2\x08"))),
            ("half a frame", "grpc", await does(replied(b"\0\0\0"))),
            ("no message", "grpc", await does(replied(b""))),
            ("a compressed message", "grpc", await does(replied(b"\1\0\0\0\2\x08\1"))),
            ("a status of the future", "grpc", await does(status(7))),
            ("a status that is left out", "grpc", await does(status(0))),
            ("a field of the future", "grpc", await does(replied(b"\0\0\0\0\6\x12\2ab\x08\1"))),
            ("an error after the message", "grpc", await does(status(SERVING, 13))),
            ("refused in one piece", "grpc", await does(trailers_only(16, "who are you?"))),
        ]


async def differences(folder: Path, authority: Authority, wanted: list[Target]) -> str:
    return "\n".join(await compare(folder, modules(str(authority.ca)), wanted))


@on_loop
async def test_the_same_verdicts_and_the_same_metrics(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with targets(tmp_path, authority) as wanted:
        assert not await differences(tmp_path, authority, wanted)


@on_loop
async def test_the_same_of_grpc(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with grpc_targets(authority) as wanted:
        assert not await differences(tmp_path, authority, wanted)
