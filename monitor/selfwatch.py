"""Shopwatch on its own /metrics: verifications, rule groups, samples in memory, the config, the version."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from monitor.collectors import Number, Numbers
from monitor.ownmetrics import SERVICE
from monitor.rulecounts import METRICS as RULE_METRICS
from probes.backup.report import METRICS as BACKUP_METRICS
from probes.base import Metric

if TYPE_CHECKING:
    from monitor.app import Shopwatch

VERSION = version("shopwatch")


def watch(shop: "Shopwatch", registry: CollectorRegistry) -> None:
    """Let the registry read everything of `shop` that is not counted by its own room."""

    def backups() -> Iterator[Number]:
        for sample in shop.verifications.samples(shop.clock()):
            yield sample.name, sample.labels, sample.value

    def rules() -> Iterator[Number]:
        for measure in shop.evaluator.measures():
            yield measure.name, measure.labels, measure.value

    def own() -> Iterator[Number]:
        location, shard = shop.config.here.items()
        yield "shopwatch_shards", (location, shard), float(shop.config.part.of)
        yield "shopwatch_build_info", (("version", VERSION),), 1.0
        yield "shopwatch_config_last_reload_successful", (), float(shop.reload_ok)
        yield "shopwatch_config_last_reload_success_timestamp_seconds", (), shop.reloaded_at
        for (work, outcome), count in shop.schedule.runs.items():
            yield "shopwatch_calendar_runs_total", (("work", work), ("outcome", outcome)), float(count)
        for canary, alive in shop.perch.alive():
            yield "shopwatch_canary_up", (("canary", canary),), float(alive)
        yield "shopwatch_excused_looks_total", (), float(shop.perch.excused)
        yield from shop.archive.numbers()
        if shop.standby.settings is not None:
            yield "shopwatch_prometheus_standing_in", (), float(shop.standby.stands_in(shop.clock()))
            yield "shopwatch_prometheus_watchdog_age_seconds", (), shop.standby.age(shop.clock())
        for usual in shop.baseline.usual:
            yield "shop_orders_expected", usual.labels, usual.expected
            yield "shop_orders_floor", usual.labels, usual.floor
        yield "shopwatch_samples_series", (), float(shop.samples.series_count)
        for reason, count in shop.samples.refused.items():
            yield "shopwatch_samples_refused_total", (("reason", reason),), float(count)

    registry.register(Numbers(BACKUP_METRICS, backups))
    registry.register(Numbers([Metric(name, kind, text) for _, name, kind, text in RULE_METRICS], rules))
    registry.register(Numbers(SERVICE, own))
