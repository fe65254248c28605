import asyncio
import warnings

import httpx
import pytest
from fastapi import FastAPI

from monitor.heartbeats import Heartbeats
from monitor.store import Store
from monitor.web.heartbeat import router
from probes.base import Beat
from probes.heartbeat import HeartbeatSettings
from probes.settings import Secret


class Office:
    """The route, a real store, and a clock that stands until it is moved."""

    def __init__(self, url, token=None):
        self.now = 1_800_000_000.0
        self.url, self.told = url, []
        self.probe = HeartbeatSettings(name="import", type="heartbeat", token=token)
        self.open()

    def open(self):
        self.store = Store(self.url)
        self.heartbeats = Heartbeats(self.store, lambda: self.now)
        self.heartbeats.expect(["import"])
        self.app = FastAPI()
        elsewhere = {"export": "shard 2 of 3, and this is shard 1"}
        find = {"import": self.probe}.get
        self.app.include_router(router(self.heartbeats, find, self.told.append, lambda name: elsewhere.get(name, "")))

    def send(self, method="GET", path="/heartbeat/import", **more):
        async def ask():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        answer = asyncio.run(ask())
        return answer.status_code, answer.text.strip()

    @property
    def beat(self):
        return self.heartbeats.of("import")[1]


@pytest.fixture
def office(tmp_path):
    office = Office(f"sqlite:{tmp_path}/state.db")
    yield office
    office.store.close()


def test_a_report_to_the_wrong_machine_is_sent_to_the_right_one(office):
    """It is judged elsewhere: taken in here it would be lost."""
    assert office.send("POST", "/heartbeat/export") == (421, "'export' reports to shard 2 of 3, and this is shard 1")
    assert office.told == []
    code, said = office.send("POST", "/heartbeat/nobody")
    assert (code, said) == (404, "no heartbeat is called 'nobody'")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_report_is_kept_and_told(office, method):
    assert office.send(method) == (200, "ok")
    assert office.beat == Beat(office.now)
    assert office.told == ["import"]


@pytest.mark.parametrize(
    "more",
    [
        {"params": {"status": "fail", "message": "disk\n full"}},
        {"method": "POST", "params": {"status": "fail"}, "content": "disk\n full\0"},
    ],
)
def test_a_failure_says_why(office, more):
    assert office.send(**more) == (200, "ok")
    assert office.beat == Beat(office.now, False, "disk full")


def test_a_report_survives_a_restart(office):
    office.send(params={"status": "fail"})
    office.store.close()
    office.now += 60
    office.open()
    assert office.heartbeats.of("import") == (office.now - 60, Beat(office.now - 60, False, deaf=60.0))


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        ({"path": "/heartbeat/other"}, 404, "no heartbeat is called 'other'"),
        ({"params": {"status": "failed"}}, 400, "status is 'failed'; it must be ok or fail"),
        ({"params": {"ok": "false"}}, 400, "unknown parameter 'ok'; status and message are known"),
        ({"method": "POST", "content": b"x" * 10_001}, 413, "the message is longer than 10000 bytes"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(office, more, code, sentence):
    assert office.send(**more) == (code, sentence)
    assert office.beat is None
    assert office.told == []


def test_bytes_that_are_no_text_are_no_trouble(office):
    assert office.send("POST", content=b"\xff" * 5000) == (200, "ok")
    assert office.beat.message == "\N{REPLACEMENT CHARACTER}" * 500


def test_a_job_that_reports_too_often_is_refused_and_may_come_back(office):
    codes = [office.send()[0] for _ in range(12)]
    assert codes == [200] * 10 + [429] * 2
    office.now += 1
    assert [office.send()[0] for _ in range(2)] == [200, 429]


def test_a_token_is_wanted_where_one_is_configured(tmp_path):
    (tmp_path / "token").write_text("swordfish\n")
    office = Office(f"sqlite:{tmp_path}/state.db", Secret(file=tmp_path / "token"))
    wants = "this heartbeat wants its token, as the header Authorization: Bearer TOKEN"
    assert office.send() == (401, wants)
    assert office.send(headers={"Authorization": "Bearer swordfisch"}) == (401, wants)
    assert office.send(headers={b"Authorization": "Bearer schwertfisch-ä".encode()}) == (401, wants)
    assert office.send(headers={"Authorization": "Bearer swordfish"}) == (200, "ok")
    (tmp_path / "token").write_text("")
    assert office.send(headers={"Authorization": "Bearer "}) == (401, wants)
    (tmp_path / "token").unlink()
    assert office.send()[0] == 503
    office.store.close()


def test_a_store_that_fails_is_said_so_that_the_job_tries_again(office):
    office.store.close()
    assert office.send() == (503, "the store is closed; Shopwatch is stopping")
    assert office.beat is None


def test_the_description_of_the_api_has_each_operation_once(office):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(office.app.openapi()["paths"]["/heartbeat/{name}"]) == {"get", "post"}
