"""A scrape of a real server: what is kept, what collides, and what a broken page is called."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from probes.base import Outcome, Run
from probes.net.address import Url
from probes.scrape import ScrapeProbe, ScrapeSettings

PAGE = """# TYPE shop_orders_total counter
shop_orders_total{shop="main"} 42
# TYPE shop_stock gauge
shop_stock{sku="MUG",probe="mine"} 3
go_goroutines 7
"""


class Exporter(http.server.BaseHTTPRequestHandler):
    pages: ClassVar[dict[str, tuple[int, str]]] = {
        "/metrics": (200, PAGE),
        "/empty": (200, 'm_e{a=""} 1\nm_j{a="",b="x",probe=""} 2\n'),
        "/html": (200, "<html>login</html>"),
        "/gone": (404, "no"),
    }

    def do_GET(self) -> None:
        status, body = self.pages[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def scrape(url: str, **settings: object):
    async def look():
        probe = ScrapeProbe(ScrapeSettings(name="shop", type="scrape", url=Url(url), **settings))
        deadline = asyncio.get_running_loop().time() + 5
        return await probe.check(Run(deadline=deadline, now=1e9, run_id="t"))

    return asyncio.run(look())


def test_keeps_what_was_asked_for(exporter):
    finding = scrape(f"{exporter}/metrics", keep=("shop_*",))
    assert finding.outcome is Outcome.UP
    assert {(sample.name, sample.value) for sample in finding.samples} == {
        ("shop_orders_total", 42.0),
        ("shop_stock", 3.0),
        ("scrape_samples_scraped", 2.0),
    }


def test_a_label_of_ours_is_kept_as_exported(exporter):
    finding = scrape(f"{exporter}/metrics", keep=("shop_stock",))
    assert finding.samples[0].labels == (("exported_probe", "mine"), ("sku", "MUG"))


def test_an_empty_label_is_no_label(exporter):
    finding = scrape(f"{exporter}/empty")
    assert [(one.name, one.labels) for one in finding.samples[:2]] == [("m_e", ()), ("m_j", (("b", "x"),))]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/html", "is not Prometheus' text format"),
        ("/gone", "expected status 200"),
    ],
)
def test_a_page_that_is_no_metrics_page_is_down(exporter, path, reason):
    finding = scrape(exporter + path)
    assert finding.outcome is Outcome.DOWN
    assert reason in finding.reason


def test_too_many_samples_are_refused_whole(exporter):
    finding = scrape(f"{exporter}/metrics", most=2)
    assert finding.outcome is Outcome.DOWN
    assert "3 samples came, more than the 2" in finding.reason
    assert not finding.samples


def test_a_closed_port_is_down():
    assert scrape("http://127.0.0.1:9/metrics").outcome is Outcome.DOWN
