from dataclasses import replace
from typing import Any

from probes.backup.report import METRICS, base_labels, caveat, evidence, samples, summary
from probes.backup.settings import BackupSettings
from probes.backup.standing import Standing
from probes.backup.verification import Verdict, Verification
from probes.base import Outcome

FOUR = 1_795_233_600.0  # 2026-11-21T04:00:00Z
DAY = 86400.0
SETTINGS = BackupSettings.model_validate(
    {
        **{"name": "orders-db", "type": "sqlite", "from": "/backups", "files": "*", "labels": {"shop": "main"}},
        **{"verify": {"restore": "0 4 * * *", "timeout": "30m"}, "targets": {"rpo": "1d", "rto": "1h"}},
    }
)
PASSED = Verification(
    backup="orders-db",
    type="sqlite",
    verdict=Verdict.PASS,
    started_at=FOUR,
    finished_at=FOUR + 20,
    file="orders-1.db",
    taken_at=FOUR - 600,
    size=1000,
    restored_size=4000,
    rto=12.5,
    phases={"find": 0.1, "fetch": 2.0, "start": 0.0, "restore": 10.0, "question": 1.0, "cleanup": 0.5},
    rows={"orders": 10, "carts": 2},
    recorded={"orders": 10},
    newest={"orders": FOUR - 700},
    facts=(("programs", "/usr/bin"),),
)
FAILED = replace(
    PASSED,
    verdict=Verdict.FAIL,
    started_at=FOUR + DAY,
    finished_at=FOUR + DAY + 5,
    reasons=("it is cut", "and old"),
    phases={"find": 0.1, "fetch": 2.0, "cleanup": 0.5},
    rows={},
    rto=None,
)
LOST = replace(FAILED, verdict=Verdict.INCONCLUSIVE, started_at=FOUR + 2 * DAY, reasons=("the disk is full",))


def values(standing: Standing, now: float) -> dict[tuple[str, ...], float]:
    found = samples(SETTINGS, standing, now)
    named = {(sample.name.removeprefix("backup_"), *(value for _, value in sample.labels)): sample for sample in found}
    assert len(named) == len(found)
    assert {sample.name for sample in found} <= {metric.name for metric in METRICS}
    return {key: sample.value for key, sample in named.items()}


def test_every_promised_metric_has_a_sample() -> None:
    standing = Standing(since=0).after(PASSED)
    assert {sample.name for sample in samples(SETTINGS, standing, FOUR)} == {metric.name for metric in METRICS}


def test_a_backup_that_was_never_verified_is_due() -> None:
    found = values(Standing(since=FOUR), FOUR + 60)
    assert found["verification_due_timestamp_seconds",] == FOUR + 1800
    assert found["verification_next_timestamp_seconds",] == FOUR + DAY
    assert found["verifications_total", "pass"] == 0
    assert ("verification_outcome", "pass") not in found
    assert ("last_success_timestamp_seconds",) not in found


def test_a_backup_that_passed() -> None:
    found = values(Standing(since=0).after(PASSED), FOUR + 3600)
    assert found["verification_outcome", "pass"] == 1
    assert found["verification_outcome", "fail"] == 0
    assert found["age_seconds",] == 3600 + 600
    assert found["rto_seconds",] == 12.5
    assert found["restore_seconds", "restore"] == 10
    assert found["rows", "carts"] == 2
    assert found["recorded_rows", "orders"] == 10
    assert found["newest_row_timestamp_seconds", "orders"] == FOUR - 700
    assert found["size_bytes",] == 1000
    assert found["last_success_timestamp_seconds",] == FOUR + 20
    assert found["verification_due_timestamp_seconds",] == FOUR + DAY + 1800


def test_a_failure_keeps_the_last_success_and_an_inconclusive_run_keeps_the_due_time() -> None:
    standing = Standing(since=0).after(PASSED).after(FAILED)
    found = values(standing, FOUR + DAY + 60)
    assert found["verification_outcome", "fail"] == 1
    assert found["last_success_timestamp_seconds",] == FOUR + 20
    assert found["verification_due_timestamp_seconds",] == FOUR + 2 * DAY + 1800
    assert standing.previous_rows == PASSED.rows
    found = values(standing.after(LOST), FOUR + 2 * DAY + 60)
    assert found["verification_outcome", "inconclusive"] == 1
    assert found["verification_outcome", "fail"] == 1, "that nobody could look does not mend it"
    assert found["verification_outcome", "pass"] == 0
    assert found["verification_due_timestamp_seconds",] == FOUR + 2 * DAY + 1800, "nobody knows more than before"
    assert [found["verifications_total", verdict.value] for verdict in Verdict] == [1, 1, 1]


