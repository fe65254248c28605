"""Our own API: what people and scripts ask, and what a browser of somebody else's page may not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alerts.incident import Decision, State
from monitor.web.incidents import router
from tests.alerts.making import NOW, alert
from tests.monitor.making import Room, room


class Api:
    def __init__(self, made: Room) -> None:
        self.room = made
        self.app = FastAPI()
        self.app.include_router(router(made.desk, made.store, lambda: "https://watch.shop.example", made.time))

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://us/api/v1/") as client:
                return await client.request(method, path, json=body, **more)

        return asyncio.run(send())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with room(tmp_path, paging=False) as made:
        yield Api(made)


@pytest.fixture
def key(api: Api) -> str:
    answer = api.room.desk.submit(alert()).result(30)[0]
    assert isinstance(answer, Decision)
    assert answer.incident is not None
    return answer.incident.key


def test_incidents_are_listed_and_told_whole(api: Api, key: str) -> None:
    [one] = api.ask("GET", "incidents").json()["incidents"]
    assert (one["key"], one["state"], one["severity"], one["acked_by"]) == (key, "open", "page", None)
    assert one["headline"] == "Shoppers cannot finish checkout"
    assert one["runbook_url"] == "https://watch.shop.example/runbooks/CheckoutFailing"
    assert one["told"] == [{"notifier": "slack", "people": ["mei"]}] or one["told"][0]["people"] == ["ana"]
    whole = api.ask("GET", f"incidents/{key}").json()
    assert [line["kind"] for line in whole["story"]] == ["opened", "paged"]
    assert whole["outbox"] == [{"notifier": "slack", "kind": "page", "state": "pending", "error": ""}]
    assert api.ask("GET", "incidents/NOPE").status_code == 404


def test_ack_and_resolve(api: Api, key: str) -> None:
    answer = api.ask("POST", f"incidents/{key.lower()}/ack", {"by": "  mei  lin "})
    assert answer.json() == {"key": key, "state": "acked", "reason": "mei lin is on it (by the API)"}
    assert api.ask("POST", f"incidents/{key}/resolve", {"by": "mei"}).json()["state"] == "resolved"
    assert api.ask("GET", "incidents").json() == {"incidents": []}
    assert len(api.ask("GET", "incidents", params={"all": "true"}).json()["incidents"]) == 1
    assert api.ask("POST", "incidents/NOPE/ack", {"by": "mei"}).status_code == 404


@pytest.mark.parametrize("by", ["", "   ", "a\x00b"])
def test_nobody_cannot_ack(api: Api, key: str, by: str) -> None:
    answer = api.ask("POST", f"incidents/{key}/ack", {"by": by})
    assert (answer.status_code, answer.json()["detail"]) == (400, "say who you are: `by` is empty")


@pytest.mark.parametrize("path", ["incidents/{key}/ack", "incidents/{key}/resolve", "page-test", "silences"])
def test_another_sites_page_cannot_act(api: Api, key: str, path: str) -> None:
    """A form, or fetch without asking first, can send these types only."""

    async def send(kind: str) -> int:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://us/api/v1/") as client:
            headers = {"Content-Type": kind}
            return (await client.post(path.format(key=key), content=b'{"by": "x"}', headers=headers)).status_code

    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain;application/json",
    ):
        assert asyncio.run(send(kind)) in (415, 422)
    assert api.room.incident(key).incident.state is State.OPEN


def test_silences(api: Api, key: str) -> None:
    body = {"matchers": "probe=checkout", "for": "2h", "reason": "deploy", "by": "mei"}
    made = api.ask("POST", "silences", body).json()
    assert (made["matchers"], made["state"], made["ends_at"]) == ('probe="checkout"', "active", NOW + 7200)
    assert made["matches"] == [f"incident {key}"]
    assert api.room.incident(key).incident.state is State.SILENCED
    assert api.ask("GET", "incidents").json()["incidents"][0]["silenced_because"] == "deploy"
    assert api.ask("DELETE", f"silences/{made['id']}").json()["state"] == "expired"
    assert [one["state"] for one in api.ask("GET", "silences").json()["silences"]] == ["expired"]
    assert api.ask("DELETE", "silences/nope").status_code == 404


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"matchers": "probe"}, "'probe' is not a matcher"),
        ({"matchers": ""}, "an empty one would silence everything"),
        ({"for": "2"}, "'2' is not a duration"),
        ({"for": "0"}, "longer than nothing"),
        ({"reason": " "}, "give a reason"),
        ({"by": ""}, "say who you are"),
    ],
)
def test_bad_silences(api: Api, changes: dict[str, str], sentence: str) -> None:
    body = {"matchers": "probe=checkout", "for": "2h", "reason": "deploy", "by": "mei", **changes}
    answer = api.ask("POST", "silences", body)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]


def test_who_is_on_call(api: Api) -> None:
    [now] = api.ask("GET", "oncall").json()["oncall"]
    [later] = api.ask("GET", "oncall", params={"at": NOW + 7 * 86400}).json()["oncall"]
    assert {now["person"], later["person"]} == {"mei", "ana"}
    assert now["ends_at"] <= later["starts_at"]


def test_a_test_page(api: Api) -> None:
    key = api.ask("POST", "page-test", {"to": "phone", "by": "mei"}).json()["key"]
    assert [row["notifier"] for row in api.ask("GET", f"incidents/{key}").json()["outbox"]] == ["phone"]
    assert api.ask("POST", "page-test", {"to": "nobody", "by": "mei"}).status_code == 404


def test_a_store_that_is_gone_is_503(api: Api, key: str) -> None:
    api.room.store.close()
    assert api.ask("GET", "incidents").status_code == 503
    assert api.ask("POST", f"incidents/{key}/ack", {"by": "mei"}).status_code == 503
