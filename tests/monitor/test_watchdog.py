"""A real Prometheus in front that is stopped, killed, started again: no page is lost, doubled, ended by silence."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.test_service import config
from tests.prometheus import prometheus
from tests.servers import until
from tests.service import Service, service
from tests.site import Site, site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PACK = Path(__file__).parents[2] / "alerts" / "rules" / "watchdog.yml"


def watched(folder: Path, page: Site) -> str:
    """The page is watched; a Prometheus in front may be silent for ten seconds."""
    text = config(folder, page, "prometheus: {watchdog: 10s}\n")
    return text.replace("rules: [rules/test.yml]", "rules: [rules/test.yml, builtin/watchdog]")


def in_front(folder: Path, shop: Service) -> Any:
    address = shop.url.removeprefix("http://")
    return prometheus(folder / "prometheus", [address], [folder / "rules" / "test.yml", PACK], [address])


def counted(shop: Service) -> Callable[[str, str], int]:
    """How often the console was told of an incident, by its headline's words."""
    return lambda kind, words: sum(
        block.startswith(kind) and words in block.partition("Runbook")[0] for block in shop.output.split("── ")
    )


def value(shop: Service, name: str) -> float:
    [line] = [line for line in shop.client.get("/metrics").text.splitlines() if line.startswith(f"{name}{{")]
    return float(line.split()[1])


def open_incidents(shop: Service) -> dict[str, str]:
    found = shop.client.get("/api/v1/incidents").json()["incidents"]
    return {one["labels"]["alertname"]: one["state"] for one in found if one["state"] != "resolved"}


def test_a_frozen_prometheus_is_stood_in_for_and_takes_over_again(tmp_path):
    with site() as page, service(tmp_path, watched(tmp_path, page)) as shop, in_front(tmp_path, shop) as front:
        told = counted(shop)
        until(lambda: value(shop, "shopwatch_prometheus_watchdog_age_seconds") < 3, "a first Watchdog")
        assert value(shop, "shopwatch_prometheus_standing_in") == 0

        os.kill(front.pid, signal.SIGSTOP)
        until(lambda: told("PAGE", "has fallen silent"), "the page about Prometheus", 90)
        page.status = 500
        until(lambda: told("PAGE", "home is broken"), "our own page")

        os.kill(front.pid, signal.SIGCONT)
        until(lambda: told("RESOLVED", "has fallen silent"), "Prometheus' return", 90)
        assert open_incidents(shop) == {"PageBroken": "open"}
        page.status = 200
        until(lambda: told("RESOLVED", "home is broken"), "the end, said by both", 90)
        assert told("PAGE", "home is broken") == 1
        assert told("PAGE", "has fallen silent") == 1
        assert open_incidents(shop) == {}


def test_what_a_killed_prometheus_left_behind_goes_on_and_ends(tmp_path):
    with site() as page, service(tmp_path, watched(tmp_path, page)) as shop:
        told = counted(shop)
        with in_front(tmp_path, shop) as front:
            until(lambda: value(shop, "shopwatch_prometheus_watchdog_age_seconds") < 3, "a first Watchdog")
            page.status = 500
            until(lambda: told("PAGE", "home is broken"), "Prometheus' page")
            os.kill(front.pid, signal.SIGKILL)
        until(lambda: told("PAGE", "has fallen silent"), "the page about Prometheus", 90)
        until(lambda: open_incidents(shop)["PageBroken"] == "open", "our word for what Prometheus left behind")
        assert told("PAGE", "home is broken") == 1, "the same trouble, the same page"
        shop.kill()  # a restart forgets neither what was told nor who is silent
        shop.printed.clear()
        shop.start()
        page.status = 200
        until(lambda: told("RESOLVED", "home is broken"), "the end, seen by us alone", 60)
        assert told("PAGE", "") == 0
        assert value(shop, "shopwatch_prometheus_standing_in") == 1
        with in_front(tmp_path, shop):
            until(lambda: told("RESOLVED", "has fallen silent"), "Prometheus' return", 90)
            assert open_incidents(shop) == {}
            assert told("PAGE", "") == 0
