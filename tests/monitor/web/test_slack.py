"""Only Slack is believed, once and in time; what it says reaches the desk, and nothing it says breaks us."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.incident import State
from monitor.store import outbox
from monitor.web.slack import is_signed, router
from probes.settings import Secret
from tests.alerts.making import NOW, alert
from tests.monitor.making import Room, Time, room

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # the example of Slack's documentation


def _sign(body: bytes, stamp: str, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


class Slack:
    """Slack's side of the conversation."""

    def __init__(self, made: Room, secrets: list[Secret]) -> None:
        self.room = made
        app = FastAPI()
        app.include_router(router(made.desk, made.store, lambda: secrets, made.time))
        self.app = app
        self.count = 0

    def post(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
                return await client.post("/slack/events", content=body, headers=headers)

        return asyncio.run(send())

    def signed(self, body: bytes, content_type: str = "application/x-www-form-urlencoded") -> httpx.Response:
        self.count += 1
        stamp = str(int(self.room.time.now) - self.count % 200)  # each request is signed anew
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": _sign(body, stamp)}
        return self.post(body, headers | {"Content-Type": content_type})

    def click(self, action: str, value: str, user: Any = None) -> httpx.Response:
        payload = {
            "type": "block_actions",
            "user": user or {"id": "U012ABC", "username": "mei.lin"},
            "actions": [{"action_id": action, "value": value, "type": "button"}],
        }
        return self.signed(urlencode({"payload": json.dumps(payload)}).encode())


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[Slack]:
    with room(tmp_path, clock=Time(), paging=False) as made:
        yield Slack(made, [Secret("another app's secret"), Secret(SECRET)])


@pytest.fixture
def key(slack: Slack) -> str:
    decision = slack.room.desk.submit(alert()).result(30)[0]
    assert not isinstance(decision, Exception)
    assert decision.incident is not None
    return decision.incident.key


def test_a_click_on_ack_reaches_the_incident_and_the_outbox(slack: Slack, key: str) -> None:
    answer = slack.click("ack", key)
    assert (answer.status_code, answer.content) == (200, b"")
    stored = slack.room.incident(key)
    assert stored.incident.ack is not None
    assert (stored.incident.ack.by, stored.incident.ack.via) == ("mei", "Slack")
    tellings = slack.room.store.transaction(lambda connection: outbox.of_incident(connection, stored.id))
    assert [(notifier, kind) for notifier, kind, _, _ in tellings] == [("slack", "page"), ("slack", "news")]


def test_a_double_click_tells_once(slack: Slack, key: str) -> None:
    slack.click("ack", key)
    before = slack.room.incident(key)
    assert slack.click("ack", key).status_code == 200
    assert slack.room.incident(key) == before


def test_a_click_on_resolve(slack: Slack, key: str) -> None:
    slack.click("resolve", key, {"id": "U0STRANGER", "name": "kofi"})
    incident = slack.room.incident(key).incident
    assert incident.state is State.RESOLVED
    assert incident.resolved is not None
    assert incident.resolved.by == "kofi"
    assert slack.click("ack", key).status_code == 200
    assert slack.room.incident(key).incident.state is State.RESOLVED


def test_a_click_on_silence_lasts_an_hour(slack: Slack, key: str) -> None:
    slack.click("silence", key)
    incident = slack.room.incident(key).incident
    assert incident.state is State.SILENCED
    assert incident.hush is not None
    assert (incident.hush.by, incident.hush.until) == ("mei", slack.room.time.now + 3600)


@pytest.mark.parametrize("action", ["ack", "resolve", "silence", "runbook", ""])
def test_a_click_on_what_is_not_known_is_answered(slack: Slack, action: str) -> None:
    assert slack.click(action, "NOPE").status_code == 200


def test_the_url_is_verified(slack: Slack) -> None:
    answer = slack.signed(b'{"type": "url_verification", "challenge": "abc"}', "application/json")
    assert (answer.status_code, answer.text) == (200, "abc")


def test_the_same_request_again_is_a_replay(slack: Slack, key: str) -> None:
    body, stamp = b"payload={}", str(int(NOW))
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": _sign(body, stamp)}
    assert slack.post(body, headers).status_code == 200
    assert slack.post(body, headers).status_code == 401
    slack.room.time.now += 299
    assert slack.post(body, headers).status_code == 401


@pytest.mark.parametrize("age", [-301, 301, 10**6])
def test_a_request_out_of_time_is_not_believed(slack: Slack, age: int) -> None:
    body, stamp = b"payload={}", str(int(NOW) - age)
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": _sign(body, stamp)}
    assert slack.post(body, headers).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": str(int(NOW))},
        {"X-Slack-Request-Timestamp": "nonsense", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "9" * 5000, "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": "1e400", "X-Slack-Signature": "v0=00"},
        {"X-Slack-Request-Timestamp": str(int(NOW)), "X-Slack-Signature": "v0=ü".encode().decode("latin-1")},
        {"X-Slack-Request-Timestamp": str(int(NOW)), "X-Slack-Signature": _sign(b"payload={}", str(int(NOW)), "no")},
    ],
)
def test_whatever_is_wrong_with_a_signature_is_401(slack: Slack, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    assert slack.post(b"payload={}", raw).status_code == 401  # type: ignore[arg-type]  # bytes are what the wire has


def test_bytes_that_are_no_text_are_401(slack: Slack) -> None:
    assert slack.signed(b"payload=\xff\xfe").status_code == 401  # Slack's library cannot verify what is not UTF-8


def test_too_large_a_body_is_refused_before_it_is_read_whole(slack: Slack) -> None:
    assert slack.signed(b"x" * (2 << 20)).status_code == 413


def test_without_a_secret_nobody_is_believed(tmp_path: Path) -> None:
    assert not is_signed(b"", str(int(NOW)), _sign(b"", str(int(NOW))), [], lambda: NOW)
    assert not is_signed(b"", str(int(NOW)), _sign(b"", str(int(NOW)), ""), [Secret("")], lambda: NOW)
    gone = Secret(file=tmp_path / "gone")
    assert not is_signed(b"", str(int(NOW)), _sign(b"", str(int(NOW))), [gone], lambda: NOW)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
_CLICK = st.fixed_dictionaries(
    {"type": st.sampled_from(["block_actions", "url_verification", "view_submission"]) | _JSON},
    optional={
        "user": st.fixed_dictionaries({}, optional={"id": _JSON, "name": _JSON}) | _JSON,
        "challenge": _JSON,
        "actions": st.lists(
            st.fixed_dictionaries(
                {}, optional={"action_id": st.just("ack") | st.just("silence") | _JSON, "value": _JSON}
            )
            | _JSON,
            max_size=3,
        )
        | _JSON,
    },
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=_CLICK | _JSON, as_form=st.booleans())
def test_no_signed_payload_breaks_us(slack: Slack, payload: Any, as_form: bool) -> None:
    text = json.dumps(payload)
    slack.room.time.now += 1000  # so that no signature comes twice
    body = urlencode({"payload": text}).encode() if as_form else text.encode()
    kind = "application/x-www-form-urlencoded" if as_form else "application/json"
    assert slack.signed(body, kind).status_code == 200


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), stamp=st.text(max_size=20), signature=st.text(max_size=80))
def test_no_stranger_is_believed(body: bytes, stamp: str, signature: str) -> None:
    assert not is_signed(body, stamp, signature, [Secret(SECRET)], lambda: NOW)


def test_deep_json_is_no_stack_overflow(slack: Slack) -> None:
    assert slack.signed(b"[" * 100_000, "application/json").status_code == 200


def test_a_store_that_fails_is_503(slack: Slack, key: str) -> None:
    slack.room.store.close()
    assert slack.click("ack", key).status_code == 503
