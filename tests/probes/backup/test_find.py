import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from probes.backup import record
from probes.backup.find import choose
from probes.backup.newest import Choice
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


def put(
    folder: Path, name: str, made: object = "?", recorded: float | None = None, written: float | None = None
) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(f"{made} and its data: {name}".encode())
    if written is not None:
        os.utime(path, (written, written))
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
    put(tmp_path, "shop-2026-11-20.dump", written=NOW - 86400)
    put(tmp_path, "shop-2026-11-21.dump", written=NOW - 3600)
    choice = look(tmp_path)
    assert choice.candidate.path.name == "shop-2026-11-21.dump"
    assert choice.candidate.taken_at is None, "a name sorts, it proves nothing"
    put(tmp_path, "other.dump", recorded=NOW)
    assert look(tmp_path).candidate.path.name == "other.dump"


@pytest.mark.parametrize(
    "name", ["s-20261121T120000Z.dump", "s_2026-11-21_12-00.dump", "s 2026.11.21.12.00.dump", "s-20261121.dump"]
)
def test_moments_in_names(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, written=NOW)
    put(tmp_path, "s-20261120235959.dump", written=NOW - 43201)
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


MINUTE, DAY = 60.0, 86400.0


@pytest.mark.parametrize("names", [("shop-Wed", "shop-Fri", "shop-Sat"), ("s-8", "s-9", "s-10"), ("c", "b", "a")])
def test_files_that_say_nothing_come_in_the_order_of_their_mtimes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name, age in zip(names, (3 * DAY, 5 * MINUTE, 4 * MINUTE - 1), strict=True):
        put(tmp_path, f"{name}.dump", written=NOW - age)
    choice = look(tmp_path, settle="1m")
    assert choice.candidate.path.name == f"{names[-1]}.dump"
    assert (choice.candidate.taken_at, choice.doubt) == (None, None), "an mtime sorts, it proves nothing"
    assert choice.notes == (f"no file says when it was made: {names[-1]}.dump is the newest by its mtime",)
    (tmp_path / f"{names[-1]}.dump").write_bytes(b"")
    with pytest.raises(Broken, match=rf"{names[-1]}\.dump is empty"):
        look(tmp_path)


def test_a_bad_file_that_is_older_by_its_mtime_is_a_note(tmp_path: Path) -> None:
    put(tmp_path, "z.dump", "?damaged", written=NOW - 2 * DAY)
    put(tmp_path, "a.dump", written=NOW - DAY)
    assert "an older backup is bad: z.dump is damaged" in look(tmp_path).notes
    os.utime(tmp_path / "z.dump", (NOW - DAY, NOW - DAY))
    with pytest.raises(Broken, match=r"z\.dump is damaged"):
        look(tmp_path)


def test_a_bad_file_is_no_older_for_its_name_or_for_a_wrong_time_zone(tmp_path: Path) -> None:
    good = put(tmp_path, "good.dump", int(NOW), written=NOW - 8 * 3600)  # its header is eight hours ahead
    bad = put(tmp_path, "bad-2026-11-01.dump", "?damaged", written=NOW - 3600)
    with pytest.raises(Broken, match=r"bad-2026-11-01\.dump is damaged"):
        look(tmp_path)
    os.utime(bad, (NOW - 9 * 3600, NOW - 9 * 3600))
    assert look(tmp_path).candidate.path == good


def test_the_size_of_a_file_is_enough_to_tell_it_is_no_copy_and_its_bytes_to_tell_it_is(tmp_path: Path) -> None:
    dated = put(tmp_path, "s-1.dump", recorded=NOW - DAY)
    latest = put(tmp_path, "latest.dump", written=NOW - 3600)
    assert look(tmp_path).candidate.path == latest
    latest.write_bytes(dated.read_bytes())
    os.utime(latest, (NOW - 3600, NOW - 3600))
    choice = look(tmp_path)
    assert (choice.candidate.path, choice.doubt) == (dated, None)
    assert choice.notes == ("latest.dump is a copy of s-1.dump",)
    changed = bytearray(dated.read_bytes())
    changed[-1] ^= 1
    latest.write_bytes(changed)
    assert look(tmp_path).doubt is not None


def test_a_file_server_whose_clock_is_a_little_ahead(tmp_path: Path) -> None:
    put(tmp_path, "good.dump", written=NOW - DAY)
    put(tmp_path, "growing.dump", written=NOW + 30)
    assert look(tmp_path, settle="1m").candidate.path.name == "good.dump"
    os.utime(tmp_path / "growing.dump", (NOW + 3600, NOW + 3600))
    choice = look(tmp_path, settle="1m")
    assert choice.doubt is not None
    assert "an mtime 1h in the future" in choice.doubt.reason
