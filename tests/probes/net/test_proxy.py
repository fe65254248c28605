"""Through a proxy only when one is configured, and a broken proxy is not a broken shop."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from probes.base import Finding, Outcome
from probes.http import HttpProbe
from tests.looking import look
from tests.sockets import Authority, Shop, answer, on_loop, refused_port, serve


class Proxy:
    """A small forward proxy: CONNECT is a pipe to the goal's port on loopback, anything else is answered here."""

    def __init__(self, status: str = "200 Connected") -> None:
        self.requests: list[bytes] = []
        self._status = status

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        if not head.startswith(b"CONNECT"):
            writer.write(answer(body=b"by the proxy"))
            return
        writer.write(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
        if not self._status.startswith("2"):
            return
        port = int(head.split()[1].rpartition(b":")[2])
        there_in, there_out = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, there_out), pipe(there_in, writer))


async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.close()


async def through(proxy: Any, url: str, known_as: dict[str, str] | None = None, **words: Any) -> Finding:
    async with serve(proxy) as port:
        settings = {"url": f"http://127.0.0.1:{port}", **(known_as or {})}
        finding = await look(HttpProbe, type="http", url=url, proxy=settings, **words)
        return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PROXY"))


@on_loop
async def test_a_plain_request_asks_the_proxy_for_the_whole_url() -> None:
    proxy = Proxy()
    known_as = {"user": "probe", "password": "s3cret"}
    finding = await through(proxy, "http://shop.example/a?b=c", known_as, expect={"text": "by the proxy"})
    assert finding.outcome is Outcome.UP, finding.reason
    assert proxy.requests[0].startswith(b"GET http://shop.example/a?b=c HTTP/1.1\r\nHost: shop.example\r\n")
    assert b"Proxy-Authorization: Basic cHJvYmU6czNjcmV0" in proxy.requests[0]


@on_loop
async def test_tls_goes_through_a_tunnel_and_credentials_stay_outside(tmp_path: Path) -> None:
    authority, proxy, shop = Authority(tmp_path), Proxy(), Shop(answer(body=b"inside"))
    async with serve(shop, tls=authority.server("shop.example")) as port:
        url = f"https://shop.example:{port}/"
        tls = {"ca": str(authority.ca)}
        finding = await through(proxy, url, {"user": "probe"}, expect={"text": "inside"}, tls=tls)
    assert finding.outcome is Outcome.UP, finding.reason
    assert proxy.requests[0].startswith(f"CONNECT shop.example:{port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization" not in shop.requests[0]


@on_loop
async def test_a_bad_certificate_behind_a_proxy_is_still_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serve(Shop(answer()), tls=authority.server("other.example")) as port:
        tls = {"ca": str(authority.ca)}
        finding = await through(Proxy(), f"https://shop.example:{port}/", tls=tls)
    assert finding.reason == "tls: expected a certificate for shop.example, got one for other.example"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("407 Proxy Authentication Required", Outcome.UNKNOWN), ("502 Bad Gateway", Outcome.DOWN)],
)
@on_loop
async def test_a_refused_tunnel(status: str, outcome: Outcome) -> None:
    finding = await through(Proxy(status), "https://shop.example/")
    assert finding.outcome is outcome
    assert finding.reason == (f"connect: the proxy 127.0.0.1:PROXY did not connect us to shop.example:443: {status}")


@on_loop
async def test_a_missing_or_mute_proxy_is_our_trouble() -> None:
    port = refused_port()
    proxy = {"url": f"http://127.0.0.1:{port}"}
    finding = await look(HttpProbe, type="http", url="http://shop.example/", proxy=proxy)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == f"connect: 127.0.0.1:{port} refused the connection (the proxy)"

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    finding = await through(hang_up, "https://shop.example/")
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == "connect: the proxy 127.0.0.1:PROXY closed the connection without answering"
