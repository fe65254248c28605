import argparse
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from monitor.cli import backup as command
from monitor.config.shard import shard_of
from probes.backup import record
from probes.backup.sqlite_take import take_copy
from tests.probes.backup.shops import sqlite_shop

pytestmark = pytest.mark.integration
CONFIG = """
version: 1
store: sqlite:state.db
notifiers: [{name: console, type: console}]
oncall:
  people: [{name: mei, timezone: UTC}]
  rotations: [{name: primary, people: [mei], every: 1w, handover: Mon 10:00, timezone: UTC}]
  escalations: [{name: page, steps: [{notify: [primary], by: [console]}]}]
routes: [{escalation: page}]
backups:
  - name: shop
    type: sqlite
    from: copies
    files: "shop-*.db"
    expect: {age: 26h, tables: {orders: {newest: created_at}}}
  - {name: other, type: sqlite, from: others, files: "*.db"}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    return sqlite_shop(tmp_path / "live.db")


def run(shop: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers(required=True))
    args = parser.parse_args(["backup", *arguments, "--config", str(shop.parent / "config.yaml")])
    return int(args.run(args))


def test_make_verify_break_verify_list(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shop.parent / "copies" / "shop-1.db"
    assert run(shop, "record", "shop", str(copy), "--live", str(shop), "--make") == 0
    assert f"{copy}.record.json: 450 rows in 2 tables, counted in the snapshot" in capsys.readouterr().out
    assert run(shop, "verify", "shop") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("PASS  shop-1.db was restored in full and holds 450 rows in 2 tables\n")
    assert "orders: 400 rows, recorded 400" in shown
    assert run(shop, "list") == 0
    copy.write_bytes(copy.read_bytes()[:5000])
    assert run(shop, "verify", "shop", "--json") == 1
    lines = capsys.readouterr().out.splitlines()
    told = json.loads(lines[-1])
    assert told["verdict"] == "fail"
    assert "5000 bytes" in told["reasons"][0]
    assert run(shop, "list") == 1
    first, *lines = capsys.readouterr().out.splitlines()
    names = [name.strip() for name in first.split("  ") if name]
    assert names == ["BACKUP", "TYPE", "VERDICT", "VERIFIED", "LAST PASS", "BACKUP IS", "NEXT", "KNOWN BY"]
    assert [word for word in lines[0].split() if word.endswith("Z")][-2:] == ["04:00:00Z", "05:00:00Z"]
    assert lines[0].split()[:3] == ["shop", "sqlite", "fail"]
    assert lines[1].strip().startswith("shop-1.db has 5000 bytes")
    assert "never verified" in lines[2]
    assert run(shop, "list", "--json") == 1
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["shop", "other"]


def test_the_backup_before_the_newest(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shop.parent / "copies"
    take_copy(shop, folder / "shop-1[old].db", clock=lambda: time.time() - 90 * 86400)
    take_copy(shop, folder / "shop-2.db")
    (folder / "shop-2.db").write_bytes(b"")
    assert run(shop, "verify", "shop") == 1
    assert run(shop, "verify", "shop", "--file", "shop-1[old].db") == 0
    assert "PASS  shop-1[old].db was restored in full" in capsys.readouterr().out
    assert run(shop, "verify", "shop", "--file", "shop-3.db") == 1
    assert run(shop, "list") == 1, "the newest is still broken"


def test_a_folder_that_is_not_there_is_inconclusive(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "verify", "other") == 3
    assert "could not be judged: cannot look into the folder" in capsys.readouterr().out


def test_a_copy_made_by_others_is_recorded(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shop.parent / "copies" / "shop-1.db"
    with closing(sqlite3.connect(shop)) as live, closing(sqlite3.connect(copy)) as target:
        live.backup(target)
    assert run(shop, "record", "shop", str(copy), "--live", str(shop), "--json") == 0
    assert json.loads(capsys.readouterr().out)["counted"] == "live"
    kept = record.read(copy)
    assert kept is not None
    assert kept.tables["orders"].rows == 400
    assert run(shop, "verify", "shop") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("verify", "nothing"), 2, "there is no backup named 'nothing' in the config; there are: shop, other"),
        (("record", "nothing", "x"), 2, "there is no backup named 'nothing'"),
        (("record", "shop", "x"), 3, "name the live database with --live"),
        (
            ("record", "shop", "x", "--live", "/nowhere/shop.db"),
            3,
            "the live database /nowhere/shop.db cannot be asked",
        ),
    ],
)
def test_what_cannot_be_done(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert run(shop, *arguments) == code
    assert message in capsys.readouterr().err


def test_what_a_backup_holds_does_not_steer_the_terminal(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = shop.parent / "copies" / "shop-1.db"
    with closing(sqlite3.connect(copy)) as target:
        target.execute('CREATE TABLE "\x1b[2Jorders" (x)')
        target.execute('INSERT INTO "\x1b[2Jorders" VALUES (1)')
        target.commit()
    run(shop, "verify", "shop")
    assert "\x1b" not in capsys.readouterr().out


def test_the_list_of_one_machine_says_which_other_ones_verify_the_rest(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What they found lies in their stores: here it would read as never verified."""
    here, there = shard_of("shop", 5), shard_of("other", 5)
    assert here != there
    (shop.parent / "config.yaml").write_text(f"shard: {here}/5\n{CONFIG}")
    assert run(shop, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["BACKUP", "shop", "other"]
    assert lines[2] == f"other is verified by shard {there} of 5"
