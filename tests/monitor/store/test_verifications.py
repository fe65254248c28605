from dataclasses import replace

import pytest

from monitor.store import Store, verifications
from monitor.store.verifications import KEPT
from probes.backup.standing import Standing
from probes.backup.verification import Verdict, Verification


def verification(at: float, verdict: Verdict = Verdict.PASS, backup: str = "orders") -> Verification:
    return Verification(backup, "sqlite", verdict, at, at + 5, rows={"orders": 3})


def keep(store: Store, found: Verification) -> None:
    row = store.transaction(lambda connection: verifications.begin(connection, found.backup, found.started_at))
    store.transaction(lambda connection: verifications.finish(connection, row, found))


def standing(store: Store, backup: str = "orders", since: float = 1000.0) -> Standing:
    return store.transaction(lambda connection: verifications.standing(connection, backup, since))


def test_nothing_is_known_at_first(store: Store) -> None:
    assert standing(store) == Standing(since=1000.0)


def test_the_last_the_last_good_and_the_counts(store: Store) -> None:
    for at, verdict in ((10.0, Verdict.PASS), (20.0, Verdict.FAIL), (30.0, Verdict.INCONCLUSIVE)):
        keep(store, verification(at, verdict))
    keep(store, verification(40.0, backup="other"))
    known = standing(store)
    assert known.latest == verification(30.0, Verdict.INCONCLUSIVE)
    assert known.concluded == verification(20.0, Verdict.FAIL)
    assert known.passed == verification(10.0)
    assert known.counts == dict.fromkeys(Verdict, 1)
    assert known.since == 10.0
    assert known == Standing(since=10.0).after(known.passed).after(known.concluded).after(known.latest)
    history = store.transaction(lambda connection: verifications.history(connection, "orders", 2))
    assert [found.started_at for found in history] == [30.0, 20.0]


def test_what_was_killed_is_ended_as_inconclusive(store: Store) -> None:
    store.transaction(lambda connection: verifications.begin(connection, "orders", 10.0))
    assert standing(store).latest is None
    assert standing(store).since == 10.0, "a crash loop must not put off the day when it is due"
    ended = store.transaction(lambda connection: verifications.close_interrupted(connection, 50.0))
    assert [found.reasons for found in ended] == [("Shopwatch was killed while it verified this backup",)]
    latest = standing(store).latest
    assert latest is not None
    assert (latest.verdict, latest.started_at, latest.finished_at) == (Verdict.INCONCLUSIVE, 10.0, 50.0)
    assert store.transaction(lambda connection: verifications.close_interrupted(connection, 60.0)) == []


@pytest.mark.integration
def test_only_the_newest_are_kept_and_the_last_good_one(store: Store) -> None:
    keep(store, verification(1.0))
    keep(store, verification(2.0, backup="other"))

    def many(connection: object) -> None:
        for at in range(10, 10 + KEPT + 20):
            row = verifications.begin(connection, "orders", float(at))  # type: ignore[arg-type]  # a Connection
            verifications.finish(connection, row, verification(float(at), Verdict.FAIL))  # type: ignore[arg-type]

    store.transaction(many)
    known = standing(store)
    assert known.passed == verification(1.0)
    assert known.counts == {Verdict.PASS: 1, Verdict.FAIL: KEPT}
    assert standing(store, "other").passed == verification(2.0, backup="other")


@pytest.mark.integration
def test_a_failure_is_not_forgotten_however_often_nobody_could_look_since(store: Store) -> None:
    keep(store, verification(1.0))
    keep(store, verification(2.0, Verdict.FAIL))

    def many(connection: object) -> None:
        for at in range(10, 10 + KEPT + 20):
            row = verifications.begin(connection, "orders", float(at))  # type: ignore[arg-type]  # a Connection
            verifications.finish(connection, row, verification(float(at), Verdict.INCONCLUSIVE))  # type: ignore[arg-type]

    store.transaction(many)
    known = standing(store)
    assert known.passed == verification(1.0)
    assert known.concluded == verification(2.0, Verdict.FAIL)
    assert known.is_failed


def test_a_verification_with_everything_comes_back_as_it_was(store: Store) -> None:
    whole = replace(
        verification(10.0),
        reasons=("it’s <cut>",),
        notes=("née",),
        taken_at=1.5,
        size=7,
        phases={"find": 0.25},
        facts=(("a", "b"),),
    )
    keep(store, whole)
    assert standing(store).latest == whole
