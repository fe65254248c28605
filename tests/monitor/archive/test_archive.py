"""Long windows survive: restarts, killed processes, a store that is away, and the months."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from alerts.promql import Engine, Vector
from alerts.rulefile import read_rules
from monitor.archive import Archive
from monitor.samples import Samples
from monitor.store import Store, bundles
from monitor.store.schema import archive_bundles
from probes.base import Labels
from tests.monitor.making import Time

NOW = 1_790_000_000.0 // 21_600 * 21_600
HOUR, DAY = 3600.0, 86400.0
LOOKS: Labels = (("__name__", "probe_results_total"), ("outcome", "up"), ("probe", "checkout"))
OTHER: Labels = (("__name__", "probe_results_total"), ("outcome", "up"), ("probe", "home"))
RULES = """
groups:
  - name: g
    rules:
      - {record: "looks:increase30d", expr: 'increase(probe_results_total{probe="checkout"}[30d])'}
"""


class Watch:
    """Memory, archive and engine of one process; a new one on the same store is a restart."""

    def __init__(self, store: Store, clock: Time, rules: str = RULES) -> None:
        self.clock, self.store = clock, store
        self.memory = Samples()
        self.archive = Archive(self.memory, store, "taipei", clock)
        self.archive.keep(read_rules(rules, "r.yml").groups)
        self.archive.tick()
        self.engine = Engine(self.archive.storage)

    def run(self, seconds: float, every: float = 60.0, start: float = 0.0, step: float = 1.0) -> float:
        """Let time pass: a look every minute, the archive each minute. Answers the counter's last value."""
        end, value = self.clock.now + seconds, start
        while self.clock.now < end:
            self.clock.now += every
            value += step
            at = round(self.clock.now * 1000)
            self.memory.append(LOOKS, at, value)
            self.memory.append(OTHER, at, value)
            self.archive.tick()
        return value

    def ask(self, query: str) -> float | None:
        answer = self.engine.instant(query, round(self.clock.now * 1000))
        assert isinstance(answer, Vector)
        return answer.samples[0].value if answer.samples else None


@pytest.fixture
def clock() -> Time:
    return Time(NOW)


def rows(connection: Connection) -> list[tuple[float, int]]:
    columns = archive_bundles.c
    query = select(columns.resolution, func.count()).group_by(columns.resolution).order_by(columns.resolution)
    return [(resolution, count) for resolution, count in connection.execute(query)]


def test_a_killed_process_still_has_its_numbers(store: Store, clock: Time) -> None:
    first = Watch(store, clock)
    first.run(3 * HOUR)
    clock.now += 90
    second = Watch(store, clock)
    second.run(HOUR, start=0.0)
    # Three hours at one a minute, the process' counter begins anew, then an hour more.
    assert second.ask('sum(increase(probe_results_total{probe="checkout"}[1d]))') == pytest.approx(239, rel=0.02)
    assert second.ask('sum(increase(probe_results_total{probe="checkout"}[2h]))') == pytest.approx(117, rel=0.03)
    assert second.ask('sum(increase(probe_results_total{probe="home"}[1d]))') == pytest.approx(59, rel=0.05)


def test_only_what_rules_need_is_kept(store: Store, clock: Time) -> None:
    watch = Watch(store, clock)
    watch.run(0.5 * HOUR)
    again = Watch(store, clock)
    assert again.archive.storage.label_values("probe") == ["checkout"]
    assert {name: value for name, _, value in again.archive.numbers()}["shopwatch_archive_series"] == 1.0


def test_a_month_in_one_resolution(store: Store, clock: Time) -> None:
    """Thirty days of history, written as the archive would have; then a process that starts today."""
    fill(store, clock, days=31)
    watch = Watch(store, clock)
    watch.run(10 * 60, start=5.0)
    assert watch.ask('increase(probe_results_total{probe="checkout"}[30d])') == pytest.approx(43_200, rel=0.002)
    assert watch.ask('increase(probe_results_total{probe="checkout"}[1d])') == pytest.approx(1440, rel=0.01)
    assert watch.ask('probe_results_total{probe="checkout"} offset 3w') is not None
    count = watch.ask('count_over_time(probe_results_total{probe="checkout"}[30d])')
    assert count == pytest.approx(14_400, abs=20)
    assert watch.ask('count_over_time(probe_results_total{probe="checkout"}[1d])') == pytest.approx(1440, abs=15)


def fill(store: Store, clock: Time, days: int) -> None:
    """Let `days` pass quickly: the archive's own tiers are fed and saved once a span."""
    watch = Watch(store, clock)
    memory, value = watch.memory, 0.0
    for _ in range(days * 4):
        for _ in range(360):
            clock.now += 60
            value += 1
            memory.append(LOOKS, round(clock.now * 1000), value)
        watch.archive.tick()


def test_an_average_weighs_every_day_alike(store: Store, clock: Time) -> None:
    rules = 'groups: [{name: g, rules: [{record: "a:avg", expr: "avg_over_time(gauge[2d])"}]}]'
    gauge: Labels = (("__name__", "gauge"),)
    watch = Watch(store, clock, rules)
    for value in (0.0, 1.0):
        for _ in range(8):  # a day of three-hourly stretches
            for _ in range(720 if value else 180):  # the second day has four times the samples
                clock.now += 15 if value else 60
                watch.memory.append(gauge, round(clock.now * 1000), value)
            watch.archive.tick()
    assert watch.ask("avg_over_time(gauge[2d])") == pytest.approx(0.5, abs=0.01)


