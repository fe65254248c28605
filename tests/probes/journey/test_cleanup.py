"""Tidying up: always, for what was created, whatever happened; and what is left over is found again."""

import asyncio
import json

import pytest

from monitor.prober.look import look, new_run
from probes.base import Outcome
from probes.journey import JourneyProbe
from probes.journey.cleanup import Reaper, clean_up
from probes.journey.walk import Logins, Walk
from probes.net.http import Http
from tests.probes.journey.shop import Answer, Asked, json_answer, open_shop, settings, walk, walk_through

_ORDER = {"name": "order", "post": "/order", "capture": {"order": {"json": "$.number"}}}
_CANCEL = {"name": "cancel", "post": "/admin/{{ order }}/cancel", "auth": {"bearer": "admin-key"}, "when": "order"}


def _shop(confirmation: Answer | None = None, cancelled: Answer | None = None):
    def answer(asked: Asked) -> Answer:
        if asked.path == "/order":
            return json_answer('{"number": "A-1"}')
        if asked.path.startswith("/admin"):
            good = asked.headers.get("authorization") == "Bearer admin-key"
            return (cancelled or json_answer("{}")) if good else Answer("", 401)
        return confirmation or Answer("ok")

    return answer


def test_after_a_good_walk_the_order_is_cancelled():
    finding, shop = walk_through(_shop(), [_ORDER], cleanup=[_CANCEL])
    assert finding.outcome is Outcome.UP
    assert shop.paths() == ["POST /order", "POST /admin/A-1/cancel"]
    assert ("journey_cleanup_success", 1.0) in [(s.name, s.value) for s in finding.samples]
    assert finding.evidence.steps[-1].name == "cleanup: cancel"


def test_after_a_failed_step_the_order_is_cancelled():
    steps = [_ORDER, {"name": "thanks", "get": "/thanks"}]
    finding, shop = walk_through(_shop(Answer("", 500)), steps, cleanup=[_CANCEL])
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("step 'thanks' (2 of 2)")
    assert shop.paths()[-1] == "POST /admin/A-1/cancel"


def test_an_order_in_an_answer_that_falls_short_is_cancelled_too():
    step = {**_ORDER, "expect": {"json": {"$.status": "paid"}}}
    finding, shop = walk_through(_shop(), [step], cleanup=[_CANCEL])
    assert finding.outcome is Outcome.DOWN
    assert "$.status" in finding.reason
    assert shop.paths()[-1] == "POST /admin/A-1/cancel"


def test_nothing_is_cancelled_where_nothing_was_ordered():
    steps = [{"name": "home", "get": "/"}, _ORDER]
    finding, shop = walk_through(_shop(Answer("", 500)), steps, cleanup=[_CANCEL])
    assert finding.outcome is Outcome.DOWN
    assert shop.paths() == ["GET /"]
    assert "journey_cleanup_success" not in [sample.name for sample in finding.samples]


def test_after_a_step_that_never_answers_the_reserved_time_is_enough_to_cancel():
    async def slow(asked: Asked) -> Answer:
        if asked.path == "/thanks":
            await asyncio.sleep(30)
        return _shop()(asked)

    steps = [_ORDER, {"name": "thanks", "get": "/thanks"}]
    finding, shop = walk_through(slow, steps, cleanup=[_CANCEL], timeout="4s", reserve="3s")
    assert finding.outcome is Outcome.DOWN
    assert "step 'thanks' (2 of 2): processing: no whole answer within" in finding.reason
    assert shop.paths()[-1] == "POST /admin/A-1/cancel"


def test_a_cleanup_that_hangs_is_told_before_the_prober_cuts_the_look_off():
    async def hang(asked: Asked) -> Answer:
        if asked.path != "/order":
            await asyncio.sleep(30)
        return _shop()(asked)

    steps = [_ORDER, {"name": "thanks", "get": "/thanks"}]
    finding, _ = walk_through(hang, steps, cleanup=[_CANCEL], timeout="2s", reserve="1s")
    assert finding.outcome is Outcome.DOWN
    assert "step 'thanks' (2 of 2)" in finding.reason
    assert "cleaning up failed at 'cancel': processing: no whole answer within" in finding.reason


def test_a_failed_cleanup_degrades_a_good_walk_and_says_what_is_left():
    finding, _ = walk_through(_shop(cancelled=Answer("", 500)), [_ORDER], cleanup=[_CANCEL])
    assert finding.outcome is Outcome.DEGRADED
    assert finding.reason.startswith(
        "the walk went well, but cleaning up failed at 'cancel': status: expected 2xx, got 500"
    )
    assert ("journey_cleanup_success", 0.0) in [(s.name, s.value) for s in finding.samples]
    assert dict(finding.evidence.facts)["step"] == "cancel"


def test_a_failed_cleanup_is_told_beside_a_failed_walk():
    steps = [_ORDER, {"name": "thanks", "get": "/thanks"}]
    finding, _ = walk_through(_shop(Answer("", 503), Answer("", 500)), steps, cleanup=[_CANCEL])
    assert finding.outcome is Outcome.DOWN
    assert "step 'thanks' (2 of 2)" in finding.reason
    assert "cleaning up failed at 'cancel'" in finding.reason


def test_one_cleanup_step_that_fails_does_not_stop_the_next():
    second = {"name": "empty cart", "delete": "/cart"}
    finding, shop = walk_through(_shop(cancelled=Answer("", 500)), [_ORDER], cleanup=[_CANCEL, second])
    assert shop.paths() == ["POST /order", "POST /admin/A-1/cancel", "DELETE /cart"]
    assert finding.outcome is Outcome.DEGRADED


