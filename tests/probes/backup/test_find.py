import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from probes.backup import record
from probes.backup.find import Choice, choose
from probes.backup.record import Counted
from probes.backup.settings import BackupSettings
from probes.backup.verification import Broken, CouldNotLook

NOW = 1_795_262_400.0  # 2026-11-21T12:00:00Z


def tell(head: bytes) -> float | None:
    """A format whose files begin with when they were made, or with `?` where they do not say."""
    text = head.split(b" ")[0]
    if text == b"?":
        return None
    if not text.isdigit():
        raise Broken("is damaged")
    return float(text)


def look(folder: Path, files: str = "*.dump*", now: float = NOW, **changes: Any) -> Choice:
    words = {"name": "shop", "type": "any", "from": str(folder), "files": files, "settle": "0s"}
    return choose(BackupSettings.model_validate({**words, **changes}), tell, now)


def put(folder: Path, name: str, made: object = "?", recorded: float | None = None) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(f"{made} and its data".encode())
    if recorded is not None:
        record.write(record.make([path], recorded, {}, Counted.SNAPSHOT), path)
    return path


def test_the_newest_by_what_is_inside_not_by_mtime_or_name(tmp_path: Path) -> None:
    put(tmp_path, "z.dump", 100)
    put(tmp_path, "a.dump", 300)
    put(tmp_path, "m.dump", 200)
    os.utime(tmp_path / "a.dump", (0, 0))
    choice = look(tmp_path)
    assert (choice.candidate.path.name, choice.candidate.taken_at) == ("a.dump", 300)


def test_the_newest_by_its_record_then_by_its_name(tmp_path: Path) -> None:
    put(tmp_path, "shop-2026-11-20.dump")
    put(tmp_path, "shop-2026-11-21.dump")
    choice = look(tmp_path)
    assert choice.candidate.path.name == "shop-2026-11-21.dump"
    assert choice.candidate.taken_at is None, "a name sorts, it proves nothing"
    put(tmp_path, "other.dump", recorded=NOW)
    assert look(tmp_path).candidate.path.name == "other.dump"


@pytest.mark.parametrize(
    "name", ["s-20261121T120000Z.dump", "s_2026-11-21_12-00.dump", "s 2026.11.21.12.00.dump", "s-20261121.dump"]
)
def test_moments_in_names(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    put(tmp_path, "s-20261120235959.dump")
    assert look(tmp_path).candidate.path.name == name


def test_a_record_is_believed_over_a_header_but_not_to_be_younger_when_it_came_later(tmp_path: Path) -> None:
    path = put(tmp_path, "a.dump", int(NOW - 500), recorded=NOW)
    assert look(tmp_path).candidate.taken_at == NOW
    record.write(record.make([path], NOW, {}, Counted.LIVE), path)
    assert look(tmp_path).candidate.taken_at == NOW - 500


def test_no_file_is_a_failure_and_no_folder_is_ours(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"there is no file \*\.dump\* in"):
        look(tmp_path)
    put(tmp_path, "a.dump.record.json")
    with pytest.raises(Broken, match="there is no file"):
        look(tmp_path)
    with pytest.raises(CouldNotLook, match=r"cannot look into the folder .*nowhere: No such file"):
        look(tmp_path / "nowhere")


def test_what_lies_beside_a_backup_is_none(tmp_path: Path) -> None:
    path = put(tmp_path, "a.db", 1, recorded=1)
    for suffix in ("-wal", "-shm", "-journal"):
        put(tmp_path, f"a.db{suffix}", 9)
    assert look(tmp_path, files="*").candidate.path == path


def test_a_bad_file_that_may_be_the_newest_fails(tmp_path: Path) -> None:
    put(tmp_path, "good.dump", 100)
    bad = put(tmp_path, "bad.dump", "?damaged")
    with pytest.raises(Broken, match=r"bad\.dump is damaged"):
        look(tmp_path)
    bad.write_bytes(b"")
    with pytest.raises(Broken, match=r"bad\.dump is empty"):
        look(tmp_path)
    record.write(record.make([bad], 50, {}, Counted.SNAPSHOT), bad)
    assert look(tmp_path).notes == ("an older backup is bad: bad.dump is empty",)
    record.path_of(bad).write_text("no json")
    with pytest.raises(Broken, match=r"bad\.dump has no usable record"):
        look(tmp_path)


def test_a_file_that_is_still_being_written_is_left_out_unless_it_has_a_record(tmp_path: Path) -> None:
    put(tmp_path, "good.dump", 100, recorded=100)
    growing = put(tmp_path, "growing.dump", 200)
    now = growing.stat().st_mtime + 30
    choice = look(tmp_path, now=now, settle="1m")
    assert choice.candidate.path.name == "good.dump"
    assert choice.notes[0].startswith("growing.dump was left out")
    assert look(tmp_path, now=now + 31, settle="1m").candidate.path.name == "growing.dump"
    record.write(record.make([growing], 200, {}, Counted.SNAPSHOT), growing)
    assert look(tmp_path, now=now, settle="1m").candidate.path.name == "growing.dump"
    (tmp_path / "good.dump").unlink()
    record.path_of(growing).unlink()
    with pytest.raises(CouldNotLook, match=r"still being written: growing\.dump"):
        look(tmp_path, now=now, settle="1m")


def test_links_stay_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    path = put(folder, "a.dump", 1)
    (folder / "latest.dump").symlink_to(path)
    assert look(folder).candidate.path.name == "a.dump"
    outside = put(tmp_path, "secret.dump", 2)
    link = folder / "out.dump"
    link.symlink_to(outside)
    with pytest.raises(CouldNotLook, match=r"out\.dump is a link that leads out of"):
        look(folder)
    link.unlink()
    link.symlink_to(folder / "nothing")
    with pytest.raises(Broken, match=r"out\.dump is a link that leads nowhere"):
        look(folder)
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(Broken, match=r"out\.dump is a link that leads nowhere"):
        look(folder)


@pytest.mark.parametrize("pattern", ["../*.dump", "/etc/*", "a/../../b", ""])
def test_patterns_stay_in_the_folder(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match="leads out of the folder"):
        look(tmp_path, files=pattern)


def test_what_is_no_file_is_none_either(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dump")
    with pytest.raises(Broken, match=r"pipe\.dump is not a regular file"):
        look(tmp_path)


def test_the_head_of_a_packed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dump.gz"
    path.write_bytes(gzip.compress(b"700 and its data"))
    assert look(tmp_path).candidate.taken_at == 700
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(Broken, match="is the gz of nothing"):
        look(tmp_path)
    path.write_bytes(b"700 and not packed at all")
    with pytest.raises(Broken, match="is no whole gzip file"):
        look(tmp_path)
