"""Whatever is done to a SQLite copy, it is never called good; real SQLite, in the real scratch room."""

import gzip
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.backup import record
from probes.backup.record import Counted
from probes.backup.sqlite import SqliteCopy
from probes.backup.sqlite_take import take_copy
from probes.backup.verification import Verdict, Verification
from probes.backup.verify import verify
from tests.probes.backup.shops import CARTS, NOON, ORDERS, sqlite_shop
from tests.programs import require_program

Make = Callable[..., Any]
pytestmark = pytest.mark.integration


def look(backup: Any, now: float = NOON + 60, **options: Any) -> Verification:
    return verify(SqliteCopy(backup), clock=lambda: now, **options)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A good copy with its exact record."""
    live = sqlite_shop(tmp_path / "live.db")
    target = tmp_path / "shop-1.db"
    take_copy(live, target, {"orders": "created_at"}, clock=lambda: NOON)
    return target


def test_a_good_copy_passes(copy: Path, sqlite_settings: Make) -> None:
    expect = {
        "age": "26h",
        "tables": {"orders": {"newest": "created_at", "within": "26h", "min": 400}},
        "query": {"select count(*) > 5 from orders": True, "select max(id) from orders": 400, "select 'a'": "a"},
    }
    found = look(sqlite_settings(expect=expect))
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert found.notes == ()
    assert found.rows == {"carts": CARTS, "orders": ORDERS} == found.recorded
    assert found.newest == {"orders": NOON}
    assert found.taken_at == NOON
    assert found.size == copy.stat().st_size
    assert list(found.phases) == ["find", "fetch", "start", "restore", "question", "cleanup"]
    assert found.rto is not None
    assert found.rto < sum(found.phases.values())


def _truncate(part: float) -> Callable[[Path], None]:
    return lambda copy: os.truncate(copy, int(copy.stat().st_size * part))


def _flip(seed: int) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        data = bytearray(copy.read_bytes())
        data[random.Random(seed).randrange(len(data))] ^= 1 << (seed % 8)
        copy.write_bytes(data)

    return change


def _sql(statement: str) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(statement)
            connection.commit()

    return change


def _replace_by_older(copy: Path) -> None:
    sqlite_shop(older := copy.with_name("older.db"), orders=ORDERS - 1)
    older.replace(copy)
    os.utime(copy)


def _replace_by(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def change(copy: Path) -> None:
        copy.unlink()
        make(copy)

    return change


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE blog AS SELECT 1 AS id")
        connection.commit()


MUTATIONS: dict[str, Callable[[Path], None]] = {
    **{f"cut at {part:.0%}": _truncate(part) for part in (0, 0.001, 0.1, 0.5, 0.9, 0.999)},
    **{f"flipped bit {seed}": _flip(seed) for seed in range(12)},
    "a row is missing": _sql("DELETE FROM orders WHERE id = 17"),
    "all rows are missing": _sql("DELETE FROM orders"),
    "a row too many": _sql("INSERT INTO carts VALUES (999)"),
    "a table is missing": _sql("DROP TABLE carts"),
    "a value differs": _sql("UPDATE orders SET customer = 'x' WHERE id = 3"),
    "a byte was appended": lambda copy: copy.write_bytes(copy.read_bytes() + b"\0"),
    "another file under its name": _replace_by_older,
    "no database at all": lambda copy: copy.write_bytes(b"<html>504 Gateway Time-out</html>" * 99),
    "zeroes": lambda copy: copy.write_bytes(bytes(copy.stat().st_size)),
    "gone, its record still there": lambda copy: copy.unlink(),
    "a folder in its place": _replace_by(Path.mkdir),
    "a pipe in its place": _replace_by(os.mkfifo),
    "a damaged record": lambda copy: record.path_of(copy).write_text("{"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_broken_copy_with_a_record_is_called_good(copy: Path, sqlite_settings: Make, mutation: str) -> None:
    MUTATIONS[mutation](copy)
    found = look(sqlite_settings())
    assert found.verdict is Verdict.FAIL, found
    assert found.reasons


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_of_any_bytes_is_called_good(copy: Path, sqlite_settings: Make, data: st.DataObject) -> None:
    whole = copy.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 5000)))
    changed = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    try:
        copy.write_bytes(changed)
        found = look(sqlite_settings())
    finally:
        copy.write_bytes(whole)
    assert found.verdict is (Verdict.PASS if changed == whole else Verdict.FAIL)


@pytest.mark.parametrize(
    "mutation",
    [
        *(f"cut at {part}" for part in ("0%", "0%", "10%", "50%", "90%", "100%")),
        *("no database at all", "zeroes", "all rows are missing", "gone, its record still there"),
    ],
)
def test_most_broken_copies_are_found_out_without_a_record(copy: Path, sqlite_settings: Make, mutation: str) -> None:
    MUTATIONS[mutation](copy)
    record.path_of(copy).unlink()
    found = look(sqlite_settings(expect={"tables": {"orders": {}}}))
    assert found.verdict is Verdict.FAIL, found


def test_a_copy_without_a_record_says_so(copy: Path, sqlite_settings: Make) -> None:
    record.path_of(copy).unlink()
    found = look(sqlite_settings())
    assert found.verdict is Verdict.PASS
    assert found.notes[0].startswith("it restores, but nothing says how old it is or what should be in it; set")
    assert "judged on what is inside alone" in found.notes[1]
    required = look(sqlite_settings(expect={"record": True}))
    assert (required.verdict, required.reasons) == (
        Verdict.FAIL,
        ("it has no record beside it, and `record: true` expects one",),
    )


def _wal_pair(folder: Path) -> tuple[Path, Path]:
    """A copy of a live database in WAL mode whose newest rows are only in the -wal."""
    live = sqlite_shop(folder / "live.db", orders=ORDERS - 1, wal=True)
    with closing(sqlite3.connect(live)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO orders VALUES (?, 'late', ?)", (ORDERS, NOON))
        writer.commit()
        copy = Path(shutil.copy(live, folder / "shop-1.db"))
        wal = Path(shutil.copy(f"{live}-wal", folder / "shop-1.db-wal"))
    return copy, wal


def test_a_copy_with_its_wal_has_all_rows(tmp_path: Path, sqlite_settings: Make) -> None:
    copy, wal = _wal_pair(tmp_path)
    record.write(record.make([copy, wal], NOON, {"orders": ORDERS, "carts": CARTS}, Counted.SNAPSHOT), copy)
    found = look(sqlite_settings())
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert found.rows["orders"] == ORDERS


def test_a_copy_without_its_wal_fails_by_its_record(tmp_path: Path, sqlite_settings: Make) -> None:
    copy, wal = _wal_pair(tmp_path)
    record.write(record.make([copy], NOON, {"orders": ORDERS, "carts": CARTS}, Counted.LIVE), copy)
    wal.unlink()
    found = look(sqlite_settings(expect={"tables": {"orders": {"shrink": "0%"}}}))
    assert found.verdict is Verdict.FAIL
    assert found.reasons[0].startswith(f"table orders has {ORDERS - 1} rows, {ORDERS} recorded")


def test_a_recorded_wal_that_is_gone_or_changed_fails(tmp_path: Path, sqlite_settings: Make) -> None:
    copy, wal = _wal_pair(tmp_path)
    record.write(record.make([copy, wal], NOON, {"orders": ORDERS}, Counted.SNAPSHOT), copy)
    _flip(3)(wal)
    assert "SHA-256" in look(sqlite_settings()).reasons[0]
    wal.unlink()
    assert look(sqlite_settings()).reasons == ("shop-1.db-wal is missing; it was recorded at backup time",)


def test_a_copy_without_its_wal_and_without_a_record_is_in_doubt(tmp_path: Path, sqlite_settings: Make) -> None:
    _, wal = _wal_pair(tmp_path)
    wal.unlink()
    found = look(sqlite_settings())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "is in WAL mode and has no -wal" in found.reasons[0]
    fresh = {"tables": {"orders": {"newest": "created_at", "within": "1h"}}}
    found = look(sqlite_settings(expect=fresh))
    assert found.verdict is Verdict.PASS, "the newest row is fresh, so it is not half a database"
    assert any("is in WAL mode" in note for note in found.notes)


def test_a_wal_of_another_database_fails(tmp_path: Path, sqlite_settings: Make) -> None:
    _, wal = _wal_pair(tmp_path)
    data = bytearray(wal.read_bytes())
    data[40:48] = b"\xff" * 8  # the salts of the first frame
    wal.write_bytes(data)
    found = look(sqlite_settings())
    assert found.verdict is Verdict.FAIL
    assert "the -wal beside it does not belong to it" in found.reasons[0]


@pytest.mark.parametrize("packer", ["gz", "zst"])
def test_packed_copies(copy: Path, sqlite_settings: Make, packer: str) -> None:
    record.path_of(copy).unlink()
    packed = Path(f"{copy}.{packer}")
    if packer == "gz":
        packed.write_bytes(gzip.compress(copy.read_bytes()))
    else:
        subprocess.run([require_program("zstd"), "-q", copy, "-o", packed], check=True)
    copy.unlink()
    record.write(record.make([packed], NOON, {"orders": ORDERS, "carts": CARTS}, Counted.SNAPSHOT), packed)
    good = look(sqlite_settings())
    assert (good.verdict, good.reasons) == (Verdict.PASS, ())
    record.path_of(packed).unlink()
    for part in (0.3, 0.7, 0.95):
        whole = packed.read_bytes()
        packed.write_bytes(whole[: int(len(whole) * part)])
        assert look(sqlite_settings()).verdict is Verdict.FAIL
        packed.write_bytes(whole)


@pytest.mark.parametrize("packer", ["gz", "zst"])
def test_the_archive_of_nothing_fails(tmp_path: Path, sqlite_settings: Make, packer: str) -> None:
    packed = tmp_path / f"shop-1.db.{packer}"
    if packer == "gz":
        packed.write_bytes(gzip.compress(b""))
    else:
        command = [require_program("zstd"), "-qc"]
        packed.write_bytes(subprocess.run(command, input=b"", capture_output=True, check=True).stdout)
    found = look(sqlite_settings())
    assert (found.verdict, found.reasons) == (Verdict.FAIL, (f"shop-1.db.{packer} is the {packer} of nothing",))


def test_an_old_copy_with_a_fresh_mtime_is_old(copy: Path, sqlite_settings: Make) -> None:
    os.utime(copy)
    found = look(sqlite_settings(expect={"age": "26h"}), now=NOON + 3 * 86400)
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("it is 3d old, expected at most 1d2h",))


def test_a_copy_from_the_future_fails(copy: Path, sqlite_settings: Make) -> None:
    found = look(sqlite_settings(), now=NOON - 7200)
    assert found.verdict is Verdict.FAIL
    assert "made 2h in the future" in found.reasons[0]


def test_an_age_that_nothing_inside_tells_is_inconclusive(copy: Path, sqlite_settings: Make) -> None:
    record.path_of(copy).unlink()
    found = look(sqlite_settings(expect={"age": "26h"}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "mtime is no proof" in found.reasons[0]
    found = look(sqlite_settings(expect={"age": "26h", "tables": {"orders": {"newest": "created_at"}}}))
    assert (found.verdict, found.taken_at) == (Verdict.PASS, NOON)


def test_fewer_rows_than_in_the_last_good_copy(copy: Path, sqlite_settings: Make) -> None:
    backup = sqlite_settings(expect={"tables": {"orders": {"shrink": "1%"}}})
    assert look(backup, previous={"orders": ORDERS + 4}).verdict is Verdict.PASS
    found = look(backup, previous={"orders": ORDERS + 5})
    assert found.reasons == ("table orders has 400 rows, 405 in the last good backup: more than 1% are missing",)


ADVERSARIES: dict[str, tuple[Callable[[Path], None], str]] = {
    "another database": (_replace_by(_other_database), "none of the 2 tables with rows of the last good backup is in"),
    "its rows were deleted": (_sql("DELETE FROM orders"), "table orders is empty, 400 rows in the last good backup"),
    "a table is missing": (_sql("DROP TABLE orders"), "table orders is missing, 400 rows in the last good backup"),
    "most rows are missing": (_sql("DELETE FROM orders WHERE id > 199"), "more than half are missing"),
}


@pytest.mark.parametrize("adversary", ADVERSARIES)
def test_without_a_word_in_the_config_what_a_pass_held_is_held_against_the_next(
    copy: Path, sqlite_settings: Make, adversary: str
) -> None:
    record.path_of(copy).unlink()
    passed = look(sqlite_settings())
    assert passed.verdict is Verdict.PASS
    change, reason = ADVERSARIES[adversary]
    change(copy)
    found = look(sqlite_settings(), previous=passed.rows)
    assert found.verdict is Verdict.FAIL, found
    assert reason in found.reasons[0]


@pytest.mark.parametrize(
    ("name", "changes", "verdict"),
    [
        ("shop-2023-11-21.db", {}, Verdict.INCONCLUSIVE),
        ("shop-2026-11-01.db", {}, Verdict.PASS),
        ("shop-2023-11-21.db", {"expect": {"tables": {"orders": {"newest": "created_at"}}}}, Verdict.PASS),
        ("shop-2023-11-21.db", {"targets": {"rpo": "2000d"}}, Verdict.PASS),
    ],
)
def test_a_name_from_years_ago_is_a_doubt_that_only_the_inside_settles(
    copy: Path, sqlite_settings: Make, name: str, changes: dict[str, Any], verdict: Verdict
) -> None:
    record.path_of(copy).unlink()
    copy.rename(copy.with_name(name))
    found = look(sqlite_settings(**changes))
    assert found.verdict is verdict, found
    assert ("by its name it is 1096d12h1m old" in "".join(found.reasons)) is (verdict is Verdict.INCONCLUSIVE)


def test_rows_from_years_ago_fail_where_a_column_says_so(copy: Path, sqlite_settings: Make) -> None:
    record.path_of(copy).unlink()
    expect = {"tables": {"orders": {"newest": "created_at"}}}
    found = look(sqlite_settings(expect=expect), now=NOON + 3 * 365 * 86400)
    assert found.verdict is Verdict.FAIL
    assert found.reasons[0].startswith("it is 1095d old, and where `expect: age` says nothing, 30d is the most")
    allowed = look(sqlite_settings(expect={**expect, "age": "1100d"}), now=NOON + 3 * 365 * 86400)
    assert allowed.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("query", "expected", "reason"),
    [
        ("select 1", 2, "answered 1, expected 2"),
        ("select missing", 1, "no such column: missing"),
        ("select 1, 2", 1, "one row of one column"),
        ("select id from orders", 1, "one row of one column"),
        ("delete from orders returning 1", 1, "readonly"),
        ("attach '/tmp/evil.db' as evil", 1, "too many attached databases"),
    ],
)
def test_queries_that_do_not_answer_as_expected(
    copy: Path, sqlite_settings: Make, query: str, expected: Any, reason: str
) -> None:
    found = look(sqlite_settings(expect={"query": {query: expected}}))
    assert found.verdict is Verdict.FAIL
    assert reason in found.reasons[0]
    assert not Path("/tmp/evil.db").exists()


def test_a_hostile_schema_does_not_reach_out(tmp_path: Path, sqlite_settings: Make) -> None:
    copy = sqlite_shop(tmp_path / "shop-1.db")
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("CREATE VIEW evil AS SELECT load_extension('/tmp/evil.so')")
        connection.execute(
            "CREATE TRIGGER bomb AFTER DELETE ON orders BEGIN SELECT load_extension('/tmp/evil.so'); END"
        )
        connection.commit()
    found = look(sqlite_settings(expect={"query": {"select count(*) from evil": 1}}))
    assert found.verdict is Verdict.FAIL
    assert "evil" in found.reasons[0] or "authorized" in found.reasons[0] or "unsafe" in found.reasons[0]


def test_too_little_disk_is_inconclusive(copy: Path, sqlite_settings: Make) -> None:
    found = look(sqlite_settings(), reserve=1 << 60)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "not enough disk in" in found.reasons[0]
    assert "kept in reserve" in found.reasons[0]


def test_our_own_bug_is_inconclusive(copy: Path, sqlite_settings: Make) -> None:
    class Buggy(SqliteCopy):
        def start(self, cell: Any) -> None:
            raise KeyError("oops")

    found = verify(Buggy(sqlite_settings()), clock=lambda: NOON)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reasons == ("our own fault, please report it: KeyError: 'oops'",)
    assert list(found.phases) == ["find", "fetch", "start", "cleanup"]


def _aged(path: Path, seconds: float) -> Path:
    """A file whose mtime lies so long before NOON."""
    os.utime(path, (NOON - seconds, NOON - seconds))
    return path


@pytest.mark.parametrize("ruin", ["cut at 50%", "cut at 0%", "no database at all", "zeroes", "to 100 bytes"])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_good_old_copy_does_not_speak_for_a_ruined_new_one(
    tmp_path: Path, sqlite_settings: Make, ruin: str, recorded: bool
) -> None:
    take_copy(sqlite_shop(tmp_path / "live.db", 1), tmp_path / "shop-Wed.db", clock=lambda: NOON - 3 * 86400)
    _aged(tmp_path / "shop-Wed.db", 3 * 86400)
    if not recorded:
        record.path_of(tmp_path / "shop-Wed.db").unlink()
    _aged(sqlite_shop(tmp_path / "shop-Fri.db"), 300)
    newest = sqlite_shop(tmp_path / "shop-Sat.db")
    {**MUTATIONS, "to 100 bytes": lambda copy: os.truncate(copy, 100)}[ruin](newest)
    _aged(newest, 200)
    found = look(sqlite_settings(settle="1m"))
    assert found.verdict is Verdict.FAIL
    assert "shop-Sat.db" in (found.file, found.reasons[0].split()[0])


def test_a_new_copy_without_a_record_beside_a_recorded_one(copy: Path, sqlite_settings: Make) -> None:
    _aged(copy, 0)
    newer = sqlite_shop(copy.with_name("shop-3.db"), ORDERS + 2)  # its rows are no younger
    _aged(newer, -3600)
    found = look(sqlite_settings(), now=NOON + 7200)
    assert (found.verdict, found.file) == (Verdict.INCONCLUSIVE, "shop-3.db")
    assert found.reasons[0].startswith("shop-3.db was written after shop-1.db was made")
    proving = {"tables": {"orders": {"newest": "created_at"}}}
    assert look(sqlite_settings(expect=proving), now=NOON + 7200).verdict is Verdict.INCONCLUSIVE
    _sql(f"UPDATE orders SET created_at = {NOON + 1800} WHERE id = 1")(newer)
    _aged(newer, -3600)
    found = look(sqlite_settings(expect=proving), now=NOON + 7200)
    assert (found.verdict, found.file, found.taken_at) == (Verdict.PASS, "shop-3.db", NOON + 1800)
    found = look(sqlite_settings(expect={"record": True}), now=NOON + 7200)
    assert found.verdict is Verdict.FAIL
    assert found.reasons[0] == "it has no record beside it, and `record: true` expects one"
    assert "shop-1.db" in found.reasons[1]


def test_an_old_copy_brought_back_with_a_fresh_mtime_is_not_the_newest(copy: Path, sqlite_settings: Make) -> None:
    _aged(copy, 0)
    old = copy.with_name("shop-old.db")
    take_copy(sqlite_shop(copy.with_name("older.db"), 5), old, clock=lambda: NOON - 9 * 86400)
    _aged(old, -3600)
    assert look(sqlite_settings(), now=NOON + 7200).file == "shop-1.db", "its record says how old it is"
    record.path_of(old).unlink()
    found = look(sqlite_settings(), now=NOON + 7200)
    assert (found.verdict, found.taken_at) == (Verdict.INCONCLUSIVE, None), "without it nobody knows"
