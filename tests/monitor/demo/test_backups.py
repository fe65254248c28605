"""The shop's backups are real copies with a record, and the switch cuts them as a full disk would."""

import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from monitor.demo.backups import BackupJob
from monitor.demo.database import Database
from monitor.demo.front import Shop
from monitor.demo.shop import open_shop, wire_switches
from monitor.demo.switches import Switches, UnknownSwitch
from probes.backup import record


@pytest.fixture
def shop(tmp_path) -> Shop:
    return open_shop(tmp_path, "http://127.0.0.1:1", Switches())


def _job(shop: Shop, tmp_path, **more) -> BackupJob:
    return BackupJob(shop.database, tmp_path / "backups", lambda: shop.switches.broken("backup"), **more)


def _rows(path) -> int:
    with closing(sqlite3.connect(path)) as copy:
        return copy.execute("select count(*) from orders").fetchone()[0]


def test_a_copy_holds_what_its_record_says(shop, tmp_path):
    copy = _job(shop, tmp_path).run()
    made = record.read(copy)
    assert made.tables["orders"].rows == _rows(copy) == 60
    assert made.tables["orders"].newest is not None
    assert made.files[0].sha256 == record.sha256(copy)


def test_only_the_newest_copies_are_kept_with_their_records(shop, tmp_path):
    moments = iter(range(1_790_000_000, 1_790_000_100))
    job = _job(shop, tmp_path, clock=lambda: float(next(moments)))
    made = [job.run() for _ in range(7)]
    assert job.copies() == made[-5:]
    assert len(list((tmp_path / "backups").iterdir())) == 10


def test_the_switch_cuts_the_newest_copy_and_those_to_come_and_mending_makes_a_good_one(shop, tmp_path):
    job = _job(shop, tmp_path)
    wire_switches(shop, job)
    good = job.run()
    size = good.stat().st_size
    shop.switches.set_broken("backup")
    assert good.stat().st_size == size // 2
    next_one = job.run()
    for copy in (good, next_one):
        assert record.read(copy).files[0].sha256 != record.sha256(copy)
    shop.switches.mend("backup")
    newest = job.copies()[-1]
    assert newest not in (good, next_one)
    assert record.read(newest).files[0].sha256 == record.sha256(newest)


def test_the_job_reports_success_and_failure(shop, tmp_path):
    heard = []

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/heartbeat/shop-backup"
        assert _job(shop, tmp_path, report_to=url).run() is not None
        lost = BackupJob(Database(tmp_path / "gone.db"), tmp_path / "backups", lambda: False, url)
        assert lost.run() is None
        server.shutdown()
    assert heard == ["/heartbeat/shop-backup", "/heartbeat/shop-backup?status=fail"]


def test_nobody_listening_does_not_stop_a_backup(shop, tmp_path):
    assert _job(shop, tmp_path, report_to="http://127.0.0.1:1/heartbeat/x").run() is not None


def test_a_second_opening_keeps_keys_orders_and_history(shop, tmp_path):
    again = open_shop(tmp_path, "http://127.0.0.1:1", Switches())
    assert again.keys == shop.keys
    assert _rows(tmp_path / "shop.db") == 60
    assert (tmp_path / "admin-token").stat().st_mode & 0o777 == 0o600


def test_switches_know_their_names(shop):
    with pytest.raises(UnknownSwitch, match="there is no switch 'x'; the switches are slow, error"):
        shop.switches.set_broken("x")
    with pytest.raises(UnknownSwitch):
        shop.switches.mend("x")
    shop.switches.set_broken("slow")
    shop.switches.set_broken("error")
    shop.switches.mend("slow")
    assert [name for name, broken in shop.switches.state().items() if broken] == ["error"]
    shop.switches.mend()
    assert not any(shop.switches.state().values())
