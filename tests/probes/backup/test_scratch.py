import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from probes.backup.isolation import account_for
from probes.backup.scratch import PREFIX, clean_leftovers, make_scratch, remove_scratch
from probes.backup.verification import CouldNotLook


def room(base: Path, name: str, note: str | None) -> Path:
    """A room whose owner is dead."""
    folder = base / f"{PREFIX}{name}"
    (folder / "work").mkdir(parents=True)
    if note is not None:
        (folder / "owner.json").write_text(note)
    return folder


def test_a_room_is_private_and_goes_again(scratch: Path) -> None:
    made = make_scratch(scratch, account_for("nobody"))
    assert made.root.stat().st_mode & 0o777 == 0o711
    assert made.work.stat().st_mode & 0o777 == 0o700
    assert made.work.stat().st_uid == made.account.uid
    if os.geteuid() == 0:
        assert made.account.name == "nobody"
        assert made.account.uid != 0
    assert clean_leftovers(scratch) == [], "its owner lives"
    remove_scratch(made)
    assert not made.root.exists()


def test_rooms_of_dead_owners_are_cleaned_with_what_runs_in_them(scratch: Path) -> None:
    abandoned = room(scratch, "a", json.dumps({"uid": os.geteuid()}))
    with subprocess.Popen(["sleep", "600"], cwd=abandoned / "work") as sleeper:
        assert clean_leftovers(scratch) == [abandoned.name]
        assert sleeper.wait(20) == -9
    assert not abandoned.exists()


def test_processes_of_others_are_left_alone(scratch: Path) -> None:
    abandoned = room(scratch, "a", json.dumps({"uid": os.geteuid() + 12345}))
    with subprocess.Popen(["sleep", "600"], cwd=abandoned / "work") as sleeper:
        clean_leftovers(scratch)
        assert sleeper.poll() is None
        sleeper.kill()


@pytest.mark.parametrize("note", ["", "{", "[]", '{"uid": "root"}', '{"pid": 1}'])
def test_a_room_with_a_damaged_note_is_left_alone(scratch: Path, note: str) -> None:
    kept = room(scratch, "a", note)
    assert clean_leftovers(scratch) == []
    assert kept.exists()
    (kept / "owner.json").write_text('{"uid": 12345}')
    assert clean_leftovers(scratch) == [kept.name]


def test_a_room_without_a_note_may_be_about_to_get_one(scratch: Path) -> None:
    young = room(scratch, "a", None)
    assert clean_leftovers(scratch) == []
    assert clean_leftovers(scratch, now=time.time() + 7200) == [young.name]


def test_links_and_rooms_of_other_users_are_left_alone(scratch: Path, tmp_path: Path) -> None:
    victim = room(tmp_path, "victim", '{"uid": 0}')
    link = scratch / f"{PREFIX}link"
    link.symlink_to(victim)
    assert clean_leftovers(scratch) == []
    assert victim.exists()
    link.unlink()
    if os.geteuid() == 0:
        other = room(scratch, "b", '{"uid": 12345}')
        os.chown(other, 12345, 12345)
        assert clean_leftovers(scratch) == []
        os.chown(other, 0, 0)
        assert clean_leftovers(scratch) == [other.name]


def test_who_to_run_as() -> None:
    if os.geteuid() != 0:
        assert account_for("nobody").uid == os.geteuid()
        return
    with pytest.raises(CouldNotLook, match="there is no user 'nobody-at-all'"):
        account_for("nobody-at-all")
    with pytest.raises(CouldNotLook, match="'root' is root; name an unprivileged one"):
        account_for("root")


def test_a_scratch_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CouldNotLook, match=r"cannot make a scratch folder in .*nowhere: No such file"):
        make_scratch(tmp_path / "nowhere", account_for("nobody")._replace(uid=os.geteuid()))
