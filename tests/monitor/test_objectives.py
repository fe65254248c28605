"""A month's objective over restarts: history in the store, a service that starts, is killed, and starts again."""

import signal
import time
from pathlib import Path

import pytest

from alerts.objective import Objective
from alerts.objectiverules import rules_text
from alerts.rulefile import read_rules
from monitor.archive import Archive
from monitor.samples import Samples
from monitor.store import Store
from probes.base import Labels
from tests.monitor.making import Time
from tests.servers import free_port, until
from tests.service import Service, service
from tests.site import site

pytestmark = pytest.mark.integration

DAY = 86_400.0
LOOKS = 'sum(increase(probe_results_total{probe="home",outcome="%s"}[30d]))'
LEFT = "slo:period_error_budget_remaining:ratio"


def series(outcome: str) -> Labels:
    pairs = {"__name__": "probe_results_total", "probe": "home", "type": "http", "location": "taipei"}
    return tuple(sorted({**pairs, "outcome": outcome}.items()))


def write_history(folder: Path, now: float, days: int) -> None:
    """What a Shopwatch would have kept that looked once a minute: one look in a thousand failed."""
    store, clock = Store(f"sqlite:{folder}/state.db"), Time(now - days * DAY)
    memory = Samples()
    archive = Archive(memory, store, "taipei", clock)
    objective = Objective(name="home-works", of="home", objective=0.998)
    archive.keep(read_rules(rules_text([objective]), "objectives.yml").groups)
    counts = {"up": 0.0, "degraded": 0.0, "down": 0.0}
    look = 0
    while clock.now < now - 60:
        clock.now += 60
        look += 1
        counts["down" if look % 1000 == 0 else "up"] += 1
        for outcome, count in counts.items():
            memory.append(series(outcome), round(clock.now * 1000), count)
        if look % 300 == 0:
            archive.tick()
    archive.tick(last=True)
    store.close()


def config(url: str) -> str:
    return f"""
location: taipei
probes: [{{name: home, type: http, url: "{url}", every: 1s, timeout: 1s}}]
rules: []
objectives: [{{name: home-works, of: home, objective: 99.8%, owner: web}}]
"""


def number(shop: Service, expr: str) -> float | None:
    found = shop.query(expr)
    return float(found[0]["value"][1]) if found else None


def test_thirty_days_survive_a_kill_and_a_restart(tmp_path: Path) -> None:
    write_history(tmp_path, time.time(), days=31)
    with site() as page, service(tmp_path, config(page.url)) as shop:
        for _ in range(2):
            until(lambda: number(shop, f"{LOOKS % 'up'} > 0") is not None, "the looks of the month")
            assert number(shop, LOOKS % "up") == pytest.approx(43_157, abs=120)
            assert number(shop, LOOKS % "down") == pytest.approx(43, abs=2)
            until(lambda: shop.query("slo:sli_error:ratio_rate1h"), "the hour's ratio", 60)
            shop.kill()
            shop.start()
        assert shop.client.get("/api/v1/rules", params={"type": "record"}).text.count(f'"name":"{LEFT}"') == 1


def test_what_a_service_saw_is_kept_when_it_stops(tmp_path: Path) -> None:
    with site() as page, service(tmp_path, config(page.url)) as shop:
        until(lambda: (number(shop, 'probe_results_total{probe="home",outcome="up"}') or 0) >= 3, "three looks")
        shop.process.send_signal(signal.SIGTERM)
        shop.process.wait(30)
        page.status = 500
        shop.start()
        until(lambda: (number(shop, 'probe_results_total{probe="home",outcome="down"}') or 0) >= 3, "three failures")
        kept = number(shop, 'max_over_time(probe_results_total{probe="home",outcome="up"}[30d])')
        assert kept is not None
        assert kept >= 3


def test_objectives_are_told_by_check_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from monitor.cli import main

    path = tmp_path / "config.yaml"
    path.write_text(f"listen: 127.0.0.1:{free_port()}\n" + config("https://shop.example/"))
    assert main(["check", str(path)]) == 0
    assert "promises  home-works 99.8% over 30d" in capsys.readouterr().out
    folder = tmp_path / "rules"
    assert (
        main(["rules", "export", "--config", str(path), "--to", str(folder), "--external-url", "https://w.example"])
        == 0
    )
    text = (folder / "objectives.yml").read_text()
    assert "runbook_url: https://w.example/runbooks/ErrorBudgetBurnFast" in text
    assert main(["rules", "check", str(folder / "objectives.yml")]) == 0
