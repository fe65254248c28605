"""A real Prometheus scrapes a running Shopwatch: no panel's and no rule's query fails, or is empty without a reason."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.objectiverules import FILE
from alerts.rulefile import read_file
from dashboards.__main__ import BOARDS, board
from monitor.cli import main
from monitor.demo.run import config_path, open_demo
from tests.prometheus import Prometheus, prometheus
from tests.servers import until
from tests.service import Service

pytestmark = pytest.mark.integration

PACKS = sorted((Path(__file__).parents[2] / "alerts" / "rules").glob("*.yml"))
_ANY = ("$probe", "$location", "$backup", "$slo")
VARIABLES = dict.fromkeys(_ANY, ".*") | {"$__rate_interval": "15s", "$__range": "1m"}

#: What is rightly empty on the test's machine, and why.
ABSENT = {
    "host_cgroup_cpu_throttled_seconds_total": "no CPU limit",
    "host_disk_io_seconds_total": "the disk may have no device of its own",
    "host_disk_read_bytes_total": "the disk may have no device of its own",
    "host_disk_written_bytes_total": "the disk may have no device of its own",
    "host_pressure_ratio": "the kernel may have no pressure stall information",
    "host_processes": "the demo names no process",
    "probe_ssl_earliest_cert_expiry": "the demo has no TLS",
    "shopwatch_canary_up": "the demo has no canary",
    "shopwatch_probe_set_aside": "no probe of the demo hangs",
    "shopwatch_calendar_runs_total": "no calendar work may have come yet",
    "shopwatch_page_delivery_seconds_bucket": "nothing was told yet",
    "shopwatch_pages_sent_total": "nothing was told yet",
    "shopwatch_incidents_open": "no incident yet",
    "mysql_": "the demo's database is SQLite, without an exporter",
    "pg_": "the demo's database is SQLite, without an exporter",
    "probe_amqp_queue_consumers": "the demo has no broker",
    "probe_amqp_queue_messages": "the demo has no broker",
    "probe_clock_offset_seconds": "the demo asks no time server",
    "probe_clock_uncertainty_seconds": "the demo asks no time server",
    "probe_domain_expiry_timestamp_seconds": "the demo asks no registry",
    "probe_redis_queue_length": "the demo has no Redis",
    "probe_tls_version_info": "the demo has no TLS",
    "shop:orders:increase30m": "half an hour of orders is needed",
    "shop_orders_expected": "weeks of orders are needed",
    "shop_orders_floor": "weeks of orders are needed",
    "shop_database_connections_ratio": "SQLite has no connections",
    "shop_database_longest_transaction_seconds": "SQLite does not say",
    "shop_database_replication_lag_seconds": "SQLite has no replica",
    "shopwatch_prometheus_standing_in": "the demo has no Prometheus in front",
    "shopwatch_prometheus_watchdog_age_seconds": "the demo has no Prometheus in front",
}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    state = tmp_path_factory.mktemp("demo")
    with open_demo(state, shopper_every=1, backup_every=5) as places:
        port = int(places.service.rsplit(":", 1)[1])
        shop = Service(config_path(state), port)
        try:
            shop.start()
            until(lambda: shop.query("backup_rto_seconds"), "a first verification", 90)
            rules = [*PACKS, objectives(config_path(state), tmp_path_factory.mktemp("rules"))]
            with prometheus(tmp_path_factory.mktemp("prometheus"), [f"127.0.0.1:{port}"], rules) as running:
                until(lambda: running.query("slo:period_error_budget_remaining:ratio"), "an error budget")
                until(lambda: len(running.query("probe_success[1m]")[0]["values"]) > 5, "a few scrapes")
                time.sleep(5)  # rates need two samples in their window
                yield running
        finally:
            shop.stop()


def objectives(config: Path, folder: Path) -> Path:
    """The demo's objectives as rules, evaluated as often as the test's Prometheus evaluates."""
    assert main(["rules", "export", "--config", str(config), "--to", str(folder)]) == 0
    path = folder / FILE
    path.write_text(re.sub(r"^  interval: .*\n", "", path.read_text(), flags=re.MULTILINE))
    return path


def _filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


PANELS = [
    pytest.param(query.expr, id=f"{name}: {panel.title}: {query.legend}")
    for name in BOARDS
    for panel in board(name).panels()
    for query in panel.queries
]


@pytest.mark.parametrize("expr", PANELS)
def test_every_panels_query_answers(scraped, expr):
    found = scraped.query(_filled(expr))
    if not any(name in expr for name in ABSENT):
        assert found, _filled(expr)


def test_every_rule_can_be_evaluated_by_prometheus(scraped):
    groups = scraped.get("/api/v1/rules")["groups"]
    assert {Path(group["file"]).stem for group in groups} == {*(pack.stem for pack in PACKS), "objectives"}
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []


METRICS = sorted(
    {
        metric
        for pack in PACKS
        for group in read_file(pack, 15).groups
        for rule in group.rules
        for metric in re.findall(r"\b(?:probe|host|backup|shop|shopwatch|journey)_[a-z0-9_]+", rule.expr)
    }
)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_that_a_rule_asks_for_is_there(scraped, metric):
    if metric not in ABSENT:
        assert scraped.query(metric), metric
