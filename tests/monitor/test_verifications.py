"""Real verifications of real SQLite copies, in their own processes, remembered in a real store."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.store import Store, verifications
from monitor.verifications import Verifications
from probes.backup.settings import BackupSettings
from probes.backup.sqlite import SqliteSettings
from probes.backup.sqlite_take import take_copy
from probes.backup.verification import Verdict, Verification
from tests.probes.backup.shops import sqlite_shop

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite://{tmp_path}/state.db")
    yield made
    made.close()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    target = tmp_path / "copies" / "shop-1.db"
    take_copy(sqlite_shop(tmp_path / "live.db"), target)
    return target


@pytest.fixture
def shop(copy: Path) -> BackupSettings:
    return settings(copy, "shop")


def settings(copy: Path, name: str, **changes: Any) -> BackupSettings:
    words = {"name": name, "type": "sqlite", "from": str(copy.parent), "files": "shop-*.db", "labels": {"tier": "db"}}
    return SqliteSettings.model_validate({**words, **changes})


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def sample(known: Verifications, name: str, **labels: str) -> float | None:
    wanted = {"backup": "shop", "type": "sqlite", "tier": "db", **labels}
    found = [entry.value for entry in known.samples(time.time()) if (entry.name, dict(entry.labels)) == (name, wanted)]
    assert len(found) <= 1
    return found[0] if found else None


def test_one_is_verified_and_remembered_over_a_restart(store: Store, shop: BackupSettings, copy: Path) -> None:
    known = Verifications(store, [shop])
    assert sample(known, "backup_verification_due_timestamp_seconds") is not None
    assert known.evidence("shop") is None
    found = known.run("shop")
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    again = Verifications(store, [shop])
    for room in (known, again):
        assert sample(room, "backup_verification_outcome", outcome="pass") == 1
        assert sample(room, "backup_verifications_total", outcome="pass") == 1
        assert sample(room, "backup_rows", table="orders") == 400
        assert sample(room, "backup_verification_running") == 0
        evidence = room.evidence("shop")
        assert evidence is not None
        assert "restored in full" in evidence.summary
    copy.write_bytes(copy.read_bytes()[:-1])
    assert again.run("shop").verdict is Verdict.FAIL
    evidence = again.evidence("shop")
    assert evidence is not None
    assert evidence.facts[0][1].endswith(f"(changed since: now {copy.stat().st_size} bytes)")
    assert sample(again, "backup_verification_outcome", outcome="fail") == 1
    assert sample(again, "backup_last_success_timestamp_seconds") == found.finished_at
    assert [entry.verdict for entry in again.history("shop")] == [Verdict.FAIL, Verdict.PASS]
    with pytest.raises(KeyError):
        again.run("nothing")


def test_a_failure_stays_told_while_the_folder_is_away_and_until_a_pass(
    store: Store, shop: BackupSettings, copy: Path
) -> None:
    known = Verifications(store, [shop])
    whole = copy.read_bytes()
    copy.write_bytes(whole[:-1])
    assert known.run("shop").verdict is Verdict.FAIL
    moved = copy.parent.rename(copy.parent.with_name("away"))
    assert known.run("shop").verdict is Verdict.INCONCLUSIVE
    store.transaction(lambda connection: verifications.begin(connection, "shop", time.time()))  # kill -9 in the next
    store.transaction(lambda connection: verifications.close_interrupted(connection, time.time()))
    for room in (known, Verifications(store, [shop])):
        outcomes = [sample(room, "backup_verification_outcome", outcome=verdict.value) for verdict in Verdict]
        assert outcomes == [0, 1, 1]
        evidence = room.evidence("shop")
        assert evidence is not None
        assert "would not save the shop" in evidence.summary
    moved.rename(copy.parent)
    copy.write_bytes(whole)
    assert known.run("shop").verdict is Verdict.PASS
    assert [sample(known, "backup_verification_outcome", outcome=verdict.value) for verdict in Verdict] == [1, 0, 0]


def test_what_was_never_verified_is_verified_at_the_start_and_on_request(store: Store, shop: BackupSettings) -> None:
    told: list[Verification] = []
    known = Verifications(store, [shop], on_verified=told.append)
    known.request("nothing")
    known.start()
    try:
        until(lambda: len(told) == 1)
        until(lambda: sample(known, "backup_verification_running") == 0)
        known.request("shop")
        until(lambda: len(told) == 2)
    finally:
        known.stop()
    assert [found.verdict for found in told] == [Verdict.PASS, Verdict.PASS]
    assert sample(known, "backup_verifications_total", outcome="pass") == 2


def test_a_fresh_verdict_is_not_asked_for_again_at_the_next_start(store: Store, shop: BackupSettings) -> None:
    Verifications(store, [shop]).run("shop")
    told: list[Verification] = []
    known = Verifications(store, [shop], on_verified=told.append)
    known.start()
    time.sleep(1)
    known.stop()
    assert told == []


def test_one_that_was_killed_is_told_and_tried_again(store: Store, shop: BackupSettings) -> None:
    began = time.time() - 30
    store.transaction(lambda connection: verifications.begin(connection, "shop", began))
    told: list[Verification] = []
    known = Verifications(store, [shop], on_verified=told.append)
    known.start()
    until(lambda: told)
    known.stop()
    assert sample(known, "backup_verifications_total", outcome="inconclusive") == 1
    assert sample(known, "backup_verification_outcome", outcome="pass") == 1


def test_a_reload_verifies_the_new_and_forgets_the_gone(store: Store, copy: Path, shop: BackupSettings) -> None:
    told: list[str] = []
    known = Verifications(store, [shop], on_verified=lambda found: told.append(found.backup))
    known.start()
    try:
        until(lambda: told == ["shop"])
        known.apply([settings(copy, "second")])
        until(lambda: told == ["shop", "second"])
    finally:
        known.stop()
    assert known.names() == ["second"]
    assert known.evidence("shop") is None
    assert sample(known, "backup_verification_outcome", outcome="pass") is None


def test_a_callback_that_fails_does_not_end_the_work(store: Store, shop: BackupSettings) -> None:
    calls = threading.Semaphore(0)

    def fail(found: Verification) -> None:
        calls.release()
        raise RuntimeError("the test breaks it")

    known = Verifications(store, [shop], on_verified=fail)
    known.start()
    try:
        assert calls.acquire(timeout=60)
        until(lambda: sample(known, "backup_verification_running") == 0)
        until(lambda: known.request("shop") or calls.acquire(timeout=0.1))
    finally:
        known.stop()


def test_a_store_that_is_away_costs_no_verdict(store: Store, shop: BackupSettings) -> None:
    known = Verifications(store, [shop])
    store.close()
    found = known.run("shop")
    assert found.verdict is Verdict.PASS
    assert sample(known, "backup_verification_outcome", outcome="pass") == 1
    known._refresh()
    assert sample(known, "backup_verification_outcome", outcome="pass") == 1


def test_a_pass_after_a_pass_is_no_news(
    store: Store, shop: BackupSettings, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known, good = Verifications(store, [shop]), copy.read_bytes()
    with caplog.at_level(logging.DEBUG, "monitor.verifications"):
        for data in (good, good, good[:-1], good[:-1], good):
            copy.write_bytes(data)
            known.run("shop")
    told = [(entry.levelname, entry.getMessage().split(": ")[1]) for entry in caplog.records]
    assert told == [("INFO", "pass"), ("DEBUG", "pass"), ("INFO", "fail"), ("INFO", "fail"), ("INFO", "pass")]
