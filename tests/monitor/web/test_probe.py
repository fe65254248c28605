"""/probe: answered by a process of its own, and honest about what could not be done."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from monitor.errands import ErrandFailed, Errands
from monitor.web.probe import router
from probes.blackbox.settings import BlackboxSettings
from tests.sockets import Shop, answer, on_loop, refused_port, serve, silence

HERE = BlackboxSettings(allow=("127.0.0.0/8",))


@asynccontextmanager
async def asking(settings: BlackboxSettings | None = HERE) -> AsyncIterator[tuple[httpx.AsyncClient, Errands]]:
    errands = Errands()
    app = FastAPI()
    app.include_router(router(errands, lambda: settings))
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shopwatch") as client:
            yield client, errands
    finally:
        await errands.close()


@on_loop
async def test_a_page_is_probed_in_another_process() -> None:
    async with asking() as (client, errands), serve(shop := Shop(answer(body=b"Shop"))) as port:
        response = await client.get("/probe", params={"target": f"127.0.0.1:{port}", "hostname": "shop.example"})
        assert errands.pid not in (None, os.getpid())
        debug = await client.get("/probe", params={"target": f"127.0.0.1:{refused_port()}", "debug": "true"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nprobe_success 1.0\n" in response.text
    assert "# TYPE probe_http_status_code gauge\nprobe_http_status_code 200.0\n" in response.text
    assert b"Host: shop.example\r\n" in shop.requests[0]
    assert debug.text.startswith("# connect: 127.0.0.1:")
    assert "refused the connection\n\n# HELP" in debug.text


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("", 400, "Target parameter is missing\n"),
        ("target=a&module=nope", 400, "Unknown module 'nope'; known are http_2xx, http_post_2xx, icmp, tcp_connect\n"),
        ("target=a&module=tcp_connect", 400, "'a' has no port; write host:port, such as shop.example:443\n"),
        ("target=http://a%20b/", 400, "'a b' is not a host name\n"),
        ("target=127.0.0.1&hostname=a%0d%0ab", 400, "'a\\r\\nb' is not a host name\n"),
    ],
)
@on_loop
async def test_what_makes_no_sense_is_refused(query: str, status: int, text: str) -> None:
    async with asking() as (client, _):
        response = await client.get(f"/probe?{query}")
    assert (response.status_code, response.text) == (status, text)


@on_loop
async def test_it_is_off_unless_the_config_says_so() -> None:
    async with asking(None) as (client, errands):
        response = await client.get("/probe?target=127.0.0.1:1")
        assert errands.pid is None
    assert response.status_code == 404
    assert response.text.startswith("probing on request is off")


@on_loop
async def test_this_machine_is_not_probed_unless_allowed() -> None:
    async with asking(BlackboxSettings()) as (client, _), serve(shop := Shop(answer())) as port:
        response = await client.get(f"/probe?target=127.0.0.1:{port}&debug=1")
    assert response.status_code == 200
    assert "\nprobe_success 0.0\n" in response.text
    assert response.text.startswith("# resolve: probing 127.0.0.1 is not allowed here")
    assert shop.requests == []


@on_loop
async def test_a_redirect_into_a_refused_network_is_not_followed() -> None:
    away = answer("302 Found", headers={"Location": "http://169.254.169.254/latest/meta-data"})
    async with asking() as (client, _), serve(Shop(away)) as port:
        response = await client.get(f"/probe?target=127.0.0.1:{port}&debug=1")
    assert response.text.startswith("# resolve: probing 169.254.169.254 is not allowed here")


@on_loop
async def test_debug_shows_no_secret_of_a_module(tmp_path: Path) -> None:
    file = tmp_path / "blackbox.yml"
    file.write_text("modules: {m: {prober: http, http: {bearer_token: correct-horse-battery}}}")

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"what is " + head.partition(b"Bearer ")[2].split()[0] + b"\r\n\r\n")

    settings = BlackboxSettings(modules=file, allow=("127.0.0.0/8",))
    async with asking(settings) as (client, _), serve(echo) as port:
        response = await client.get(f"/probe?module=m&target=127.0.0.1:{port}&debug=true")
    assert "sent what is not HTTP: 'what is …" in response.text
    assert "correct" not in response.text


@on_loop
async def test_prometheus_patience_is_respected() -> None:
    async with asking() as (client, _), serve(silence) as port:
        started = asyncio.get_running_loop().time()
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": "1"}
        response = await client.get(f"/probe?target=127.0.0.1:{port}", headers=headers)
        took = asyncio.get_running_loop().time() - started
    assert "\nprobe_success 0.0\n" in response.text
    assert 0.4 < took < 3


@on_loop
async def test_a_killed_process_is_told_and_replaced() -> None:
    async with asking() as (client, errands), serve(silence) as mute, serve(Shop(answer())) as port:
        await client.get(f"/probe?target=127.0.0.1:{port}")
        first = errands.pid
        assert first is not None
        stuck = asyncio.create_task(client.get(f"/probe?target=127.0.0.1:{mute}"))
        await asyncio.sleep(0.2)
        os.kill(first, signal.SIGKILL)
        lost = await stuck
        assert (lost.status_code, lost.text) == (503, "the process that probes ended while it looked\n")
        again = await client.get(f"/probe?target=127.0.0.1:{port}")
        assert "\nprobe_success 1.0\n" in again.text
        assert errands.pid != first


@on_loop
async def test_new_settings_are_told_to_the_running_process() -> None:
    errands = Errands()
    try:
        async with serve(Shop(answer())) as port:
            target = f"127.0.0.1:{port}"
            before = await errands.run(BlackboxSettings(), "http_2xx", target, 2.0)
            after = await errands.run(HERE, "http_2xx", target, 2.0)
        assert ("not allowed here" in before.reason, after.reason) == (True, "")
        with pytest.raises(ValueError, match="is not an address"):
            await errands.run(HERE, "tcp_connect", "::1:x", 2.0)
    finally:
        await errands.close()


@on_loop
async def test_many_at_once() -> None:
    async with asking() as (_, errands), serve(silence) as mute:
        target = f"127.0.0.1:{mute}"
        runs = [errands.run(HERE, "tcp_connect", target, 2.0) for _ in range(510)]
        results = await asyncio.gather(*runs, return_exceptions=True)
    refused = [result for result in results if isinstance(result, ErrandFailed)]
    assert len(refused) == 10
    assert str(refused[0]) == "500 probes are under way already"
