import asyncio
import socket

import httpx
import pytest
from fastapi import FastAPI

from monitor.config import Config
from monitor.web.door import Door
from tests.servers import until
from tests.service import service

HERE = "http://127.0.0.1:9469"
REBOUND = "http://evil.example:9469"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


def ask(method, path, base=HERE, config=None, headers=None):
    app = FastAPI()
    app.add_middleware(Door, config=lambda: config or Config())

    @app.api_route("/{path:path}", methods=["GET", "POST", "DELETE", "PUT"])
    async def done(path: str) -> str:
        return "done"

    async def send():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


@pytest.mark.parametrize(
    "path", ["/-/reload", "/api/v1/incidents/INC-1/ack", "/api/v2/silences", "/webhooks/alertmanager"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": HERE},
    ],
)
def test_no_other_site_s_page_acts_for_its_reader(path, headers):
    answer = ask("POST", path, headers=headers)
    assert answer.status_code == 403
    assert "external_url" in answer.text


def test_an_image_on_another_site_is_no_heartbeat():
    assert ask("GET", "/heartbeat/import", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ask("GET", "/heartbeat/import", headers={"Sec-Fetch-Site": "none"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/-/reload", {"Origin": REBOUND, "Sec-Fetch-Site": "same-origin"}),
        ("POST", "/api/v1/page-test", {"Origin": REBOUND}),
        ("DELETE", "/api/v1/silences/1", {"Origin": REBOUND}),
        ("GET", "/", {}),
        ("GET", "/live", {}),
        ("GET", "/api/v1/incidents", {"Sec-Fetch-Site": "same-origin"}),
        ("GET", "/metrics", FIREFOX),
        ("GET", "/heartbeat/import", FIREFOX),
    ],
)
def test_a_name_that_was_made_to_point_at_us_opens_nothing(method, path, headers):
    answer = ask(method, path, REBOUND, headers=headers)
    assert answer.status_code == 421
    assert "'evil.example:9469'" in answer.text
    assert "external_url" in answer.text


@pytest.mark.parametrize(
    ("base", "more"),
    [
        (HERE, {}),
        ("http://localhost:9469", {}),
        ("http://LOCALHOST.:80", {}),
        ("http://[::1]:9469", {}),
        ("http://192.0.2.7:9469", {"listen": "0.0.0.0:9469"}),
        ("http://monitor.shop.internal:9469", {"listen": "monitor.shop.internal:9469"}),
        ("http://watch.shop.example", {"external_url": "https://watch.shop.example"}),
        (f"http://{socket.gethostname()}:9469", {"listen": "[::]:9469"}),
    ],
)
def test_our_own_names_let_a_browser_in(base, more):
    assert ask("GET", "/", base, Config(**more), FIREFOX).status_code == 200


@pytest.mark.parametrize(
    ("origin", "base"),
    [
        ("http://localhost:9469", "http://localhost:9469"),
        ("http://localhost", "http://localhost:80"),
        ("https://watch.shop.example", "http://watch.shop.example"),
        ("https://watch.shop.example", HERE),  # a proxy that tells us its own idea of our name
    ],
)
def test_our_own_page_acts(origin, base):
    config = Config(external_url="https://watch.shop.example")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    assert ask("POST", "/api/v1/incidents/INC-1/ack", base, config, headers).status_code == 200


def test_a_link_from_elsewhere_opens_the_page():
    assert ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site", **FIREFOX}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/metrics"),
        ("GET", "/-/healthy"),
        ("GET", "/-/ready"),
        ("GET", "/api/v1/query"),
        ("GET", "/heartbeat/import"),
        ("POST", "/-/reload"),
        ("POST", "/heartbeat/import"),
        ("POST", "/slack/events"),
        ("POST", "/webhooks/alertmanager"),
        ("POST", "/api/v2/alerts"),
        ("DELETE", "/api/v2/silence/1"),
    ],
)
def test_programs_reach_us_by_any_name(method, path):
    assert ask(method, path, "http://shopwatch:9469", headers={"User-Agent": "Prometheus/2.42.0"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "[::1", "evil.example]", "127.0.0.1.evil.example", "localhost.evil.example", "a\tb"]
)
def test_a_host_that_is_nonsense_is_not_ours(host):
    assert ask("POST", "/-/reload", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 421


@pytest.mark.integration
def test_the_door_is_where_the_service_is(tmp_path):
    with service(tmp_path, "probes: []\n", wait=False) as shop:
        until(shop.ready, "the service")
        assert shop.client.post("/-/reload").status_code == 200
        assert shop.client.post("/-/reload", headers={"Origin": "https://evil.example"}).status_code == 403
        assert shop.client.get("/", headers={"Host": "evil.example"}).status_code == 421
