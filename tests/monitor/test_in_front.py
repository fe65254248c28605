"""A real Prometheus, and a real Alertmanager, in front of a whole Shopwatch: the same rules, the same page."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitor.test_service import config
from tests.prometheus import prometheus
from tests.servers import alertmanager, until
from tests.service import Service, service
from tests.site import site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@contextlib.contextmanager
def embedded(folder: Path, shop: Service) -> Iterator[None]:
    """Nobody in front."""
    yield


@contextlib.contextmanager
def behind_prometheus(folder: Path, shop: Service) -> Iterator[None]:
    address = shop.url.removeprefix("http://")
    with prometheus(folder / "prometheus", [address], [folder / "rules" / "test.yml"], [address]):
        yield


@contextlib.contextmanager
def behind_alertmanager(folder: Path, shop: Service) -> Iterator[None]:
    address = shop.url.removeprefix("http://")
    with (
        alertmanager(folder, f"{shop.url}/webhooks/alertmanager") as port,
        prometheus(folder / "prometheus", [address], [folder / "rules" / "test.yml"], [f"127.0.0.1:{port}"]),
    ):
        yield


def page_of(output: str) -> list[str]:
    """The page as printed, without what differs from run to run (key, times, durations, ports, the look's id), and
    without the value, which Prometheus does not send along."""
    block = output[output.index("── PAGE") :]
    lines = block[: block.index("Runbook")].splitlines()[1:]
    text = [
        re.sub(r"\d+(\.\d+)?(ms|s|m)?\b|:\d+", "#", line).strip()
        for line in lines
        if not line.startswith(("since", "  value", "  run_id"))
    ]
    return [line for line in text if line]


@pytest.mark.parametrize("road", [behind_prometheus, behind_alertmanager])
def test_the_same_page_by_every_road(tmp_path, road):
    pages = []
    for way in (embedded, road):
        folder = tmp_path / way.__name__
        folder.mkdir()
        with site() as target:
            text = config(folder, target)
            if way is not embedded:
                text = text.replace("rules: [rules/test.yml]", "rules: []")
            with service(folder, text) as shop, way(folder, shop):
                target.status = 500
                until(lambda: "Runbook" in shop.output, "the page", 60)
                pages.append(page_of(shop.output))
                target.status = 200
                until(lambda: "RESOLVED" in shop.output, "the end", 90)
                assert shop.output.count("── PAGE") == 1
    assert pages[0] == pages[1]
    assert any("status" in line for line in pages[0]), "the evidence is on it"
