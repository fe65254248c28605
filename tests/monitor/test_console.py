"""A night on the console, from the desk to the terminal: each outage is shown whole, however soon it comes again."""

import io
from pathlib import Path

import pytest

from alerts.alert import Status
from alerts.notifiers.console import ConsoleNotifier, ConsoleSettings
from tests.alerts.making import alert, labels
from tests.monitor.making import Room, room
from tests.servers import until


def _says(made: Room, stream: io.StringIO, status: Status, severity: str, title: str, count: int) -> None:
    told = alert(made.time(), status, labels=labels("CheckoutFailing", severity=severity, probe="checkout"))
    made.desk.submit(told).result(30)
    until(lambda: stream.getvalue().count(f"── {title}") == count, f"{title} {count} on the console")


@pytest.mark.parametrize(("severity", "title"), [("page", "PAGE"), ("ticket", "TICKET")])
@pytest.mark.parametrize("calm", [20.0, 120.0])
def test_a_second_outage_is_shown_as_the_first(tmp_path: Path, severity: str, title: str, calm: float) -> None:
    stream = io.StringIO()
    with room(tmp_path, [ConsoleNotifier(ConsoleSettings(name="console"), stream)]) as made:
        _says(made, stream, Status.FIRING, severity, title, 1)
        made.time.now += 30
        _says(made, stream, Status.RESOLVED, severity, "RESOLVED", 1)
        made.time.now += calm
        _says(made, stream, Status.FIRING, severity, title, 2)
    first, again = stream.getvalue().split(f"── {title}")[1:]
    assert "shopwatch ack " in first
    assert "Fires again" in again
    assert "shopwatch ack " in again
