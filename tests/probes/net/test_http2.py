"""HTTP/2: spoken where both sides want it, measured alike, and no more trusting than HTTP/1.1."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest

from probes.base import Finding, Outcome
from probes.http import HttpProbe
from probes.net.client import AsyncClient
from probes.net.http import Http
from probes.net.tls import TlsSettings
from probes.net.transport import MeasuringTransport
from tests.looking import look, numbers
from tests.sockets import Authority, Shop, answer, on_loop, serve

Act = Callable[[h2.connection.H2Connection, int, bytes], None]


def speaker(act: Act, bodies: list[bytes] | None = None) -> Any:
    """A server that acts once each request is whole; what was sent in bodies is kept."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        paths: dict[int, bytes] = {}
        body = b""
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    paths[event.stream_id] = dict(event.headers)[b":path"]
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    if bodies is not None:
                        bodies.append(body)
                    act(connection, event.stream_id, paths[event.stream_id])
                elif isinstance(event, h2.events.WindowUpdated):
                    pass
            writer.write(connection.data_to_send())
            await writer.drain()

    return talk


def say(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
    connection.send_headers(stream, [(":status", "200"), ("x-path", path.decode())])
    connection.send_data(stream, b"hello", end_stream=True)


def two(authority: Authority) -> ssl.SSLContext:
    context = authority.server("localhost")
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def of(act: Act, authority: Authority, **words: Any) -> Finding:
    async with serve(speaker(act), tls=two(authority)) as port:
        url, tls = f"https://localhost:{port}/a?b=c", {"ca": str(authority.ca)}
        finding = await look(HttpProbe, type="http", url=url, ip=4, tls=tls, http2=True, **words)
        return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@on_loop
async def test_a_good_answer(authority: Authority) -> None:
    finding = await of(say, authority, expect={"text": "hello", "headers": {"x-path": "/a?b=c"}})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_http_version"] == 2
    assert all(seen[f"probe_http_duration_seconds{{{leg}}}"] > 0 for leg in ("tls", "processing", "transfer"))


@on_loop
async def test_a_server_that_offers_only_http_1_gets_it(authority: Authority) -> None:
    async with serve(Shop(answer(body=b"ok")), tls=authority.server("localhost")) as port:
        tls = {"ca": str(authority.ca)}
        finding = await look(HttpProbe, type="http", url=f"https://localhost:{port}/", ip=4, tls=tls, http2=True)
    assert (finding.outcome, numbers(finding)["probe_http_version"]) == (Outcome.UP, 1.1)


def refuse(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
    connection.reset_stream(stream, 7)


def end(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
    connection.close_connection(11)


def flood(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
    connection.send_headers(stream, [(":status", "200")])
    for _ in range(3):
        connection.send_data(stream, b"x" * 16_000)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (refuse, "processing: localhost:PORT gave the request up: REFUSED_STREAM"),
        (end, "processing: localhost:PORT ended the HTTP/2 connection: ENHANCE_YOUR_CALM"),
        (flood, "transfer: localhost:PORT sent a body of more than 20000 bytes (the limit, max_body)"),
    ],
)
@on_loop
async def test_bad_answers_are_down(authority: Authority, act: Act, reason: str) -> None:
    finding = await of(act, authority, max_body="20KB")
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)


def goaway(last: int, code: int) -> bytes:
    return b"\0\0\x08\7\0\0\0\0\0" + last.to_bytes(4, "big") + code.to_bytes(4, "big")


@pytest.mark.parametrize("when", ["before", "within"])
@pytest.mark.parametrize(
    ("last", "code", "reason"),
    [
        (1, 0, ""),
        (2**31 - 1, 0, ""),
        (0, 0, "ended the HTTP/2 connection: NO_ERROR"),
        (1, 2, "ended the HTTP/2 connection: INTERNAL_ERROR"),
    ],
)
@on_loop
async def test_a_farewell_before_the_answer_is_whole(
    authority: Authority, last: int, code: int, reason: str, when: str
) -> None:
    """RFC 9113, 6.8: what is under way up to the stream that GOAWAY names still comes."""
    head, body = b"\0\0\1\1\4\0\0\0\1\x88", b"\0\0\5\0\1\0\0\0\1hello"
    farewell = goaway(last, code)
    sent = farewell + head + body if when == "before" else head + farewell + body

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"\0\0\0\4\0\0\0\0\0" + sent)
        await reader.read(65536)

    async with serve(leave, tls=two(authority)) as port:
        words: dict[str, Any] = {"type": "http", "ip": 4, "tls": {"ca": str(authority.ca)}, "http2": True}
        url = f"https://localhost:{port}/"
        finding = await look(HttpProbe, url=url, expect={"text": "hello"}, **words)
    assert finding.reason.partition(f"localhost:{port} ")[2] == reason
    assert finding.outcome is (Outcome.DOWN if reason else Outcome.UP)


