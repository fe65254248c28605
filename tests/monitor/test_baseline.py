"""What is usual for the orders, measured over weeks of recorded counts; and the page that follows from it."""

import asyncio
import logging
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.calendar import Calendar, Holiday
from alerts.promql import Engine
from alerts.rule import Element, RuleFailed
from alerts.rulefile import read_file
from alerts.rulequery import query_of
from alerts.ruletest.samples import TestSamples
from monitor.archive import Archive
from monitor.baseline import COUNTED, Baseline
from monitor.samples import Samples
from monitor.store import Store
from probes.base import Labels
from tests.monitor.making import Time

ROOT = Path(__file__).parents[2]
BERLIN = Calendar(timezone="Europe/Berlin")
#: A Wednesday evening, three days after the clocks went back.
NOW = datetime(2026, 10, 28, 20, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
SHOP: Labels = (("location", "here"), ("probe", "shop"), ("type", "scrape"))
SERIES: Labels = (("__name__", COUNTED), *SHOP)


class Weeks:
    """Recorded counts around 20:00 of some earlier weeks: 40 up to that moment, and 4 at any other time."""

    def __init__(self, *weeks: int) -> None:
        self.samples = TestSamples()
        moments = list(BERLIN.same_time(NOW, 4))
        for week in sorted(weeks, reverse=True):
            for minutes in range(-90, 91, 3):
                at = round((moments[week - 1] + 60 * minutes) * 1000)
                self.samples.append(SERIES, at, 40.0 if minutes in (-3, 0) else 4.0)
        self.baseline = Baseline(query_of(Engine(self.samples)), lambda: NOW)
        self.baseline.calendar = BERLIN


def test_the_same_time_on_the_clock_is_compared_though_clocks_have_changed():
    baseline = Weeks(1, 2, 3).baseline
    baseline.look()
    [usual] = baseline.usual
    assert usual == (SHOP, 40.0, 19.0)


def test_by_offset_it_would_be_an_hour_wrong():
    query = query_of(Engine(Weeks(1, 2, 3).samples))
    [(_, value)] = query(f"{COUNTED} offset 1w", round(NOW * 1000))
    assert value == 4.0


def test_two_weeks_are_needed_and_a_holiday_is_made_up_for_by_the_week_before():
    baseline = Weeks(1).baseline
    baseline.look()
    assert baseline.usual == ()
    baseline = Weeks(1, 2, 3, 4).baseline
    baseline.calendar = Calendar(
        timezone="Europe/Berlin", holidays=(Holiday(name="x", from_=date(2026, 10, 14), to=date(2026, 10, 21)),)
    )
    baseline.look()
    assert [usual.expected for usual in baseline.usual] == [40.0]


def test_on_a_holiday_nothing_is_usual():
    baseline = Weeks(1, 2, 3).baseline
    baseline.look()
    baseline.calendar = Calendar(timezone="Europe/Berlin", holidays=(Holiday(name="x", from_=date(2026, 10, 28)),))
    baseline.look()
    assert baseline.usual == ()


def test_a_week_that_cannot_be_read_is_left_out_and_said(caplog):
    weeks = Weeks(1, 2, 3)
    query = query_of(Engine(weeks.samples))

    def failing(expr: str, at: int) -> list[Element]:
        if NOW * 1000 - at < 8 * 86_400_000:
            raise RuleFailed("the query took longer than 10 s")
        return list(query(expr, at))

    baseline = Baseline(failing, lambda: NOW)
    baseline.calendar = BERLIN
    baseline.look()
    assert [usual.expected for usual in baseline.usual] == [40.0]
    assert "an earlier week could not be read: the query took longer" in caplog.text


def test_a_bug_ends_no_looks_and_shows_nothing_stale(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.ERROR)
    weeks = Weeks(1, 2, 3)
    weeks.baseline.look()

    def broken(expr: str, at: int) -> list[Element]:
        raise ZeroDivisionError

    async def once(baseline: Baseline) -> None:
        task = asyncio.create_task(baseline.run())
        async with asyncio.timeout(20):
            while baseline.usual:  # noqa: ASYNC110 - a tuple has no event to wait for
                await asyncio.sleep(0.01)
        task.cancel()

    baseline = Baseline(broken, lambda: NOW)
    baseline._usual = weeks.baseline.usual
    asyncio.run(once(baseline))
    assert "could not be measured" in caplog.text


def test_the_counts_that_the_shipped_pack_records_survive_weeks_and_a_restart(store: Store):
    groups = read_file(ROOT / "alerts" / "rules" / "orders.yml", 15.0).groups
    clock = Time(NOW)

    def process() -> tuple[Samples, Archive]:
        memory = Samples()
        archive = Archive(memory, store, "here", clock)
        archive.keep(groups)
        archive.tick()
        return memory, archive

    clock.now = NOW - 22 * 86400
    memory, archive = process()
    for centre in sorted(BERLIN.same_time(NOW, 3)):
        for minutes in range(-30, 31):
            clock.now = centre + 60 * minutes
            memory.append(SERIES, round(clock.now * 1000), 40.0 if -5 <= minutes <= 0 else 4.0)
            archive.tick()
    clock.now = NOW
    archive.tick()
    _, archive = process()
    baseline = Baseline(query_of(Engine(archive.storage)), clock)
    baseline.calendar = BERLIN
    baseline.look()
    assert [(usual.labels, usual.expected) for usual in baseline.usual] == [(SHOP, 40.0)]
