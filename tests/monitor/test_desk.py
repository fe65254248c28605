"""The desk writes what it decided in one piece, keeps its timers over restarts, and survives bad events."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text

from alerts.alert import Alert, Status
from alerts.incident import Ack, Decision, Resolve, State
from alerts.route import Route
from alerts.silence import Silence, begin
from monitor.case import NotKnown, Surroundings
from monitor.desk import Busy, Desk
from monitor.store import StoreError, incidents, outbox
from probes.base import Evidence
from tests.alerts.making import DUTY, NOW, alert, labels
from tests.monitor.making import Room, Time, room
from tests.servers import until


@pytest.fixture
def made(store_url: str) -> Iterator[Room]:
    with room(store_url, paging=False) as made:
        yield made


def _open(made: Room, *alerts: Alert) -> Decision:
    answer = made.desk.submit(*(alerts or (alert(),))).result(30)[0]
    assert isinstance(answer, Decision)
    return answer


def _key(decision: Decision) -> str:
    assert decision.incident is not None
    return decision.incident.key


def _told(made: Room, key: str) -> list[tuple[str, str]]:
    stored = made.incident(key)
    rows = made.store.transaction(lambda connection: outbox.of_incident(connection, stored.id))
    return [(notifier, kind) for notifier, kind, _, _ in rows]


def _story(made: Room, key: str) -> list[str]:
    stored = made.incident(key)
    return [line.kind for line in made.store.transaction(lambda c: incidents.story(c, stored.id))]


def test_incident_story_and_outbox_are_there_when_the_answer_is(made: Room) -> None:
    key = _key(_open(made))
    assert made.incident(key).incident.state is State.OPEN
    assert _story(made, key) == ["opened", "paged"]
    assert _told(made, key) == [("slack", "page")]
    assert made.value("shopwatch_incidents_open", state="open", severity="page") == 1
    assert made.value("shopwatch_decisions_total", event="alert") == 1


def test_the_stored_incident_is_the_decided_one(made: Room) -> None:
    odd = alert(value=float("nan"), annotations={"summary": "ünï\0code ✓"}, labels=labels(shop="\ud800"))
    evidence = Evidence("it\0 failed", (), (("a", "b"),), "\x1b[31m")
    made.desk._surroundings = Surroundings(evidence=lambda labels: evidence)  # as the service would have given it
    decision = _open(made, odd)
    read = made.incident(_key(decision)).incident
    assert decision.incident is not None
    assert repr(read) == repr(decision.incident)  # NaN is not equal to itself


def test_one_incident_whichever_source_told(made: Room) -> None:
    first = _open(made, alert())
    added = {"job": "shopwatch", "instance": "127.0.0.1:9469", "prometheus": "a"}
    second = _open(made, alert(source="prometheus", labels=labels(**added)))
    assert _key(first) == _key(second)
    assert _told(made, _key(first)) == [("slack", "page")]


def test_ack_resolve_and_unknown_keys(made: Room) -> None:
    key = _key(_open(made))
    assert made.desk.act(key.lower(), Ack("mei")).result(30).reason == "mei is on it"
    assert made.desk.act(key, Resolve("mei")).result(30).reason == "Resolved by mei"
    with pytest.raises(NotKnown, match="no incident NOPE"):
        made.desk.act("NOPE", Ack("mei")).result(30)


def test_the_next_step_is_taken_by_the_clock(made: Room) -> None:
    key = _key(_open(made))
    made.pass_time(301)
    until(lambda: len(_told(made, key)) == 3, "the second step")
    assert _story(made, key) == ["opened", "paged", "paged"]


def test_timers_survive_a_restart(store_url: str) -> None:
    time = Time()
    with room(store_url, paging=False, clock=time) as made:
        key = _key(_open(made))
    time.now += 301
    with room(store_url, paging=False, clock=time) as made:
        until(lambda: len(_told(made, key)) == 3, "the second step after the restart")


def test_an_ack_survives_a_restart(store_url: str) -> None:
    time = Time()
    with room(store_url, paging=False, clock=time) as made:
        key = _key(_open(made))
        made.desk.act(key, Ack("mei")).result(30)
    time.now += 10_000
    with room(store_url, paging=False, clock=time) as made:
        made.pass_time(1)
        assert _told(made, key) == [("slack", "page"), ("slack", "news")]
        assert made.value("shopwatch_incidents_open", state="acked", severity="page") == 1


def test_one_bad_alert_does_not_take_the_others_with_it(made: Room) -> None:
    def evidence(labels: object) -> Evidence | None:
        if "bad" in str(labels):
            raise ZeroDivisionError
        return None

    made.desk._surroundings = Surroundings(evidence=evidence)  # as the service would have given it
    good, bad, other = made.desk.submit(alert(), alert(labels=labels("bad")), alert(labels=labels("other"))).result(30)
    assert isinstance(bad, ZeroDivisionError)
    assert isinstance(good, Decision)
    assert isinstance(other, Decision)
    assert made.incident(_key(good)).incident.state is State.OPEN
    assert made.incident(_key(other)).incident.state is State.OPEN
    assert made.value("shopwatch_decisions_failed_total") == 1


def test_a_failed_transaction_leaves_nothing_behind_and_is_told(made: Room) -> None:
    made.store.transaction(lambda connection: connection.execute(text("drop table outbox")))
    with pytest.raises(StoreError):
        made.desk.submit(alert()).result(30)
    assert made.store.transaction(incidents.unresolved) == []


def test_silences_begin_end_and_page_what_is_left(made: Room) -> None:
    silence = made.desk.silence(begin("probe=checkout", "1h", "deploy", "ana", made.time.now)).result(30)
    key = _key(_open(made))
    assert made.incident(key).incident.state is State.SILENCED
    assert _told(made, key) == []
    made.desk.unsilence(silence.id).result(30)
    assert made.incident(key).incident.state is State.OPEN
    assert _told(made, key) == [("slack", "page")]
    assert made.desk.unsilence(silence.id).result(30).ends_at == made.time.now  # a second time changes nothing


def test_a_silence_that_runs_out_pages(made: Room) -> None:
    made.desk.silence(begin("probe=checkout", "1h", "deploy", "ana", made.time.now)).result(30)
    key = _key(_open(made))
    made.pass_time(3601)
    until(lambda: _told(made, key) == [("slack", "page")], "the page after the silence")


@pytest.mark.parametrize("silence_id", ["nope", "0"])
def test_unknown_silences(made: Room, silence_id: str) -> None:
    with pytest.raises(NotKnown):
        made.desk.unsilence(silence_id).result(30)
    with pytest.raises(NotKnown):
        made.desk.silence(Silence(silence_id, (), 0, 1, "", "")).result(30)


def test_quiet_hours_hold_tickets_but_never_pages(tmp_path: Path) -> None:
    routes = (
        Route(match={"severity": ("page",)}, escalation="page"),
        Route(match={}, notify=("slack",), quiet="22:00-08:00 Asia/Taipei"),
    )
    time = Time(NOW - 4 * 3600)  # 07:00 in Taipei
    with room(tmp_path, duty=replace(DUTY, routes=routes), clock=time, paging=False) as made:
        page, ticket = _open(made, alert(time.now)), _open(made, alert(time.now, labels=labels(severity="ticket")))
        assert _told(made, _key(page)) == [("slack", "page")]
        assert _told(made, _key(ticket)) == []
        hush = made.incident(_key(ticket)).incident.hush
        assert hush is not None
        assert (hush.until, hush.reason) == (NOW - 3 * 3600, "quiet hours, 22:00-08:00 Asia/Taipei")
        made.pass_time(3600)
        until(lambda: _told(made, _key(ticket)) == [("slack", "page")], "the ticket in the morning")


def test_grouped_alerts_share_an_incident(tmp_path: Path) -> None:
    routes = (Route(match={}, notify=("slack",), group_by=("alertname", "shop")),)
    with room(tmp_path, duty=replace(DUTY, routes=routes), paging=False) as made:
        keys = [_key(_open(made, alert(labels=labels(shop="main", probe=probe)))) for probe in ("a", "b")]
        keys.append(_key(_open(made, alert(labels=labels(shop="other", probe="a")))))
        assert keys[0] == keys[1] != keys[2]


def test_an_alert_that_no_route_takes_is_told_to_every_notifier(tmp_path: Path) -> None:
    with room(tmp_path, duty=replace(DUTY, routes=()), paging=False) as made:
        assert _told(made, _key(_open(made))) == [("slack", "page"), ("phone", "page"), ("console", "page")]


def test_a_test_page(made: Room) -> None:
    key = _key(made.desk.drill("phone", "mei").result(30))
    assert _told(made, key) == [("phone", "page")]
    assert _told(made, _key(made.desk.drill("", "mei").result(30))) == [
        ("slack", "page"), ("phone", "page"), ("console", "page"),
    ]  # fmt: skip
    told = made.incident(_key(made.desk.drill("ana", "mei").result(30))).incident.told
    assert {one.people for one in told} == {("ana",)}
    with pytest.raises(NotKnown, match="no notifier and no person called 'nobody'"):
        made.desk.drill("nobody", "mei").result(30)


def test_more_than_can_be_decided_is_refused(tmp_path: Path) -> None:
    with room(tmp_path, paging=False) as made:
        idle = Desk(made.store, DUTY, clock=made.time, registry=type(made.registry)())
        for _ in range(1000):
            idle.submit()
        with pytest.raises(Busy, match="1000 events are waiting"):
            idle.submit()


def test_two_desks_on_one_store_open_one_incident(store_url: str) -> None:
    """Two replicas are told the same at once."""
    with room(store_url, paging=False) as one, room(store_url, paging=False) as two:
        futures = [desk.submit(alert(labels=labels(str(n)))) for n in range(20) for desk in (one.desk, two.desk)]
        for future in futures:
            assert isinstance(future.result(60)[0], Decision)
        assert len(one.store.transaction(incidents.unresolved)) == 20

        def count(connection: Connection) -> int:
            return int(connection.execute(text("select count(*) from outbox")).scalar_one())

        assert two.store.transaction(count) == 20


def test_resolved_long_ago_then_firing_is_a_new_incident(made: Room) -> None:
    first = _key(_open(made))
    _open(made, alert(NOW + 10, Status.RESOLVED))
    made.time.now += 601 + 10
    assert _key(_open(made, alert(made.time.now))) != first


@pytest.mark.integration
def test_a_database_that_goes_away_costs_a_pause_and_no_page(postgres_url: str) -> None:
    """Every connection is cut while a timer is due; the desk finds its way back by itself."""
    with room(postgres_url, paging=False) as made:
        key = _key(_open(made))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'shopwatch'")
        made.time.now += 301
        try:
            made.desk.submit().result(30)
        except StoreError:
            made.desk.submit().result(30)
        until(lambda: len(_told(made, key)) == 3, "the second step")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_an_incidents_story_is_as_loud_in_the_log_as_told(
    made: Room, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    made.desk.story_level = level
    with caplog.at_level(logging.DEBUG, "monitor.desk"):
        made.desk.submit(alert()).result(30)
    told = [(record.levelno, record.getMessage()) for record in caplog.records if "Paged" in record.getMessage()]
    assert [(found, line[:9]) for found, line in told] == [(level, "incident ")]