@on_loop
async def test_a_connection_that_has_said_farewell_is_not_asked_again(authority: Authority) -> None:
    def bow(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
        say(connection, stream, path)
        connection._data_to_send[:0] = goaway(stream, 0)

    http = Http(tls=TlsSettings(ca=authority.ca), family="4", http2=True, reuse=True)
    async with (
        serve(speaker(bow), tls=two(authority)) as port,
        AsyncClient(transport=MeasuringTransport(http)) as client,
    ):
        responses = [await client.get(f"https://localhost:{port}/") for _ in range(3)]
    assert [response.status_code for response in responses] == [200] * 3
    assert ["tls" in response.extensions["phases"].seconds for response in responses] == [True] * 3


@on_loop
async def test_garbage_and_silence(authority: Authority) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 What?\r\n\r\n" * 10)
        await reader.read()

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\0\0\1\0\0\0\0\0\1x")  # DATA for a stream of which no answer has begun
        await reader.read()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)

    words: dict[str, Any] = {"type": "http", "ip": 4, "tls": {"ca": str(authority.ca)}, "http2": True}
    async with serve(garbage, tls=two(authority)) as port:
        finding = await look(HttpProbe, url=f"https://localhost:{port}/", **words)
        assert finding.outcome is Outcome.DOWN
        assert finding.reason == f"processing: localhost:{port} agreed on HTTP/2 and answered in HTTP/1"
    async with serve(broken, tls=two(authority)) as port:
        finding = await look(HttpProbe, url=f"https://localhost:{port}/", **words)
        assert finding.outcome is Outcome.DOWN
        assert finding.reason.startswith(f"processing: localhost:{port} broke the rules of HTTP/2: ")
    async with serve(mute, tls=two(authority)) as port:
        finding = await look(HttpProbe, url=f"https://localhost:{port}/", **words)
        assert finding.reason == f"processing: localhost:{port} closed the connection without answering"


@on_loop
async def test_long_bodies_both_ways_and_a_kept_connection(authority: Authority) -> None:
    sent: list[bytes] = []

    def echo(connection: h2.connection.H2Connection, stream: int, path: bytes) -> None:
        connection.send_headers(stream, [(":status", "200")])
        connection.send_data(stream, b"y" * 16_000)
        connection.send_data(stream, b"y" * 16_000, end_stream=True)

    http = Http(tls=TlsSettings(ca=authority.ca), family="4", http2=True, reuse=True)
    async with (
        serve(speaker(echo, sent), tls=two(authority)) as port,
        AsyncClient(transport=MeasuringTransport(http)) as client,
    ):
        url = f"https://localhost:{port}/"
        responses = [await client.post(url, content=b"x" * 200_000) for _ in range(6)]
    assert {len(response.content) for response in responses} == {32_000}
    assert {response.http_version for response in responses} == {"HTTP/2"}
    assert [len(body) for body in sent] == [200_000 * n for n in range(1, 7)]
    assert ["tls" in response.extensions["phases"].seconds for response in responses] == [True] + [False] * 5
