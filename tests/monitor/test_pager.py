"""No page is lost between the decision and the receipt, whatever the channel does."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.alert import Status
from alerts.incident import Ack, Decision, Kind
from alerts.notifiers.base import NotifyError
from alerts.notifiers.slack import SlackNotifier, SlackSettings
from alerts.page import Page
from monitor.store import incidents, outbox, receipts
from tests.alerts.making import NOW, alert, labels
from tests.fake_slack import CHANNEL, TOKEN, FakeSlack
from tests.monitor.making import Remembering, Room, Time, room
from tests.servers import until


def _open(made: Room, name: str = "CheckoutFailing") -> str:
    answer = made.desk.submit(alert(made.time.now, labels=labels(name))).result(30)[0]
    assert isinstance(answer, Decision)
    assert answer.incident is not None
    return answer.incident.key


def _fail(error: NotifyError, times: int = 10**9) -> Callable[[Page], None]:
    left = [times]

    def trouble(page: Page) -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return trouble


def _rows(made: Room, key: str) -> list[tuple[str, str, str, str]]:
    stored = made.incident(key)
    return made.store.transaction(lambda connection: outbox.of_incident(connection, stored.id))


def _count(made: Room, notifier: str, outcome: str) -> float | None:
    return made.value("shopwatch_pages_sent_total", notifier=notifier, outcome=outcome)


def test_a_page_is_sent_proved_and_counted(store_url: str) -> None:
    slack = Remembering("slack")
    with room(store_url, [slack]) as made:
        key = _open(made)
        until(lambda: slack.sent, "the page")
        until(lambda: _count(made, "slack", "sent") == 1, "the receipt")
        page, previous = slack.sent[0]
        assert (page.key, page.kind, previous) == (key, Kind.PAGE, None)
        assert [person.name for person in page.people] == ["mei"]
        assert page.runbook_url == "https://watch.shop.example/runbooks/CheckoutFailing"
        until(lambda: made.value("shopwatch_outbox_pending") == 0, "the outbox to be seen empty")
        assert made.value("shopwatch_page_delivery_seconds_count", notifier="slack") == 1
        stored = made.incident(key)
        assert made.store.transaction(lambda c: receipts.newest(c, stored.id, "slack")) is not None
    assert slack.closed.is_set()


def test_what_follows_edits_the_message_of_the_receipt(store_url: str) -> None:
    slack = Remembering("slack")
    with room(store_url, [slack]) as made:
        key = _open(made)
        until(lambda: len(slack.sent) == 1, "the page")
        made.desk.act(key, Ack("mei")).result(30)
        until(lambda: len(slack.sent) == 2, "the ack")
        page, previous = slack.sent[1]
        assert previous is not None
        assert previous.message == {"number": "1"}
        assert (page.line, page.kind, page.ack is not None) == ("mei is on it", Kind.NEWS, True)
        assert [line.kind for line in page.story] == ["opened", "paged", "acked"]


def test_a_passing_trouble_is_tried_again_after_a_growing_while(tmp_path: Path) -> None:
    slack = Remembering("slack", _fail(NotifyError("Slack answers 500"), 3))
    with room(tmp_path, [slack, Remembering("console")]) as made:
        key = _open(made)
        for tries, wait in enumerate((1.0, 2.0, 4.0), 1):
            until(lambda n=tries: _count(made, "slack", "retried") == n, f"failure {tries}")
            assert _rows(made, key)[0][2:] == ("pending", "Slack answers 500")
            assert made.value("shopwatch_outbox_pending") == 1
            made.time.now += wait
            made.pager.wake()
        until(lambda: slack.sent, "the page at last")
        assert slack.sent[0][0].attempt == 3


def test_slacks_wish_to_wait_is_obeyed(tmp_path: Path) -> None:
    slack = Remembering("slack", _fail(NotifyError("429", retry_after=30.0), 1))
    with room(tmp_path, [slack]) as made:
        _open(made)
        until(lambda: _count(made, "slack", "retried") == 1, "the 429")
        made.time.now += 29
        made.pager.wake()
        time.sleep(0.3)
        assert not slack.sent
        made.time.now += 1
        made.pager.wake()
        until(lambda: slack.sent, "the page after Retry-After")


def test_a_lasting_trouble_goes_to_the_next_notifier_with_the_reason(store_url: str) -> None:
    slack, phone = (
        Remembering("slack", _fail(NotifyError("there is no such channel", permanent=True))),
        Remembering("phone"),
    )
    with room(store_url, [slack, phone]) as made:
        key = _open(made)
        until(lambda: phone.sent, "the phone")
        assert phone.lines[0].startswith("slack could not be told (there is no such channel). Paged mei by slack")
        until(lambda: _rows(made, key)[1][2] == "sent", "the phone's receipt")
        assert [row[:3] for row in _rows(made, key)] == [("slack", "page", "failed"), ("phone", "page", "sent")]
        assert _count(made, "slack", "failed") == 1
        made.desk.submit(alert(NOW, Status.RESOLVED)).result(30)
        until(lambda: len(phone.sent) == 2, "the end on the phone")
        assert phone.sent[1][0].kind is Kind.RESOLVED


def test_a_page_that_only_the_console_has_seen_is_tried_until_its_incident_is_over(tmp_path: Path) -> None:
    slack, console = Remembering("slack", _fail(NotifyError("gone", permanent=True))), Remembering("console")
    with room(tmp_path, [slack, console]) as made:
        key = _open(made)
        until(lambda: console.sent, "the console at once")
        assert _rows(made, key)[0][:3] == ("slack", "page", "pending")
        made.desk.submit(alert(made.time.now, Status.RESOLVED)).result(30)
        made.time.now += 2
        made.pager.wake()
        until(lambda: _rows(made, key)[0][2] == "failed", "the page to be given up")
        assert len([page for page, _ in console.sent if page.rings]) == 1


def test_a_channel_that_will_do_again_after_a_moment_is_told_although_another_was(tmp_path: Path) -> None:
    slack = Remembering("slack", _fail(NotifyError("cannot read the secret file", elsewhere=True), 1))
    console = Remembering("console")
    with room(tmp_path, [slack, console]) as made:
        key = _open(made)
        until(lambda: console.sent, "the console at once")
        made.time.now += 1
        made.pager.wake()
        until(lambda: slack.sent, "the page on slack after all")
        until(lambda: [row[2] for row in _rows(made, key)] == ["sent", "sent"], "both receipts")


def test_a_channel_that_is_down_for_a_minute_is_helped_out_once(tmp_path: Path) -> None:
    slack, console = Remembering("slack", _fail(NotifyError("Slack answers 500"))), Remembering("console")
    with room(tmp_path, [slack, console]) as made:
        key = _open(made)
        for _ in range(12):
            made.time.now += 20
            made.pager.wake()
            time.sleep(0.05)
        until(lambda: console.sent, "the console instead")
        assert [row[:3] for row in _rows(made, key)] == [("slack", "page", "pending"), ("console", "page", "sent")]
        assert made.value("shopwatch_outbox_oldest_seconds") == 240


def test_when_nobody_can_be_told_it_stays_on_record(tmp_path: Path) -> None:
    broken = _fail(NotifyError("gone", permanent=True))
    with room(tmp_path, [Remembering("slack", broken), Remembering("console", broken)]) as made:
        key = _open(made)
        until(lambda: [row[3] for row in _rows(made, key)] == ["gone", "gone"], "both to fail")
        assert _rows(made, key)[0][2] == "pending"


def test_two_channels_of_one_step_that_both_fail_still_end_at_the_console(tmp_path: Path) -> None:
    broken = _fail(NotifyError("gone", permanent=True))
    console = Remembering("console")
    with room(tmp_path, [Remembering("slack", broken), Remembering("phone", broken), console]) as made:
        _open(made)
        made.pass_time(301)  # the second step tells slack and phone
        until(lambda: len([page for page, _ in console.sent if "step 2 of 2" in page.line]) >= 1, "the console")


def test_the_console_is_the_last_resort_of_a_config_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with room(tmp_path, [Remembering("slack", _fail(NotifyError("gone", permanent=True)))]) as made:
        key = _open(made)
        until(lambda: [row[:3] for row in _rows(made, key)][1:] == [("console", "page", "sent")], "the console")
    printed = capsys.readouterr().out
    assert "slack could not be told (gone)" in printed
    assert f"Ack      shopwatch ack {key}" in printed


def test_an_unexpected_error_of_a_notifier_is_a_passing_trouble(tmp_path: Path) -> None:
    def trouble(page: Page) -> None:
        raise ZeroDivisionError("a bug")

    with room(tmp_path, [Remembering("slack", trouble)]) as made:
        key = _open(made)
        until(lambda: _rows(made, key)[0][3] == "ZeroDivisionError: a bug", "the error")
        assert _rows(made, key)[0][2] == "pending"


def test_a_slow_channel_holds_up_no_other_and_no_other_incident(tmp_path: Path) -> None:
    gate = threading.Event()
    slack, console = Remembering("slack"), Remembering("console")
    with room(tmp_path, [slack, console]) as made:
        slow = _open(made, "Slow")
        until(lambda: slack.sent, "the first page")

        def trouble(page: Page) -> None:
            if page.key == slow:
                gate.wait(60)

        slack.trouble = trouble
        made.desk.act(slow, Ack("mei")).result(30)
        other = _open(made, "Other")
        until(lambda: other in [page.key for page, _ in slack.sent], "another incident's page")
        made.desk.drill("console", "mei").result(30)
        until(lambda: console.sent, "another channel's page")
        gate.set()
        until(lambda: slow in [page.key for page, _ in slack.sent[1:]], "the slow one")


def test_what_piles_up_about_one_incident_is_one_message_in_order(tmp_path: Path) -> None:
    slack = Remembering("slack", _fail(NotifyError("Slack answers 500"), 1))
    with room(tmp_path, [slack]) as made:
        key = _open(made)
        until(lambda: _rows(made, key)[0][3] != "", "the failure")
        made.desk.act(key, Ack("mei")).result(30)
        made.desk.submit(alert(made.time.now, Status.RESOLVED)).result(30)
        made.time.now += 2
        made.pager.wake()
        until(lambda: slack.sent and all(row[2] == "sent" for row in _rows(made, key)), "all of it")
        page = slack.sent[-1][0]
        assert "mei is on it. Resolved: it is mended" in ". ".join(slack.lines)
        assert not page.rings
        assert page.resolved is not None


def test_one_incidents_messages_are_never_sent_at_the_same_time(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def trouble(page: Page) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.02)
        inside[0] -= 1

    slack = Remembering("slack", trouble)
    with room(tmp_path, [slack]) as made:
        key = _open(made)
        for number in range(10):
            made.desk.act(key, Ack(f"person {number}")).result(30)
        until(lambda: all(row[2] == "sent" for row in _rows(made, key)), "all of it")
        assert most[0] == 1
        assert slack.lines[-1].endswith("person 9 took over from person 8")


def test_pages_come_before_news(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")], paging=False) as made:
        now = made.time.now
        first = _open(made, "First")
        opened = made.store.transaction(lambda c: outbox.lease(c, "slack", "one", now, 10.0))
        assert opened is not None
        made.store.transaction(lambda c: outbox.finish(c, opened, now))
        made.desk.act(first, Ack("mei")).result(30)
        _open(made, "Second")
        kinds = []
        for number in range(2):
            parcel = made.store.transaction(lambda c, n=number: outbox.lease(c, "slack", str(n), now, 10.0))
            assert parcel is not None
            kinds.append(parcel.kind)
        assert kinds == [Kind.PAGE, Kind.NEWS]


def test_a_page_does_not_queue_behind_tickets(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")], paging=False) as made:
        for number, severity in enumerate(("ticket", "ticket", "warning", "page", "ticket")):
            told = made.desk.submit(alert(labels=labels(f"Alert{number}", severity=severity))).result(30)[0]
            assert isinstance(told, Decision)
        lines = []
        for number in range(5):
            parcel = made.store.transaction(lambda c, n=number: outbox.lease(c, "slack", str(n), made.time.now, 10.0))
            assert parcel is not None
            stored = made.store.transaction(lambda c, p=parcel: incidents.get(c, p.incident_id))
            assert stored is not None
            lines.append((stored.incident.severity, stored.id))
        assert lines == [("page", 4), ("warning", 3), ("ticket", 1), ("ticket", 2), ("ticket", 5)]


def test_what_waits_for_a_notifier_that_is_gone_goes_to_the_next(tmp_path: Path) -> None:
    slack = Remembering("slack", _fail(NotifyError("500")))
    with room(tmp_path, [slack]) as made:
        key = _open(made)
        until(lambda: _rows(made, key)[0][3] == "500", "the failure")
        console = Remembering("console")
        made.time.now += 60
        made.pager.replace([console])
        until(lambda: console.sent, "the console")
        assert console.lines[0].startswith("slack could not be told (it is not in the config any more)")
    assert slack.closed.is_set()


def test_a_lease_that_ended_is_sent_by_the_next_and_the_late_answer_changes_nothing(tmp_path: Path) -> None:
    with room(tmp_path, [Remembering("slack")], paging=False) as made:
        _open(made)
        store, now = made.store, made.time.now
        first = store.transaction(lambda c: outbox.lease(c, "slack", "one", now, 10.0))
        assert first is not None
        assert store.transaction(lambda c: outbox.lease(c, "slack", "two", now + 9, 10.0)) is None
        second = store.transaction(lambda c: outbox.lease(c, "slack", "two", now + 10, 10.0))
        assert second is not None
        assert (second.ids, second.attempts) == (first.ids, 1)
        assert not store.transaction(lambda c: outbox.finish(c, first, now + 11))
        assert store.transaction(lambda c: outbox.finish(c, second, now + 11))


def test_the_real_slack_notifier_through_the_whole_room(tmp_path: Path) -> None:
    with FakeSlack() as server:
        made_settings = SlackSettings(name="slack", token=TOKEN, channel="#shop-ops", base_url=server.url)
        notifier = SlackNotifier(made_settings, sleep=lambda seconds: None)
        console = Remembering("console")
        server.next("500", "429")
        with room(tmp_path, [notifier, console]) as made:
            key = _open(made)
            until(lambda: "500" in _rows(made, key)[0][3], "the 500")
            made.time.now += 1
            made.pager.wake()
            until(lambda: "429" in _rows(made, key)[0][3], "the 429")
            made.time.now += 7
            made.pager.wake()
            until(lambda: server.posts, "the page")
            made.desk.act(key, Ack("mei", "slack")).result(30)
            until(lambda: len(server.replies) == 1, "the ack in the thread")
            made.desk.submit(alert(made.time.now, Status.RESOLVED)).result(30)
            until(lambda: len(server.replies) == 2, "the end in the thread")
            made.time.now += 30
            made.desk.submit(alert(made.time.now)).result(30)
            until(lambda: len(server.replies) == 3, "the flapping in the thread")
            assert [reply["text"] for reply in server.replies] == [
                "mei is on it", "Resolved: it is mended", "Fires again",
            ]  # fmt: skip
            assert len(server.posts) == 1
            assert server.posts[0]["edits"] == 3
            assert server.posts[0]["channel"] == CHANNEL


_CHILD = """
    import sys, time
    from tests.alerts.making import alert
    from tests.monitor.making import room, Remembering
    from monitor.store import outbox
    import threading

    sending = threading.Event()

    def trouble(page):
        sending.set()
        time.sleep(600)

    with room("sqlite:" + sys.argv[1], [Remembering("slack", trouble)], paging=sys.argv[2] == "sending") as made:
        made.desk.submit(alert()).result(30)
        if sys.argv[2] == "sending":
            sending.wait(30)
        print("decided", flush=True)
        time.sleep(600)
"""


@pytest.mark.integration
@pytest.mark.parametrize("moment", ["before sending", "sending"])
def test_killed_between_the_decision_and_the_receipt_the_page_is_sent_after_the_restart(
    tmp_path: Path, moment: str
) -> None:
    file = tmp_path / "state.db"
    root = Path(__file__).parents[2]
    arguments = [sys.executable, "-c", textwrap.dedent(_CHILD), str(file), moment]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert child.stdout is not None
    assert child.stdout.readline() == b"decided\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(30)
    child.stdout.close()
    slack = Remembering("slack")
    with room(f"sqlite:{file}", [slack], clock=Time(NOW + 1)) as made:
        until(lambda: slack.sent, "the page after the restart")
        assert slack.sent[0][0].headline == "Shoppers cannot finish checkout"
        assert slack.sent[0][0].attempt == (1 if moment == "sending" else 0)
        until(lambda: _count(made, "slack", "sent") == 1, "the receipt")
    assert len(slack.sent) == 1
