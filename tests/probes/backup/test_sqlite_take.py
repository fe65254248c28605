import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from probes.backup import record
from probes.backup.record import Counted
from probes.backup.sqlite_take import count_rows, open_readonly, take_copy

NOW = 1_795_262_400.0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop #1?.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute('CREATE TABLE orders (id INTEGER PRIMARY KEY, created_at TEXT, "odd "" name" TEXT)')
        connection.execute('CREATE TABLE "weird ""table" (x)')
        connection.execute("INSERT INTO orders (created_at) VALUES ('2026-11-21 11:59:00'), ('2026-11-20 11:00:00')")
        connection.commit()
    return path


def test_a_copy_and_its_record_agree(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "shop-1.db"
    target.parent.mkdir()
    made = take_copy(shop, target, {"orders": "created_at"}, clock=lambda: NOW)
    assert record.read(target) == made
    assert made.counted is Counted.SNAPSHOT
    assert made.taken_at.timestamp() == NOW
    assert {name: table.rows for name, table in made.tables.items()} == {"orders": 2, 'weird "table': 0}
    assert made.tables["orders"].newest is not None
    assert made.tables["orders"].newest.timestamp() == NOW - 60
    with closing(open_readonly(target)) as copy:
        assert count_rows(copy) == {"orders": 2, 'weird "table': 0}
    assert target.read_bytes()[18:20] == b"\x01\x01", "a copy must not claim to need a -wal"
    assert sorted(path.name for path in target.parent.iterdir()) == ["shop-1.db", "shop-1.db.record.json"]


def test_rows_that_are_still_in_the_wal_are_copied_while_the_shop_writes(shop: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(shop)) as writer:
        writer.execute("INSERT INTO orders (created_at) VALUES ('2026-11-21 12:00:00')")
        writer.commit()
        writer.execute("INSERT INTO orders (created_at) VALUES ('2026-11-21 12:00:01')")  # not committed
        made = take_copy(shop, tmp_path / "copy.db")
    assert made.tables["orders"].rows == 3


def test_a_missing_database_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        take_copy(tmp_path / "none.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