def test_a_walk_that_is_cut_off_is_cleaned_up_before_the_probe_closes():
    async def run():
        reached = asyncio.Event()

        async def shop(asked: Asked) -> Answer:
            if asked.path == "/thanks":
                reached.set()
                await asyncio.sleep(30)
            return _shop()(asked)

        async with open_shop(shop) as open_:
            journey = settings(open_.url, [_ORDER, {"name": "thanks", "get": "/thanks"}], cleanup=[_CANCEL])
            probe = JourneyProbe(journey)
            await probe.open()
            looking = asyncio.create_task(look(probe, new_run(10.0, 1.0, "")))
            await reached.wait()
            looking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await looking
            await probe.close()
            return open_.paths()

    assert asyncio.run(run())[-1] == "POST /admin/A-1/cancel"


def test_a_stop_while_tidying_up_does_not_stop_the_tidying():
    async def run():
        reached, may_go_on = asyncio.Event(), asyncio.Event()
        done = []

        async def shop(asked: Asked) -> Answer:
            if asked.path.startswith("/admin"):
                reached.set()
                await may_go_on.wait()
                done.append(asked.path)
            return _shop()(asked)

        async with open_shop(shop) as open_:
            probe = JourneyProbe(settings(open_.url, [_ORDER], cleanup=[_CANCEL, {"name": "last", "get": "/last"}]))
            await probe.open()
            looking = asyncio.create_task(look(probe, new_run(10.0, 1.0, "")))
            await reached.wait()
            looking.cancel()
            await asyncio.wait([looking])
            may_go_on.set()
            await probe.close()
            return done, open_.paths()

    done, paths = asyncio.run(run())
    assert done == ["/admin/A-1/cancel"]
    assert paths[-1] == "GET /last"


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_leftovers_are_reaped_once_they_were_seen_for_long_enough():
    orders = {"L-1", "L-2"}

    def shop(asked: Asked) -> Answer:
        if asked.path == "/admin/orders":
            return json_answer(json.dumps({"orders": [{"number": number} for number in sorted(orders)]}))
        if asked.path.startswith("/admin/"):
            orders.discard(asked.path.split("/")[2])
            return json_answer("{}")
        return json_answer('{"number": "A-1"}')

    async def run():
        clock = _Clock()
        async with open_shop(shop) as open_:
            journey = settings(open_.url, [_ORDER], cleanup=[_CANCEL], reap=_REAP)
            reaper = Reaper(journey, journey.reap, clock)
            seen = []
            for at in (100.0, 130.0, 170.0):
                clock.now = at
                if at == 130.0:
                    orders.add("young")
                assert reaper.is_due
                walk_ = Walk(journey, new_run(10.0, 1.0, ""), Http(reuse=True), Logins(Http()))
                failures = await reaper.sweep(walk_, asyncio.get_running_loop().time() + 10)
                await walk_.close()
                assert failures == []
                seen.append((reaper.left, reaper.reaped, set(orders)))
            assert not reaper.is_due
            return seen

    assert asyncio.run(run()) == [
        (2, 0, {"L-1", "L-2"}),
        (3, 0, {"L-1", "L-2", "young"}),
        (1, 2, {"young"}),
    ]


_REAP = {"get": "/admin/orders", "each": "$.orders[*].number", "older_than": "1m", "auth": {"bearer": "admin-key"}}


def test_leftovers_that_cannot_be_listed_degrade():
    def shop(asked: Asked) -> Answer:
        return Answer("<h1>Login") if asked.path == "/admin/orders" else _shop()(asked)

    finding, _ = walk_through(shop, [_ORDER], cleanup=[_CANCEL], reap=_REAP)
    assert finding.outcome is Outcome.DEGRADED
    assert "the list of leftovers cannot be read as JSON" in finding.reason


def test_a_good_walk_with_reap_says_how_many_leftovers_there_are():
    def shop(asked: Asked) -> Answer:
        return json_answer('{"orders": [{"number": 5}]}') if asked.path == "/admin/orders" else _shop()(asked)

    finding, _ = walk_through(shop, [_ORDER], cleanup=[_CANCEL], reap=_REAP)
    assert finding.outcome is Outcome.UP, finding.reason
    assert ("journey_leftovers", 1.0) in [(s.name, s.value) for s in finding.samples]


def test_cleaning_up_never_raises_for_a_shop_that_is_gone():
    async def run():
        async with open_shop(_shop()) as shop:
            journey = settings(shop.url, [_ORDER], cleanup=[_CANCEL])
            walk_ = Walk(journey, new_run(10.0, 1.0, ""), Http(reuse=True), Logins(Http()))
            await walk_.go(asyncio.get_running_loop().time() + 10)
        gone = settings("http://127.0.0.1:1/", [_ORDER], cleanup=[_CANCEL])
        other = Walk(gone, new_run(10.0, 1.0, ""), Http(reuse=True), Logins(Http()))
        other.values |= walk_.values
        legs = await clean_up(other, gone, asyncio.get_running_loop().time() + 5)
        await walk_.close()
        await other.close()
        return legs

    (leg,) = asyncio.run(run())
    assert leg.outcome is Outcome.DOWN
    assert "refused" in leg.sentence


def test_cleanup_uses_the_visit_of_the_walk():
    def shop(asked: Asked) -> Answer:
        return Answer("ok", headers=[("Set-Cookie", "sid=abc; Path=/")])

    async def run():
        async with open_shop(shop) as open_:
            await walk(open_, [{"name": "cart", "post": "/cart"}], cleanup=[{"name": "empty", "delete": "/cart"}])
            return open_.asked[-1]

    last = asyncio.run(run())
    assert (last.method, last.cookies) == ("DELETE", {"sid": "abc"})
