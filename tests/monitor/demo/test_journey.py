"""The shipped config walks the shipped shop, and names what each switch broke."""

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest

from monitor.config import load
from monitor.demo.run import config_path
from monitor.prober.look import let_go, look, new_run
from probes import KINDS
from probes.base import Finding, Outcome
from probes.journey import JourneyProbe

pytestmark = pytest.mark.integration


def _config(demo):
    return load(config_path(demo.state), {})


def _look(demo, name: str) -> Finding:
    settings = next(probe for probe in _config(demo).probes if probe.name == name)

    async def run() -> Finding:
        probe = KINDS.get(settings.type)(settings)
        await probe.open()
        try:
            return await look(probe, new_run(settings.timeout, time.time(), "here"))
        finally:
            await let_go(probe)

    return asyncio.run(run())


def _orders(demo) -> dict[tuple[str, str], int]:
    with closing(sqlite3.connect(demo.state / "shop.db")) as connection:
        rows = connection.execute("select note, status, count(*) from orders group by 1, 2").fetchall()
    return {(note, status): count for note, status, count in rows}


def test_the_walk_buys_cancels_and_leaves_nothing(demo):
    before = _orders(demo)
    finding = _look(demo, "checkout")
    assert finding.outcome is Outcome.UP, finding.reason
    after = _orders(demo)
    assert after.pop(("shopwatch", "cancelled")) == before.pop(("shopwatch", "cancelled"), 0) + 1
    assert after == before


@pytest.mark.parametrize(
    ("switch", "step", "said"),
    [
        ("slow", "step 'home' (1 of 10)", "within 2s"),
        ("error", "step 'home' (1 of 10)", "got 500"),
        ("declined", "step 'pay' (9 of 10)", 'the page says "Your card was declined.'),
        ("stock", "step 'product' (3 of 10)", "got 'Sold out'"),
    ],
)
def test_a_switch_breaks_the_walk_at_its_step_and_mending_mends_it(demo, switch, step, said):
    demo.turn(f"{switch}/break")
    finding = _look(demo, "checkout")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith(step)
    assert said in finding.reason
    assert dict(finding.evidence.facts)["request id"]
    demo.turn(f"{switch}/mend")
    finding = _look(demo, "checkout")
    assert finding.outcome is Outcome.UP, finding.reason


def test_the_front_page_is_watched_by_itself(demo):
    assert _look(demo, "home").outcome is Outcome.UP
    demo.turn("declined/break")
    assert _look(demo, "home").outcome is Outcome.UP
    demo.turn("error/break")
    assert _look(demo, "home").outcome is Outcome.DOWN


def test_the_payment_provider_and_the_shops_numbers_are_watched(demo):
    assert _look(demo, "payment-provider").outcome is Outcome.UP
    finding = _look(demo, "shop-metrics")
    assert finding.outcome is Outcome.UP, finding.reason
    assert "shop_orders_total" in {sample.name for sample in finding.samples}


def test_an_order_of_a_walk_that_was_killed_is_reaped(demo):
    settings = next(probe for probe in _config(demo).probes if probe.name == "checkout")
    killed = settings.model_copy(update={"cleanup": (), "reap": None})
    reap = settings.reap.model_copy(update={"older_than": 0.001})

    async def run() -> tuple[Finding, Finding]:
        findings = []
        for one in (killed, settings.model_copy(update={"reap": reap})):
            probe = JourneyProbe(one)
            await probe.open()
            for _ in range(2):
                findings.append(await look(probe, new_run(20.0, time.time(), "here")))
                await asyncio.sleep(0.05)
                if one is killed:
                    break
            await let_go(probe)
        return findings[0], findings[-1]

    left, swept = asyncio.run(run())
    assert left.outcome is swept.outcome is Outcome.UP, swept.reason
    assert next(sample.value for sample in swept.samples if sample.name == "journey_reaped") >= 1
    assert ("shopwatch", "paid") not in _orders(demo)
