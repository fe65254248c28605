import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backup import record
from probes.backup.record import Counted, RecordUnreadable

TAKEN = 1_795_233_600.0


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "orders.dump"
    path.write_bytes(b"PGDMP and more")
    return path


def test_what_was_written_is_read_again(dump: Path) -> None:
    made = record.make(
        [dump], TAKEN, {"orders": 3, "carts": 0}, Counted.SNAPSHOT, newest={"orders": TAKEN - 5}, database_bytes=9
    )
    path = record.write(made, dump)
    assert path == dump.with_name("orders.dump.record.json")
    assert record.read(dump) == made
    assert made.taken_at.timestamp() == TAKEN
    assert made.tables["orders"].newest is not None
    assert made.tables["orders"].newest.timestamp() == TAKEN - 5
    assert made.files[0].sha256 == hashlib.sha256(b"PGDMP and more").hexdigest()
    assert [entry.name for entry in dump.parent.iterdir() if entry.name.startswith(".")] == []


def test_the_file_reads_as_its_docstring_promises(dump: Path) -> None:
    record.write(record.make([dump], TAKEN, {"orders": 3}, Counted.LIVE), dump)
    data = json.loads(record.path_of(dump).read_text())
    assert data == {
        "version": 1,
        "taken_at": "2026-11-21T04:00:00Z",
        "files": [{"name": "orders.dump", "bytes": 14, "sha256": hashlib.sha256(b"PGDMP and more").hexdigest()}],
        "counted": "live",
        "tables": {"orders": {"rows": 3}},
    }


def test_no_record_is_none(dump: Path) -> None:
    assert record.read(dump) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version"),
        ({"taken_at": "2026-11-21T04:00:00"}, "taken_at"),
        ({"tabels": {}}, "tabels"),
        ({"counted": "guess"}, "counted"),
        ({"tables": {"orders": {"rows": -1}}}, "tables.orders.rows"),
        ({"files": []}, "files"),
        ({"files": [{"name": "../x", "bytes": 1, "sha256": "0" * 64}]}, "files.0.name"),
        ({"files": [{"name": "other.dump", "bytes": 1, "sha256": "0" * 64}]}, "is about 'other.dump'"),
    ],
)
def test_a_record_that_cannot_be_believed(dump: Path, change: dict[str, object], message: str) -> None:
    record.write(record.make([dump], TAKEN, {}, Counted.LIVE), dump)
    path = record.path_of(dump)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RecordUnreadable, match=message):
        record.read(dump)


def test_a_huge_record_is_refused(dump: Path) -> None:
    with record.path_of(dump).open("wb") as stream:
        stream.truncate(9 * 1024 * 1024)
    with pytest.raises(RecordUnreadable, match="larger than 8 MiB"):
        record.read(dump)


def test_a_record_that_is_a_folder(dump: Path) -> None:
    record.path_of(dump).mkdir()
    with pytest.raises(RecordUnreadable, match="cannot be read"):
        record.read(dump)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_never_a_record(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    dump = tmp_path_factory.mktemp("hostile") / "x.dump"
    record.path_of(dump).write_bytes(text)
    with pytest.raises(RecordUnreadable):
        record.read(dump)
