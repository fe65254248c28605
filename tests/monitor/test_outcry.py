"""What should wake someone is told even when nothing can be stored: once, and only if nobody was told of it before."""

from pathlib import Path

import pytest
from sqlalchemy import text

from alerts.alert import Status
from alerts.notifiers.base import NotifyError
from monitor.outcry import Outcry
from monitor.store import StoreError
from tests.alerts.making import DUTY, NOW, alert, labels
from tests.monitor.making import Remembering, Time, room


class Scene:
    def __init__(self, *channels: Remembering) -> None:
        self.time = Time()
        self.outcry = Outcry(lambda: channels, lambda: DUTY, self.time)

    def pass_time(self, seconds: float) -> None:
        self.time.now += seconds
        self.outcry.look()


def test_an_alert_that_cannot_be_stored_for_ten_seconds_is_told_everywhere_once() -> None:
    slack, console = Remembering("slack"), Remembering("console")
    scene = Scene(slack, console)
    scene.outcry.expect([alert()])
    scene.outcry.failed("store: no space left")
    scene.pass_time(9.9)
    assert not slack.sent
    scene.pass_time(0.1)
    expected = "Shopwatch cannot store: store: no space left. Not recorded: CheckoutFailing checkout fires"
    assert slack.lines == console.lines == [expected]
    assert [person.name for person in slack.sent[0][0].people] == ["mei"]
    scene.outcry.expect([alert()])
    scene.pass_time(100)
    assert len(slack.sent) == 1


def test_what_was_stored_or_is_over_is_not_told() -> None:
    slack = Remembering("slack")
    scene = Scene(slack)
    scene.outcry.expect([alert(), alert(labels=labels("Other"))])
    scene.outcry.stored(alert())
    scene.outcry.expect([alert(NOW, Status.RESOLVED, labels=labels("Other")), alert()])
    scene.pass_time(60)
    assert slack.sent == []


def test_channels_that_fail_are_tried_again_though_the_console_worked() -> None:
    def trouble(page: object) -> None:
        raise NotifyError("no network")

    slack, console = Remembering("slack", trouble), Remembering("console")
    scene = Scene(slack, console)
    scene.outcry.expect([alert()])
    scene.pass_time(10)
    slack.trouble = lambda page: None
    scene.pass_time(9)
    assert slack.sent == []
    scene.pass_time(1)
    assert len(slack.sent) == 1


def test_a_flood_is_one_message_of_bounded_length() -> None:
    slack = Remembering("slack")
    scene = Scene(slack)
    scene.outcry.expect([alert(labels=labels(f"Alert{number}")) for number in range(2000)])
    scene.pass_time(10)
    assert len(slack.sent) == 1
    assert slack.lines[0].endswith("and 990 more")


def test_the_desk_tells_of_what_it_cannot_store_and_logs_nothing_that_was_rolled_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    slack = Remembering("slack")
    with room(tmp_path, [slack], paging=False) as made:
        made.desk._outcry = outcry = Outcry(lambda: [slack], lambda: made.desk.duty, made.time)
        made.store.transaction(lambda connection: connection.execute(text("drop table outbox")))
        with pytest.raises(StoreError):
            made.desk.submit(alert()).result(30)
        assert "outbox" in made.store.trouble
        made.time.now += 10
        outcry.look()
        assert "Not recorded: CheckoutFailing checkout fires" in slack.lines[0]
        assert "Paged mei" not in caplog.text
