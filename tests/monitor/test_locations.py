"""Three locations and a real Prometheus with the shipped rules: what two see is a page, what one sees alone is not."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus import Prometheus, prometheus
from tests.servers import until
from tests.service import Service, service
from tests.site import Site, site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RULES = Path(__file__).parents[2] / "alerts" / "rules"
#: The shipped packs' patience, shortened: a page after two seconds, a ticket after four.
PATIENCE = {"30s": "2s", "2m": "3s", "5m": "4s"}
#: Longer than any of them, and than Prometheus and all three take to look again.
LONG_ENOUGH = 7.0


@dataclass
class Location:
    """A running Shopwatch; what it meets on its way to the shop (`road`) and to its canary (`uplink`)."""

    shop: Service
    road: Site
    uplink: Site

    def lose_network(self) -> None:
        self.road.status = self.uplink.status = 503


@dataclass
class World:
    """Prometheus tells taipei, which pages."""

    taipei: Location
    osaka: Location
    berlin: Location
    prometheus: Prometheus

    def break_shop(self, *seen_from: Location) -> None:
        for location in seen_from:
            location.road.status = 500

    def pages(self) -> list[tuple[str, str]]:
        return self._told("page")

    def tickets(self) -> list[tuple[str, str]]:
        return self._told("ticket")

    def _told(self, severity: str) -> list[tuple[str, str]]:
        """The alert and the probe of every incident that people were told of."""
        told = [one for one in self.incidents() if one["severity"] == severity and one["state"] != "silenced"]
        labels = [labels_of(one) for one in told]
        return sorted((found["alertname"], found.get("probe", "")) for found in labels)

    def over(self, alert: str) -> bool:
        return {one["state"] for one in self.incidents() if labels_of(one)["alertname"] == alert} == {"resolved"}

    def incidents(self) -> list[dict[str, Any]]:
        found = self.taipei.shop.client.get("/api/v1/incidents", params={"all": True}).json()
        return list(found["incidents"])

    def holds(self, expr: str) -> bool:
        return bool(self.prometheus.query(expr))


def labels_of(incident: dict[str, Any]) -> dict[str, str]:
    return dict(incident["labels"])


def rules(folder: Path) -> list[Path]:
    """The shipped packs, with less patience."""
    folder.mkdir()
    found = []
    for pack in ("web", "locations"):
        text = (RULES / f"{pack}.yml").read_text()
        hurried = re.sub(r"for: (\w+)$", lambda match: f"for: {PATIENCE.get(match[1], match[1])}", text, flags=re.M)
        (folder / f"{pack}.yml").write_text(hurried)
        found.append(folder / f"{pack}.yml")
    return found


def await_all(shops: list[Service]) -> None:
    """They start side by side."""
    until(lambda: all(shop.ready() for shop in shops), "every Shopwatch to be ready", 60)


def config(name: str, road: Site, uplink: Site, more: str = "") -> str:
    return f"""\
