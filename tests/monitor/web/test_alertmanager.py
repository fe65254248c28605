"""We answer as Alertmanager does: alerts are taken one by one, and nothing hostile breaks us."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from alerts.alert import Alert, Status, fingerprint
from alerts.incident import State
from alerts.silence import parse_matchers
from monitor.store import incidents
from monitor.web.alertmanager import router
from monitor.web.alertmanager_format import BadAlert, read_alert, read_silence, read_time, sender
from tests.alerts.making import NOW
from tests.monitor.making import Room, Time, room

LABELS = {"alertname": "CheckoutFailing", "probe": "checkout", "severity": "page", "job": "shopwatch", "replica": "a"}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _firing(**labels: str) -> dict[str, Any]:
    """As Prometheus 2.42 writes it."""
    return {
        "labels": LABELS | labels,
        "annotations": {"summary": "Shoppers cannot finish checkout"},
        "startsAt": _time(NOW - 30),
        "endsAt": _time(NOW + 240),
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    }


class Api:
    def __init__(self, made: Room) -> None:
        self.room = made
        self.heard: list[Alert] = []
        self.app = FastAPI()
        self.app.include_router(router(made.desk, made.store, self.heard.append, made.time))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
                headers = {"Content-Type": "application/json", "User-Agent": "Prometheus/2.42.0"} | more.pop(
                    "headers", {}
                )
                content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
                return await client.request(method, path, content=content, headers=headers, **more)

        return asyncio.run(send())

    def open(self) -> list[incidents.Stored]:
        return self.room.store.transaction(incidents.unresolved)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with room(tmp_path, clock=Time(), paging=False) as made:
        yield Api(made)


def test_an_alert_becomes_an_incident_before_the_answer(api: Api) -> None:
    assert api.ask("POST", "/api/v2/alerts", [_firing()]).status_code == 200
    [stored] = api.open()
    [alert] = stored.incident.alerts
    assert dict(alert.labels) == {"alertname": "CheckoutFailing", "probe": "checkout", "severity": "page"}
    assert (alert.source, alert.started_at, alert.expires_at) == ("prometheus a", NOW - 30, NOW + 240)


def test_told_every_minute_it_stays_one_incident_and_ends_when_told(api: Api) -> None:
    for minute in range(4):
        api.room.time.now = NOW + minute * 60
        api.ask("POST", "/api/v2/alerts", [_firing() | {"endsAt": _time(api.room.time.now + 240)}])
    [stored] = api.open()
    assert stored.incident.version == 1
    api.room.time.now += 60
    over = _firing() | {"endsAt": _time(api.room.time.now - 1)}
    api.ask("POST", "/api/v2/alerts", [over])
    api.ask("POST", "/api/v2/alerts", [over])
    assert api.open() == []


def test_two_prometheis_are_two_witnesses(api: Api) -> None:
    api.ask("POST", "/api/v2/alerts", [_firing(), _firing(replica="b")])
    api.ask("POST", "/api/v2/alerts", [_firing() | {"endsAt": _time(NOW - 1)}])
    [stored] = api.open()
    assert stored.incident.state is State.OPEN
    api.ask("POST", "/api/v2/alerts", [_firing(replica="b") | {"endsAt": _time(NOW - 1)}])
    assert api.open() == []


def test_a_prometheus_that_falls_silent_leaves_the_incident_stale(api: Api) -> None:
    api.ask("POST", "/api/v2/alerts", [_firing()])
    api.room.pass_time(241)
    api.room.desk.submit().result(30)
    [stored] = api.open()
    assert stored.incident.state is State.STALE


def test_good_alerts_are_stored_though_others_are_bad(api: Api) -> None:
    bad = [{"labels": {}}, {"labels": {"": "x"}}, "nonsense", _firing(shop="2") | {"startsAt": "yesterday"}]
    answer = api.ask("POST", "/api/v2/alerts", [*bad, _firing(shop="1")])
    assert answer.status_code == 400
    for part in ("at least one label", "a label without a name", "startsAt 'yesterday' is no time"):
        assert part in answer.json()
    assert len(api.open()) == 1


def test_the_watchdog_is_heard_and_opens_nothing(api: Api) -> None:
    api.ask("POST", "/api/v2/alerts", [_firing(alertname="Watchdog")])
    assert [alert.name for alert in api.heard] == ["Watchdog"]
    assert api.open() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff", b"{}", b'"x"', b"null"])
def test_what_is_no_list_of_alerts_is_400(api: Api, body: bytes) -> None:
    assert api.ask("POST", "/api/v2/alerts", body).status_code == 400


def test_a_page_in_a_browser_cannot_post(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert api.ask("POST", "/api/v2/alerts", [_firing()], headers={"Content-Type": kind}).status_code == 415
    assert api.open() == []


def test_too_much_at_once_is_refused(api: Api) -> None:
    assert api.ask("POST", "/api/v2/alerts", b" " * (9 << 20)).status_code == 413


def test_a_store_that_fails_is_503(api: Api) -> None:
    api.room.store.transaction(lambda connection: connection.execute(text("drop table incident_events")))
    assert api.ask("POST", "/api/v2/alerts", [_firing()]).status_code == 503
    assert api.open() == []


def _webhook(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "shopwatch",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
        **changes,
    }


def test_the_webhook(api: Api) -> None:
    firing = _firing() | {"status": "firing", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "0" * 16}
    assert api.ask("POST", "/webhooks/alertmanager", _webhook(firing)).status_code == 200
    [stored] = api.open()
    assert stored.incident.alerts[0].expires_at is None
    truncated = _webhook(_firing(shop="2") | {"status": "firing"}, truncatedAlerts=7)
    assert api.ask("POST", "/webhooks/alertmanager", truncated).status_code == 200
    assert len(api.open()) == 2  # what a message leaves out says nothing
    over = _webhook(firing | {"status": "resolved", "endsAt": _time(NOW)}, status="resolved")
    api.ask("POST", "/webhooks/alertmanager", over)
    assert len(api.open()) == 1


def test_any_text_is_a_label_name_and_odd_annotations_cost_no_alert(api: Api) -> None:
    odd = _firing(**{"service.name": "shop", "http.route": "/", "größe": "5"}) | {"annotations": {"n": 5, "x": None}}
    assert api.ask("POST", "/api/v2/alerts", [odd]).status_code == 200
    [stored] = api.open()
    assert {"service.name", "http.route", "größe"} <= dict(stored.incident.alerts[0].labels).keys()
    assert stored.incident.alerts[0].annotations == {"n": "5", "x": "null"}
    [shown] = api.ask("GET", "/api/v2/alerts").json()
    assert shown["labels"]["service.name"] == "shop"


def test_what_the_webhook_cannot_read_becomes_an_incident_with_its_text(api: Api) -> None:
    bad = _firing(shop="lost") | {"startsAt": "yesterday"}
    assert api.ask("POST", "/webhooks/alertmanager", _webhook(bad, _firing(), "nonsense")).status_code == 200
    assert {one.incident.lead.name for one in api.open() if one.incident.lead} == {"CheckoutFailing", "AlertUnreadable"}
    api.ask("POST", "/webhooks/alertmanager", _webhook(bad))
    [unread] = [one.incident for one in api.open() if one.incident.labels[0][1] == "AlertUnreadable"]
    assert unread.severity == "page"
    assert unread.lead is not None
    assert "startsAt 'yesterday' is no time" in unread.lead.annotations["description"]
    assert '"shop": "lost"' in unread.lead.annotations["description"]


@pytest.mark.parametrize("body", [[], {}, {"version": "3", "alerts": []}, {"version": "4", "alerts": {}}, "x"])
def test_what_is_no_webhook_is_400(api: Api, body: Any) -> None:
    assert api.ask("POST", "/webhooks/alertmanager", body).status_code == 400


def test_a_webhook_that_cannot_be_stored_is_to_be_tried_again(api: Api) -> None:
    api.room.store.transaction(lambda connection: connection.execute(text("drop table incident_events")))
    assert api.ask("POST", "/webhooks/alertmanager", _webhook(_firing() | {"status": "firing"})).status_code == 503


def test_silences_come_change_and_go(api: Api) -> None:
    api.ask("POST", "/api/v2/alerts", [_firing()])
    given = {
        "matchers": [{"name": "probe", "value": "check.*", "isRegex": True, "isEqual": True}],
        "startsAt": _time(NOW - 5),
        "endsAt": _time(NOW + 3600),
        "createdBy": "mei",
        "comment": "deploy",
    }
    silence_id = api.ask("POST", "/api/v2/silences", given).json()["silenceID"]
    found = api.ask("GET", f"/api/v2/silence/{silence_id}").json()
    assert (found["status"], found["comment"], found["createdBy"]) == ({"state": "active"}, "deploy", "mei")
    assert found["matchers"] == given["matchers"]
    assert api.open()[0].incident.state is State.SILENCED
    [alert] = api.ask("GET", "/api/v2/alerts").json()
    assert alert["status"]["state"] == "suppressed"
    assert alert["status"]["silencedBy"] == [silence_id]
    assert api.ask("GET", "/api/v2/alerts", params={"silenced": "false"}).json() == []
    changed = api.ask("POST", "/api/v2/silences", given | {"id": silence_id, "endsAt": _time(NOW + 60)}).json()
    assert changed["silenceID"] == silence_id
    assert api.ask("DELETE", f"/api/v2/silence/{silence_id}").status_code == 200
    [ended] = api.ask("GET", "/api/v2/silences").json()
    assert ended["status"] == {"state": "expired"}
    assert api.open()[0].incident.state is State.OPEN


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"matchers": []}, "at least one matcher"),
        ({"matchers": [{"name": "a", "value": ".*", "isRegex": True}]}, "must not match the empty string"),
        (
            {"matchers": [{"name": "a", "value": "("}, {"name": "b", "value": "(", "isRegex": True}]},
            "regular expression",
        ),
        ({"matchers": ["x"]}, "it needs a name and a value"),
        ({"endsAt": _time(NOW - 1)}, "endsAt must be later"),
        ({"endsAt": "soon"}, "is no time such as"),
        ({"comment": 5}, "values are texts"),
    ],
)
def test_bad_silences_are_400(api: Api, changes: dict[str, Any], sentence: str) -> None:
    good = {"matchers": [{"name": "a", "value": "b"}], "startsAt": _time(NOW), "endsAt": _time(NOW + 60)}
    answer = api.ask("POST", "/api/v2/silences", good | changes)
    assert answer.status_code == 400
    assert sentence in answer.text


def test_unknown_silences_are_404(api: Api) -> None:
    assert api.ask("GET", "/api/v2/silence/nope").status_code == 404
    assert api.ask("DELETE", "/api/v2/silence/nope").status_code == 404
    good = {"id": "nope", "matchers": [{"name": "a", "value": "b"}], "endsAt": _time(NOW + 60)}
    assert api.ask("POST", "/api/v2/silences", good).status_code == 404


def test_what_tools_look_at(api: Api) -> None:
    api.ask("POST", "/api/v2/alerts", [_firing(), _firing(shop="2", severity="ticket")])
    alerts = api.ask("GET", "/api/v2/alerts").json()
    assert {alert["receivers"][0]["name"] for alert in alerts} == {"page", "notify"}
    one = next(alert for alert in alerts if alert["labels"]["severity"] == "page")
    assert one["fingerprint"] == fingerprint(tuple(one["labels"].items()))
    assert one["startsAt"] == "2026-11-23T02:59:30.000Z"
    required = "annotations endsAt fingerprint generatorURL labels receivers startsAt status updatedAt"
    assert set(one) == set(required.split())
    assert len(api.ask("GET", "/api/v2/alerts", params={"filter": 'shop="2"'}).json()) == 1
    assert len(api.ask("GET", "/api/v2/alerts", params={"receiver": "pa.*"}).json()) == 1
    assert api.ask("GET", "/api/v2/alerts", params={"receiver": "("}).status_code == 400
    assert api.ask("GET", "/api/v2/alerts", params={"filter": "="}).status_code == 400
    groups = api.ask("GET", "/api/v2/alerts/groups").json()
    assert [group["receiver"]["name"] for group in groups] == ["page", "notify"]
    assert {name["name"] for name in api.ask("GET", "/api/v2/receivers").json()} >= {"page", "slack", "console"}
    assert api.ask("GET", "/api/v2/status").json()["versionInfo"]["version"] == "0.27.0"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_NAMES = st.sampled_from(["alertname", "probe", "job", "0"]) | st.text(max_size=5)
_TIMES = st.datetimes().map(lambda at: at.isoformat() + "Z")
_ALERT = st.fixed_dictionaries(
    {"labels": st.dictionaries(_NAMES, st.text(max_size=9)) | _JSON},
    optional={
        "annotations": st.dictionaries(st.text(max_size=5), st.text(max_size=20)) | _JSON,
        "startsAt": _TIMES | _JSON,
        "endsAt": _TIMES | _JSON,
        "generatorURL": _JSON,
        "status": st.sampled_from(["firing", "resolved"]) | _JSON,
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alerts=st.lists(_ALERT | _JSON, max_size=4), body=_JSON)
def test_nothing_posted_breaks_us(api: Api, alerts: list[Any], body: Any) -> None:
    assert api.ask("POST", "/api/v2/alerts", alerts).status_code in (200, 400)
    assert api.ask("POST", "/api/v2/alerts", body).status_code in (200, 400)
    assert api.ask("POST", "/webhooks/alertmanager", _webhook(*alerts)).status_code == 200
    assert api.ask("POST", "/api/v2/silences", body).status_code in (200, 400, 404)
    assert api.ask("GET", "/api/v2/alerts").status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Prometheus/2.42.0", "prometheus"),
        ("amtool/0.25", "amtool"),
        ("", "api"),
        ("(x)", "api"),
        ("vmalert", "vmalert"),
    ],
)
def test_senders(agent: str, name: str) -> None:
    assert sender(agent) == name


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-23T03:00:00.123456789Z", NOW + 0.123456),
        ("2026-11-23T11:00:00+08:00", NOW),
    ],
)
def test_times(value: Any, seconds: float | None) -> None:
    assert read_time(value, "startsAt") == seconds


@pytest.mark.parametrize("value", ["yesterday", "2026-11-23T03:00:00", 5, [], "9999-12-31T23:59:59-12:00"])
def test_bad_times(value: Any) -> None:
    with pytest.raises(BadAlert, match="is no time such as"):
        read_time(value, "startsAt")


def test_an_alert_without_times_is_believed_for_five_minutes() -> None:
    alert = read_alert({"labels": {"alertname": "A"}}, "amtool", NOW)
    assert (alert.status, alert.started_at, alert.expires_at) == (Status.FIRING, NOW, NOW + 300)


def test_a_negated_regular_expression_in_a_silence() -> None:
    given = {
        "matchers": [{"name": "a", "value": "b|c", "isRegex": True, "isEqual": False}, {"name": "d", "value": "e"}]
    }
    silence = read_silence(given | {"endsAt": _time(NOW + 60)}, NOW)
    assert silence.matchers == parse_matchers('a!~"b|c",d=e')
