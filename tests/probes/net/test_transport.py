"""The measuring transport under an ordinary httpx client, as journeys use it."""

import asyncio
import gzip
from pathlib import Path

import pytest

from probes.base import Outcome
from probes.net.client import AsyncClient, ConnectError, ConnectTimeout, ReadError, ReadTimeout
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.tls import TlsSettings
from probes.net.transport import MeasuringTransport
from tests.sockets import Authority, Shop, after_head, answer, on_loop, refused_port, serve, silence


def in_seconds(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


@on_loop
async def test_a_response_carries_its_phases_and_the_client_keeps_cookies() -> None:
    shop = Shop(answer(body=b"hello", headers={"Set-Cookie": "session=1; Path=/", "X-One": "1"}), linger=True)
    async with serve(shop) as port, AsyncClient(transport=MeasuringTransport()) as client:
        url = f"http://127.0.0.1:{port}/"
        first = await client.get(url, params={"q": "a b"})
        second = await client.post(url, data={"csrf": "x"})
    assert (first.status_code, first.text, first.headers["x-one"]) == (200, "hello", "1")
    assert set(first.extensions["phases"].seconds) == {"resolve", "connect", "processing", "transfer"}
    assert set(second.extensions["phases"].seconds) == {"processing", "transfer"}  # the connection was kept
    assert first.extensions["ip"] == "127.0.0.1"
    assert shop.requests[0].startswith(b"GET /?q=a+b HTTP/1.1\r\n")
    assert b"cookie: session=1" in shop.requests[1].lower()
    assert shop.requests[1].endswith(b"csrf=x")
    assert first.http_version == "HTTP/1.1"


@on_loop
async def test_redirects_are_single_measured_responses() -> None:
    away = answer("302 Found", headers={"Location": "/there"})
    shop = Shop(lambda head: answer(body=b"there") if head.startswith(b"GET /there") else away)
    async with serve(shop) as port, AsyncClient(transport=MeasuringTransport(), follow_redirects=True) as client:
        response = await client.get(f"http://127.0.0.1:{port}/")
    assert response.text == "there"
    assert [hop.extensions["phases"].total > 0 for hop in (*response.history, response)] == [True, True]


@on_loop
async def test_a_packed_body_comes_unpacked_and_bounded() -> None:
    packed = gzip.compress(b"0" * 100_000)
    shop = Shop(answer(body=packed, headers={"Content-Encoding": "gzip"}))
    async with serve(shop) as port:
        async with AsyncClient(transport=MeasuringTransport()) as client:
            response = await client.get(f"http://127.0.0.1:{port}/")
            assert len(response.content) == 100_000
            assert response.extensions["encoded_length"] == len(packed)
        async with AsyncClient(transport=MeasuringTransport(Http(max_body=10_000))) as client:
            with pytest.raises(ReadError, match="unpacks to more than 10000 bytes"):
                await client.get(f"http://127.0.0.1:{port}/")


@on_loop
async def test_failures_are_httpx_errors_with_the_cause_and_what_was_measured() -> None:
    transport = MeasuringTransport(deadline=in_seconds(0.4))
    async with AsyncClient(transport=transport) as client, serve(silence) as port:
        with pytest.raises(ConnectError, match="refused the connection") as refused:
            await client.get(f"http://127.0.0.1:{refused_port()}/")
        with pytest.raises(ReadTimeout, match="had not begun to answer") as late:
            await client.get(f"http://127.0.0.1:{port}/")
        transport.deadline = float("inf")
        earlier = {"deadline": in_seconds(0.2)}
        with pytest.raises(ConnectTimeout, match="TLS handshake"):
            await client.get(f"https://127.0.0.1:{port}/", extensions=earlier)
    cause = refused.value.__cause__
    assert isinstance(cause, NetError)
    assert (cause.phase, cause.outcome) == ("connect", Outcome.DOWN)
    assert set(late.value.request.extensions["hop"].phases.seconds) == {"resolve", "connect", "processing"}


@on_loop
async def test_the_deadline_ends_a_dripping_body_whatever_httpx_thinks() -> None:
    drip: list[bytes | float] = [b"x", 0.05]
    body = after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *drip * 1000)
    transport = MeasuringTransport(deadline=in_seconds(0.3))
    async with serve(body) as port, AsyncClient(transport=transport, timeout=None) as client:
        with pytest.raises(ReadTimeout, match="bytes of the body had come"):
            await client.get(f"http://127.0.0.1:{port}/")


@on_loop
async def test_tls_and_parallel_requests(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    transport = MeasuringTransport(Http(tls=TlsSettings(ca=authority.ca), family="4", reuse=True))
    shop = Shop(answer(body=b"x" * 50_000), linger=True)
    async with serve(shop, tls=authority.server("localhost")) as port, AsyncClient(transport=transport) as client:
        responses = await asyncio.gather(*(client.get(f"https://localhost:{port}/{n}") for n in range(10)))
        assert {len(response.content) for response in responses} == {50_000}
        again = await client.get(f"https://localhost:{port}/")
    assert responses[0].extensions["tls"].version == "TLS 1.3"
    assert "tls" not in again.extensions["phases"].seconds