def test_few_rows_and_none_too_old(store: Store, clock: Time) -> None:
    watch = Watch(store, clock)
    watch.run(6 * HOUR)
    assert store.transaction(rows) == [(60.0, 3), (180.0, 1)]
    watch.run(600, start=360.0)
    assert store.transaction(rows) == [(60.0, 13), (180.0, 4)]
    clock.now += 60 * DAY
    watch.archive.retire()
    assert store.transaction(rows) == []


def test_the_last_moments_are_kept_when_stopped_in_order(store: Store, clock: Time) -> None:
    watch = Watch(store, clock)
    watch.archive.start()
    watch.memory.append(LOOKS, round(clock.now * 1000) + 20_000, 7.0)
    clock.now += 30
    watch.archive.stop()
    clock.now += 60
    assert Watch(store, clock).ask('probe_results_total{probe="checkout"}') == 7.0


def test_locations_in_one_store_are_kept_apart(store: Store, clock: Time) -> None:
    watch = Watch(store, clock)
    watch.run(600)
    elsewhere = Archive(Samples(), store, "berlin", clock)
    elsewhere.tick()
    assert elsewhere.storage.label_names() == []


def test_of_two_replicas_one_writes_and_the_other_takes_over(store: Store, clock: Time) -> None:
    """Their counters began at different times: mixed, they would look like one reset after the other."""
    first, second = Watch(store, clock), Watch(store, clock)

    def minute(count: float, *, both: bool) -> None:
        clock.now += 60
        for watch, value in ((first, count), (second, count + 5000)) if both else ((second, count + 5000),):
            watch.memory.append(LOOKS, round(clock.now * 1000), value)
            watch.archive.tick()

    for count in range(60):
        minute(count, both=True)
    reader = Watch(store, clock)
    assert reader.ask("max_over_time(probe_results_total[1d])") == 59
    for count in range(60, 90):
        minute(count, both=False)
    reader = Watch(store, clock)
    assert reader.ask("resets(probe_results_total[1d])") == 0
    assert reader.ask("count_over_time(probe_results_total[1d])") == pytest.approx(90, abs=4)
    assert reader.ask("max_over_time(probe_results_total[1d])") == 5089


def test_a_bundle_that_cannot_be_read_costs_only_itself(
    store: Store, clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(store, clock)
    watch.run(600)
    at = round((clock.now - 300) * 1000)
    bad = bundles.Row(60_000, at, at, 1, b"\x00nonsense")
    store.transaction(lambda connection: bundles.save(connection, "taipei", "someone", [bad], (0.0, 0.0)))
    again = Watch(store, clock)
    assert "cannot be read, and is left out" in caplog.text
    assert again.ask('count_over_time(probe_results_total{probe="checkout"}[20m])') == 10


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Store, sqlite3.Connection]]:
    store = Store(f"sqlite:{tmp_path}/state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    store.transaction(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=50"))
    yield store, other
    other.close()
    store.close()


def test_a_locked_store_is_said_once_counted_and_made_up_for(
    locked: tuple[Store, sqlite3.Connection], clock: Time, caplog: pytest.LogCaptureFixture
) -> None:
    store, other = locked
    watch = Watch(store, clock)
    watch.run(120)
    other.execute("begin immediate")
    watch.run(300, start=2.0)
    assert watch.archive.failures == 5
    assert caplog.text.count("what long windows need cannot be kept: store:") == 1
    assert "is locked by another process" in caplog.text
    assert watch.ask('count_over_time(probe_results_total{probe="checkout"}[1h])') == 7
    other.execute("rollback")
    watch.run(60, start=7.0)
    assert watch.archive.failures == 5
    assert Watch(store, clock).ask('count_over_time(probe_results_total{probe="checkout"}[1h])') == 8


def test_what_is_stored_is_read_later_when_the_store_was_away_at_the_start(
    locked: tuple[Store, sqlite3.Connection], clock: Time
) -> None:
    store, other = locked
    Watch(store, clock).run(300)
    clock.now += 60
    other.execute("begin immediate")
    watch = Watch(store, clock)
    watch.run(180)
    assert watch.ask('count_over_time(probe_results_total{probe="checkout"}[1h])') == 3
    other.execute("rollback")
    watch.run(60, start=3.0)
    assert watch.ask('count_over_time(probe_results_total{probe="checkout"}[1h])') == 9


def test_a_full_disk_is_a_sentence_and_a_count(tmp_path: Path, clock: Time, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(f"sqlite:{tmp_path}/state.db")
    pages = store.transaction(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    store.transaction(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}"))
    watch = Watch(store, clock)
    watch.run(HOUR)
    assert watch.archive.failures > 0
    assert "no space left for" in caplog.text
    assert watch.ask('count_over_time(probe_results_total{probe="checkout"}[2h])') == 60
    store.close()


def test_a_series_that_ended_before_the_restart_is_still_in_long_windows(store: Store, clock: Time) -> None:
    Watch(store, clock).run(HOUR)
    clock.now += 2 * HOUR
    again = Watch(store, clock)
    assert again.ask('increase(probe_results_total{probe="checkout"}[1d])') == pytest.approx(59, rel=0.05)
    assert again.ask('probe_results_total{probe="checkout"}') is None