location: {name}
rules: []
canary: uplink
defaults: {{every: 1s, timeout: 1s}}
probes:
  - {{name: home, type: http, url: "{road.url}"}}
  - {{name: uplink, type: http, url: "{uplink.url}"}}
{more}
"""


@contextlib.contextmanager
def location(folder: Path, name: str) -> Iterator[Location]:
    (folder / name).mkdir()
    with site() as road, site() as uplink, service(folder / name, config(name, road, uplink), False) as shop:
        yield Location(shop, road, uplink)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(location(tmp_path, name)) for name in ("taipei", "osaka", "berlin")]
        await_all([place.shop for place in places])
        targets = [place.shop.url.removeprefix("http://") for place in places]
        front = prometheus(tmp_path / "prometheus", targets, rules(tmp_path / "rules"), targets[:1])
        taipei, osaka, berlin = places
        yield World(taipei, osaka, berlin, stack.enter_context(front))


def test_what_all_see_is_one_page_and_nothing_else(world: World) -> None:
    world.break_shop(world.taipei, world.osaka, world.berlin)
    until(lambda: "home is down from 3 locations" in world.taipei.shop.output, "the page")
    time.sleep(LONG_ENOUGH)
    assert world.pages() == [("SeveralLocationsDown", "home")]
    assert world.tickets() == []
    assert world.taipei.shop.output.count("── PAGE") == 1
    for place in (world.taipei, world.osaka, world.berlin):
        place.road.status = 200
    until(lambda: world.over("SeveralLocationsDown"), "the end")


def test_what_one_cannot_reach_and_others_can_is_a_ticket(world: World) -> None:
    world.berlin.road.close()
    until(world.tickets, "the ticket")
    time.sleep(LONG_ENOUGH)
    assert world.tickets() == [("OneLocationDown", "home"), ("SiteErrors", "home")]
    assert world.pages() == []
    assert {labels_of(one)["location"] for one in world.incidents()} == {"berlin"}
    assert "home is down from berlin alone" in world.taipei.shop.output


def test_a_location_without_network_counts_for_nothing(world: World) -> None:
    world.osaka.lose_network()
    blind = 'probe_outcome{location="osaka",probe="home",outcome="unknown"} == 1'
    until(lambda: world.holds(blind), "its own trouble")
    world.break_shop(world.berlin)
    until(lambda: ("OneLocationDown", "home") in world.tickets(), "the ticket of berlin")
    time.sleep(LONG_ENOUGH)
    assert world.pages() == []
    world.break_shop(world.taipei)
    until(lambda: "home is down from 2 locations" in world.taipei.shop.output, "the page")
    assert world.pages() == [("SeveralLocationsDown", "home")]
    world.taipei.road.status = world.berlin.road.status = 200
    until(lambda: world.over("SeveralLocationsDown"), "the end, though osaka still sees nothing")


def test_a_location_that_dies_pages_nobody_and_the_others_go_on(world: World) -> None:
    world.berlin.shop.kill()
    until(lambda: not world.holds('probe_success{location="berlin"}'), "berlin's last words to end")
    until(world.tickets, "a ticket about berlin itself")
    time.sleep(LONG_ENOUGH)
    assert world.pages() == []
    assert world.tickets() == [("ShopwatchUnreachable", "")]
    world.break_shop(world.taipei)
    until(lambda: ("OneLocationDown", "home") in world.tickets(), "the ticket of taipei")
    assert world.pages() == []
    world.break_shop(world.osaka)
    until(world.pages, "the page")
    assert world.pages() == [("SeveralLocationsDown", "home")]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[list[Service]]:
    """Two that share 20 pages, a job and a canary; each sees to its own host."""
    with contextlib.ExitStack() as stack:
        page = stack.enter_context(site())
        probes = [f'{{name: page-{number}, type: http, url: "{page.url}"}}' for number in range(20)]
        probes += ["{name: job, type: heartbeat, every: 1h}", "{name: host, type: host}"]
        text = config("taipei", page, page, "\n".join(f"  - {probe}" for probe in probes))
        found = []
        for number in (1, 2):
            (tmp_path / str(number)).mkdir()
            found.append(stack.enter_context(service(tmp_path / str(number), f"shard: {number}/2\n{text}", False)))
        await_all(found)
        yield found


def test_machines_of_one_location_look_at_each_probe_once(tmp_path: Path, machines: list[Service]) -> None:
    """Except for what tells of the machine and its network; and when one of them dies, its part is missed."""
    targets = [machine.url.removeprefix("http://") for machine in machines]
    with prometheus(tmp_path / "prometheus", targets, rules(tmp_path / "rules"), targets[:1]) as front:
        until(lambda: len(front.query("group by (probe) (probe_interval_seconds)")) == 24, "every probe")
        twice = front.query("count by (probe) (probe_interval_seconds) > 1")
        assert {one["metric"]["probe"] for one in twice} == {"uplink", "host"}
        assert len(front.query('group by (instance, shard) (probe_success{probe="host"})')) == 2
        for number, machine in enumerate(machines, 1):
            own = front.query(f'probe_interval_seconds{{instance="{targets[number - 1]}"}}')
            page = machine.client.get("/").text
            assert f"shard {number} of 2: {24 - len(own)} more probes are elsewhere" in page
        machines[1].kill()
        missing = "1 of the machines in taipei that share the probes is missing"
        until(lambda: missing in machines[0].output, "the page", 60)


def test_a_job_reports_to_the_machine_that_judges_it(machines: list[Service]) -> None:
    answers = {number: machine.client.post("/heartbeat/job") for number, machine in enumerate(machines, 1)}
    (right,) = (number for number, answer in answers.items() if answer.status_code == 200)
    wrong = 3 - right
    assert answers[wrong].status_code == 421
    assert answers[wrong].text == f"'job' reports to shard {right} of 2, and this is shard {wrong}\n"