def test_only_a_pass_ends_a_failure() -> None:
    failed = Standing(since=0).after(PASSED).after(FAILED)
    lost = failed.after(LOST).after(LOST)
    assert failed.telling == FAILED
    assert lost.telling == replace(
        FAILED, reasons=("it is cut", "and old", "since then it could not be judged again: the disk is full")
    )
    mended = lost.after(replace(PASSED, started_at=FOUR + 3 * DAY))
    assert (failed.is_failed, lost.is_failed, mended.is_failed) == (True, True, False)
    assert mended.telling == mended.latest
    assert values(mended, FOUR + 3 * DAY)["verification_outcome", "fail"] == 0


def test_one_that_could_not_be_judged_after_a_pass_has_not_failed() -> None:
    standing = Standing(since=0).after(PASSED).after(LOST)
    assert standing.telling == LOST
    found = values(standing, FOUR + DAY)
    assert [found["verification_outcome", verdict.value] for verdict in Verdict] == [0, 0, 1]


def test_when_a_verification_is_wanted() -> None:
    never = Standing(since=FOUR)
    assert never.is_wanted(SETTINGS, FOUR)
    passed = never.after(PASSED)
    assert not passed.is_wanted(SETTINGS, FOUR + DAY - 1)
    assert not passed.is_wanted(SETTINGS, FOUR + DAY - 1, starting=True)
    assert passed.is_wanted(SETTINGS, FOUR + DAY)
    lost = passed.after(LOST)
    assert not lost.is_wanted(SETTINGS, LOST.finished_at + 60)
    assert lost.is_wanted(SETTINGS, LOST.finished_at + 60, starting=True)
    assert lost.is_wanted(SETTINGS, LOST.finished_at + 3600)


def test_evidence_names_the_phase_that_failed() -> None:
    proof = evidence(FAILED, PASSED)
    assert proof.summary == "orders-1.db would not save the shop: it is cut (and 1 more)"
    assert [(step.name, step.outcome, step.detail) for step in proof.steps] == [
        ("find", Outcome.UP, ""),
        ("fetch", Outcome.DOWN, ""),
    ]
    assert ("reason", "and old") in proof.facts
    good = "orders-1.db, taken 2026-11-21 03:50 UTC, verified 2026-11-21 04:00 UTC (not looked at since)"
    assert proof.facts[0] == ("last good backup", good)
    assert evidence(LOST).facts[0] == ("last good backup", "none is known")
    assert summary(LOST).startswith("orders-1.db could not be judged: the disk is full")
    fine = evidence(PASSED)
    assert fine.summary == "orders-1.db was restored in full and holds 12 rows in 2 tables"
    assert all(step.outcome is Outcome.UP for step in fine.steps)
    assert ("rows of orders", "10, recorded 10") in fine.facts


def test_a_pass_that_proves_little_says_so() -> None:
    note = "it restores, but nothing says how old it is; set `expect`"
    bare = replace(PASSED, notes=("cleaned up", note))
    assert caveat(bare) == note
    assert summary(bare) == f"orders-1.db was restored in full and holds 12 rows in 2 tables: {note}"
    assert caveat(PASSED) == caveat(replace(bare, verdict=Verdict.FAIL)) == ""


def test_labels() -> None:
    assert base_labels(SETTINGS) == (("backup", "orders-db"), ("shop", "main"), ("type", "sqlite"))
    owned = SETTINGS.model_copy(update={"owner": "dba"})
    assert base_labels(owned) == (("backup", "orders-db"), ("owner", "dba"), ("shop", "main"), ("type", "sqlite"))


def test_json_and_back() -> None:
    for known in (PASSED, FAILED, LOST):
        assert Verification.from_json(known.to_json()) == known
    older: Any = PASSED.to_json().replace('"notes": [], ', "").replace('"file":', '"of_the_future": 1, "file":')
    assert Verification.from_json(older) == PASSED
