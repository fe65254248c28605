"""Connections: which address is used, what a lost one leaves behind, and that nothing leaks."""

import asyncio
import gc
import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.base import Outcome
from probes.http import HttpProbe
from probes.net.connect import connect
from probes.net.errors import NetError
from probes.tcp import TcpProbe
from tests.looking import look, numbers
from tests.sockets import Authority, Shop, after_head, answer, name_server, on_loop, refused_port, serve, silence


@on_loop
async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with serve(silence) as port:  # on 127.0.0.1 only
        wire = await connect(["::1", "127.0.0.1"], port, "shop.example")
        assert wire.ip == "127.0.0.1"
        wire.abort()


@on_loop
async def test_when_all_refuse_the_shop_is_named() -> None:
    port = refused_port()
    with pytest.raises(NetError) as refused:
        await connect(["::1", "127.0.0.1"], port, "shop.example")
    assert refused.value.outcome is Outcome.DOWN
    assert str(refused.value) == f"connect: shop.example ([::1]:{port}) refused the connection"


@on_loop
async def test_an_address_that_dawdles_is_overtaken() -> None:
    """A listener whose queue is full takes no further connection: its packets are dropped, as by a firewall."""
    with socket.socket(socket.AF_INET6) as full:
        full.bind(("::1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        crowd = [await _crowd(port) for _ in range(4)]
        try:
            server = await asyncio.start_server(silence, "127.0.0.1", port)
            async with server:
                started = asyncio.get_running_loop().time()
                wire = await connect(["::1", "127.0.0.1"], port, "shop.example")
                took = asyncio.get_running_loop().time() - started
                assert wire.ip == "127.0.0.1"
                assert 0.2 < took < 3
                wire.abort()
        finally:
            for waiting in crowd:
                waiting.close()


async def _crowd(port: int) -> Any:
    waiting = socket.socket(socket.AF_INET6)
    waiting.setblocking(False)
    waiting.connect_ex(("::1", port))
    await asyncio.sleep(0.05)
    return waiting


@on_loop
async def test_a_machine_without_descriptors_is_our_trouble() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serve(silence) as port:
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            finding = await look(TcpProbe, type="tcp", address=f"127.0.0.1:{port}")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == (
        f"connect: cannot reach 127.0.0.1:{port}: this process has no file descriptor left (raise its limit: ulimit -n)"
    )


@on_loop
async def test_no_descriptor_and_no_task_is_left_behind(tmp_path: Path) -> None:
    """Every way in which a look can end, many times over."""
    authority = Authority(tmp_path)
    bad = Authority(tmp_path_of(tmp_path, "other")).server("localhost")
    drip: list[bytes | float] = [b"x", 0.05]
    conversations: list[Callable[[], Any]] = [
        lambda: Shop(answer(body=b"ok")),
        lambda: silence,
        after_head,
        lambda: after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", *drip * 100),
        lambda: after_head(b"garbage\r\n\r\n"),
        lambda: Shop(answer("302 Found", headers={"Location": "/"})),
    ]
    words: dict[str, Any] = {"type": "http", "patience": 0.15, "ip": 4}
    counts = []
    async with name_server({("quiet.example.", "*"): "silent"}) as (dns, _):
        for _ in range(4):
            for conversation in conversations:
                async with serve(conversation()) as port:
                    await asyncio.gather(
                        *(look(HttpProbe, url=f"http://127.0.0.1:{port}/", **words) for _ in range(5)),
                        *(look(HttpProbe, url=f"https://127.0.0.1:{port}/", **words) for _ in range(5)),
                    )
            async with serve(Shop(answer()), tls=bad) as port:
                tls = {"ca": str(authority.ca)}
                await look(HttpProbe, url=f"https://localhost:{port}/", **words | {"tls": tls, "patience": 2.0})
            await look(HttpProbe, url="http://quiet.example/", resolver=[f"127.0.0.1:{dns}"], **words)
            await asyncio.sleep(0.3)
            gc.collect()
            counts.append((_descriptors(), len(asyncio.all_tasks())))
    assert counts[-1] <= counts[0]


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def tmp_path_of(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


@on_loop
async def test_a_name_with_both_families_falls_back_to_ipv4() -> None:
    zone = {("shop.example.", "A"): ["127.0.0.1"], ("shop.example.", "AAAA"): ["::1"]}
    async with name_server(zone) as (dns, _), serve(Shop(answer(body=b"ok"))) as port:
        words: dict[str, Any] = {"type": "http", "resolver": [f"127.0.0.1:{dns}"]}
        finding = await look(HttpProbe, url=f"http://shop.example:{port}/", **words)
        assert finding.outcome is Outcome.UP
        assert numbers(finding)["probe_ip_protocol"] == 4
        forced = await look(HttpProbe, url=f"http://shop.example:{port}/", ip=6, **words)
    assert forced.outcome is Outcome.DOWN
    assert forced.reason == f"connect: shop.example ([::1]:{port}) refused the connection"
