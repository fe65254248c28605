"""The auditor trusts nothing that it has not looked at."""

from pathlib import Path

from alerts.alert import Status
from alerts.incident import Decision
from alerts.notifiers.base import NotifyError
from alerts.silence import begin
from monitor.store import incidents, outbox, silences
from monitor.store.retention import KEPT, forget
from tests.alerts.making import NOW, alert
from tests.monitor.making import Remembering, Room, Time, room
from tests.monitor.test_pager import _fail
from tests.servers import until


def _faults(made: Room, fault: str) -> float | None:
    return made.value("shopwatch_paging_faults", fault=fault)


def _delivered(made: Room) -> None:
    until(lambda: made.store.transaction(outbox.backlog).pending == 0, "the pages to be delivered")


def test_all_is_well_while_pages_arrive(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")]) as made:
        until(lambda: made.pager.auditor.trusted, "the first look")
        made.desk.submit(alert()).result(30)
        _delivered(made)
        made.pass_time(91)  # longer than a look may be ago
        until(lambda: made.pager.auditor.trusted, "the second look")
        assert made.pager.auditor.trusted
        assert made.pager.auditor.complaints == ()
        assert _faults(made, "undelivered") == 0


def test_a_page_that_does_not_arrive_is_our_failing(tmp_path: Path) -> None:
    broken = _fail(NotifyError("500"))
    with room(tmp_path, [Remembering("slack", broken), Remembering("console", broken)]) as made:
        made.desk.submit(alert()).result(30)
        made.pass_time(90)
        until(lambda: _faults(made, "undelivered") == 1, "the complaint")
        assert not made.pager.auditor.trusted
        assert made.pager.auditor.complaints[0].text == "a page has been waiting for 1m30s and is not delivered"


def test_a_timer_that_does_not_run_is_our_failing(tmp_path: Path) -> None:
    time = Time()
    with room(tmp_path, [Remembering("slack")], clock=time, paging=False) as made:
        made.desk.submit(alert()).result(30)
        made.desk.stop()
        time.now += 400
        made.pager.auditor.look()
        assert _faults(made, "overdue") == 1
        assert not made.pager.auditor.trusted


def test_that_nobody_answers_is_not_our_failing_but_is_told(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack"), Remembering("phone")]) as made:
        answer = made.desk.submit(alert()).result(30)[0]
        assert isinstance(answer, Decision)
        assert answer.incident is not None
        key = answer.incident.key
        _delivered(made)
        for _ in range(3):
            made.pass_time(601)
            until(lambda: (made.incident(key).incident.next_at or 1e18) > made.time.now, "the step")
            _delivered(made)
        made.pass_time(31)
        until(lambda: _faults(made, "exhausted") == 1, "the complaint")
        assert made.pager.auditor.trusted


def test_one_that_has_not_looked_for_long_is_not_trusted(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")], paging=False) as made:
        assert not made.pager.auditor.trusted
        made.pager.auditor.look()
        assert made.pager.auditor.trusted
        made.time.now += 91
        assert not made.pager.auditor.trusted


def test_a_store_that_cannot_be_read_is_not_trusted(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")], paging=False) as made:
        made.desk.stop()
        made.store.close()
        made.pager.auditor.look()
        assert not made.pager.auditor.trusted


def test_what_is_long_over_is_forgotten_with_all_that_belongs_to_it(store_url: str) -> None:
    with room(store_url, [Remembering("slack")]) as made:
        made.desk.submit(alert()).result(30)
        made.desk.silence(begin("a=b", "1h", "test", "mei", NOW)).result(30)
        made.desk.submit(alert(NOW + 1, Status.RESOLVED)).result(30)
        _delivered(made)
        assert made.store.transaction(lambda c: forget(c, NOW + KEPT)) == 0
        assert made.store.transaction(lambda c: forget(c, NOW + KEPT + 3601)) == 2
        assert made.store.transaction(incidents.recent) == []
        assert made.store.transaction(silences.every) == []
