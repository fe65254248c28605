"""What is kept of alert rules over a restart, in both databases, and by the evaluator itself."""

import math
import time
from pathlib import Path

import pytest

from alerts.active import State
from alerts.alert import Alert
from alerts.rule import AlertingRule, Element, RuleGroup
from alerts.rulememory import Kept
from monitor.evaluator import Evaluator
from monitor.rulekeeper import RuleKeeper
from monitor.store import Store, rulestates

T = 1_800_000_000_000


def kept(probe: str, **more: object) -> Kept:
    facts = {
        "state": State.FIRING,
        "active_at": T + 1,
        "fired_at": T + 2,
        "missed_at": None,
        "value": 1.5,
        "seen_at": T,
    }
    labels = (("alertname", "Down"), ("probe", probe))
    rest = {"group": "r.yml;g", "rule": "Down", "labels": labels, "annotations": (("summary", "ü {{ }}"),)}
    return Kept(**facts | rest | more)  # type: ignore[arg-type]


def test_what_is_saved_is_loaded(store: Store):
    records = [kept("home"), kept("cart", state=State.PENDING, fired_at=None, missed_at=T + 3, value=math.inf)]
    store.transaction(lambda connection: rulestates.save(connection, records, [], T))
    assert sorted(store.transaction(rulestates.load), key=lambda record: record.labels) == sorted(
        records, key=lambda record: record.labels
    )


def test_a_changed_record_replaces_and_an_ended_one_goes(store: Store):
    store.transaction(lambda connection: rulestates.save(connection, [kept("home"), kept("cart")], [], T))
    ended = [("r.yml;g", "Down", kept("cart").labels)]
    store.transaction(lambda connection: rulestates.save(connection, [kept("home", fired_at=T + 9)], ended, T + 5))
    assert store.transaction(rulestates.load) == [kept("home", fired_at=T + 9, seen_at=T + 5)]


def test_a_thousand_at_once(store: Store):
    records = [kept(f"p{number}") for number in range(1000)]
    store.transaction(lambda connection: rulestates.save(connection, records, [], T))
    gone = [(record.group, record.rule, record.labels) for record in records[1:]]
    store.transaction(lambda connection: rulestates.save(connection, [], gone, T))
    assert store.transaction(rulestates.load) == records[:1]


class Counting(Store):
    """A store that counts what is submitted."""

    submitted = 0

    def submit(self, transaction):  # type: ignore[no-untyped-def]
        self.submitted += 1
        return super().submit(transaction)


def test_the_keeper_writes_changes_and_refreshes_now_and_then(tmp_path: Path):
    store = Counting(f"sqlite:{tmp_path}/state.db")
    keeper = RuleKeeper(store)
    keeper.keep([], T)
    start = store.submitted
    keeper.keep([kept("home")], T)
    for step in range(1, 60):
        keeper.keep([kept("home", value=float(step), seen_at=T + 1000 * step)], T + 1000 * step)
    assert store.submitted - start == 2
    [record] = store.transaction(rulestates.load)
    assert record.seen_at == T + 30_000
    keeper.keep([], T + 61_000)
    assert RuleKeeper(store).load() == []
    store.close()


@pytest.mark.parametrize("mended", [False, True])
def test_a_firing_alert_survives_a_restart_and_is_told_when_it_can_be_looked_at(tmp_path: Path, mended: bool):
    failing: list[Element] = [((("probe", "home"),), 0.0)]
    group = RuleGroup("g", "r.yml", 1.0, (AlertingRule("Down", "m == 0"),))
    told: list[Alert] = []
    heard: set[str] = set()
    now = [1_800_000_000.0]

    def start(answer: list[Element]) -> tuple[Evaluator, Store]:
        store = Store(f"sqlite:{tmp_path}/state.db")
        evaluator = Evaluator(
            lambda expr, at: answer,
            lambda *sample: True,
            told.extend,
            clock=lambda: now[0],
            keeper=RuleKeeper(store),
            heard=heard.__contains__,
        )
        evaluator.apply([group])
        evaluator.run_due()
        return evaluator, store

    first, store = start(failing)
    now[0] += 1
    first.run_due()
    [before] = told
    store.close()

    told.clear()
    now[0] += 120
    empty: list[Element] = []
    second, store = start(empty)
    for _ in range(5):
        now[0] += 1
        second.run_due()
    assert told == []  # no probe has reported yet: nothing is known, and nothing is said
    heard.add("home")
    if not mended:
        empty.extend(failing)
    now[0] += 1
    second.run_due()
    [after] = told
    assert after.status == ("resolved" if mended else "firing")
    assert after.started_at == before.started_at
    assert after.fingerprint == before.fingerprint
    store.close()


def test_a_store_that_is_closed_does_not_stop_the_rules(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    store = Store(f"sqlite:{tmp_path}/state.db")
    keeper = RuleKeeper(store)
    store.close()
    assert keeper.load() == []
    keeper.keep([kept("home")], round(time.time() * 1000))
    assert "cannot be read" in caplog.text
    assert "cannot be kept" in caplog.text
