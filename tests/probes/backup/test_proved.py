"""The last good backup is named with what became of it, never as if it were still good."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.backup import record
from probes.backup.proved import SAME, Proved, look_again
from probes.backup.report import evidence
from probes.backup.sqlite import SqliteCopy
from probes.backup.sqlite_take import take_copy
from probes.backup.standing import Standing
from probes.backup.verification import Verdict
from probes.backup.verify import Interrupted, verify
from tests.probes.backup.shops import NOON, sqlite_shop

Make = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop-1.db"
    path.write_bytes(b"as it was verified")
    return path


@pytest.fixture
def proved(file: Path) -> Proved:
    return Proved("shop-1.db", file.stat().st_size, record.sha256(file))


def _other_bytes(file: Path) -> None:
    file.write_bytes(b"as it was VERIFIED")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        (lambda file: None, SAME),
        (os.utime, SAME),
        (lambda file: os.truncate(file, 7), "changed since: now 7 bytes"),
        (_other_bytes, "changed since: other bytes, as many"),
        (Path.unlink, "gone since"),
        (_pipe, "changed since: no regular file now"),
        (lambda file: file.with_name("shop-2.db").symlink_to("/etc/passwd"), "it cannot be looked at now"),
    ],
)
def test_what_became_of_it(
    file: Path, proved: Proved, sqlite_settings: Make, change: Callable[[Path], None], answer: str
) -> None:
    change(file)
    assert look_again(sqlite_settings(), proved) == answer


def test_of_a_huge_one_and_of_one_from_an_older_version_only_the_size_is_known(
    file: Path, proved: Proved, sqlite_settings: Make
) -> None:
    _other_bytes(file)
    assert look_again(sqlite_settings(), proved, patience=0.0) == "still 18 bytes; they were not read again"
    assert look_again(sqlite_settings(), proved._replace(sha256="")) == "still 18 bytes; they were not read again"


def test_one_of_several_of_that_name(file: Path, proved: Proved, sqlite_settings: Make) -> None:
    for day in ("a", "b", "c"):
        file.parent.joinpath(day).mkdir()
        file.parent.joinpath(day, file.name).write_bytes(b"another day's")
    backup = sqlite_settings(files="*/*.db")
    assert look_again(backup, proved) == "changed since: now 13 bytes"
    file.rename(file.parent / "b" / file.name)
    assert look_again(backup, proved) == SAME


@pytest.mark.integration
def test_a_page_says_that_the_last_good_backup_was_ruined_since(tmp_path: Path, sqlite_settings: Make) -> None:
    live = sqlite_shop(tmp_path / "live.db")
    first, second = tmp_path / "shop-1.db", tmp_path / "shop-2.db"
    take_copy(live, first, clock=lambda: NOON)
    engine: Any = SqliteCopy(sqlite_settings())
    good = verify(engine, clock=lambda: NOON + 60)
    assert (good.verdict, good.sha256, good.last_good) == (Verdict.PASS, record.sha256(first), "")
    known = Standing(since=0).after(good)
    take_copy(live, second, clock=lambda: NOON + 60)
    os.truncate(second, 100)
    found = verify(engine, clock=lambda: NOON + 120, proved=known.proved)
    assert (found.verdict, found.last_good) == (Verdict.FAIL, SAME)
    os.truncate(first, 4096)
    found = verify(engine, clock=lambda: NOON + 120, proved=known.proved)
    name, told = evidence(found, good).facts[0]
    assert name == "last good backup"
    assert told.startswith("shop-1.db, taken 2026-11-21 12:00 UTC, verified 2026-11-21 12:01 UTC")
    assert told.endswith("(changed since: now 4096 bytes)")


@pytest.mark.integration
def test_one_that_was_told_to_stop_looks_at_nothing_more(tmp_path: Path, sqlite_settings: Make) -> None:
    class Stopped(SqliteCopy):
        def start(self, cell: Any) -> None:
            raise Interrupted("it was told to stop")

    take_copy(sqlite_shop(tmp_path / "live.db"), tmp_path / "shop-1.db", clock=lambda: NOON)
    engine: Any = Stopped(sqlite_settings())
    found = verify(engine, clock=lambda: NOON, proved=Proved("shop-1.db", 1, ""))
    assert (found.verdict, found.last_good) == (Verdict.INCONCLUSIVE, "")
