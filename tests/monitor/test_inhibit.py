"""Tickets that wait for a page: held back with a reason, told when the page is over and they are not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from alerts.alert import Alert, Status
from alerts.incident import Decision, Resolve, State
from alerts.inhibit import USUAL
from monitor.store import incidents, outbox
from tests.alerts.making import DUTY, NOW, alert, labels
from tests.monitor.making import Room, room

AT = {"probe": "home", "location": "taipei"}
PAGE = labels("SiteDown", **AT)
TICKET = labels("SiteSlow", severity="ticket", **AT)


@pytest.fixture
def made(store_url: str) -> Iterator[Room]:
    with room(store_url, duty=replace(DUTY, inhibit=USUAL), paging=False) as made:
        yield made


def submit(made: Room, *alerts: Alert) -> list[str]:
    answers = made.desk.submit(*alerts).result(30)
    assert all(isinstance(answer, Decision) for answer in answers), answers
    return [answer.incident.key for answer in answers if isinstance(answer, Decision) and answer.incident]


def told(made: Room, key: str) -> list[str]:
    stored = made.incident(key)
    rows = made.store.transaction(lambda connection: outbox.of_incident(connection, stored.id))
    return [kind for _, kind, _, _ in rows]


def story(made: Room, key: str) -> list[str]:
    stored = made.incident(key)
    return [line.text for line in made.store.transaction(lambda c: incidents.story(c, stored.id))]


def fires(labels: tuple[tuple[str, str], ...], at: float = NOW) -> Alert:
    return alert(at, labels=labels)


def ends(labels: tuple[tuple[str, str], ...], at: float) -> Alert:
    return alert(at, Status.RESOLVED, labels=labels)


def test_a_ticket_that_comes_after_the_page_waits_and_is_told_when_it_alone_is_left(made: Room) -> None:
    page, ticket = submit(made, fires(PAGE), fires(TICKET))
    assert made.incident(ticket).incident.state is State.SILENCED
    assert story(made, ticket)[-1] == f"Silenced by inhibition: SiteDown ({page}) is open"
    assert told(made, page) == ["page"]
    assert told(made, ticket) == []
    made.time.now += 60
    submit(made, ends(PAGE, made.time.now))
    assert made.incident(ticket).incident.state is State.OPEN
    assert told(made, ticket) == ["page"]


def test_a_ticket_that_ends_before_the_page_is_never_told(made: Room) -> None:
    _, ticket = submit(made, fires(PAGE), fires(TICKET))
    made.time.now += 60
    submit(made, ends(TICKET, made.time.now))
    submit(made, ends(PAGE, made.time.now))
    assert made.incident(ticket).incident.over
    assert told(made, ticket) == []


def test_a_ticket_that_was_there_before_is_held_back_from_the_page_on(made: Room) -> None:
    [ticket] = submit(made, fires(TICKET))
    assert told(made, ticket) == ["page"]
    [page] = submit(made, fires(PAGE))
    assert made.incident(ticket).incident.state is State.SILENCED
    made.desk.act(page, Resolve("mei")).result(30)
    assert made.incident(ticket).incident.state is State.OPEN, "a person's word ends the page too"


def test_a_page_that_goes_stale_still_holds_back(made: Room) -> None:
    page, ticket = submit(made, replace(fires(PAGE), expires_at=NOW + 240), fires(TICKET))
    made.pass_time(300)
    assert made.incident(page).incident.state is State.STALE
    assert made.incident(ticket).incident.state is State.SILENCED
    made.pass_time(1000)  # and the hush is renewed for as long as it is open
    assert made.incident(ticket).incident.state is State.SILENCED
    assert told(made, ticket) == []


def test_other_probes_and_other_pages_are_told_as_ever(made: Room) -> None:
    other = labels("SiteSlow", severity="ticket", probe="cart", location="taipei")
    _, ticket, page = submit(made, fires(PAGE), fires(other), fires(labels("SiteErrors", **AT)))
    assert told(made, ticket) == ["page"]
    assert told(made, page) == ["page"]
