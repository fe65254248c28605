"""Where an exemplar leads: the look itself, as far as it is remembered."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.web import looks, operators
from probes.base import Evidence, Finding, Outcome, ProbeSettings, Result, Sample, Step
from tests.monitor.prober.kinds import KINDS

NOW = 1_800_000_000.0
EVIDENCE = Evidence(
    "expected status 200, came 503", (Step("connect", Outcome.UP, 0.02),), (("status", "503"),), "<b>busy</b>"
)


def result(run_id, outcome=Outcome.UP, duration=0.2, evidence=None, reason=""):
    finding = Finding(outcome, reason, (Sample("a", 1.0),), evidence)
    return Result("home", "trivial", NOW, 0.25, duration, finding, run_id=run_id)


@pytest.fixture
def shop():
    exposition, latest = Exposition("here", KINDS), Latest()
    exposition.configure([ProbeSettings(name="home", type="trivial")], NOW)
    app = FastAPI()
    find = lambda run_id: latest.look(run_id) or exposition.look(run_id)  # noqa: E731 - as the service says it
    app.include_router(looks.router(find, operators.templates()))

    def take(*results):
        for one in results:
            exposition.update(one, NOW)
            latest.put(one)

    def get(path):
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                return await client.get(path)

        return asyncio.run(go())

    return exposition, take, get


def test_every_exemplar_on_the_page_leads_to_its_look(shop):
    exposition, take, get = shop
    take(result("a1"), result("a2", duration=0.7), result("d1", Outcome.DOWN, 3.0, EVIDENCE, "came 503"))
    found = [
        sample.exemplar
        for family in text_string_to_metric_families(exposition.openmetrics().decode())
        for sample in family.samples
        if sample.exemplar
    ]
    assert {exemplar.labels["run_id"] for exemplar in found} == {"a1", "a2", "d1"}
    for exemplar in found:
        told = get(f"/api/v1/looks/{exemplar.labels['run_id']}").json()
        assert told["seconds"] == exemplar.value
        assert told["ended_at"] == pytest.approx(float(exemplar.timestamp), abs=0.001)
        assert told["probe"] == "home"


def test_a_failed_look_comes_with_its_evidence(shop):
    _, take, get = shop
    take(result("d1", Outcome.DOWN, 3.0, EVIDENCE, "came 503"), result("d2", Outcome.DOWN, 3.0))
    page = get("/looks/d1").text
    assert "expected status 200, came 503" in page
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    assert "connect" in page
    told = get("/api/v1/looks/d1").json()
    assert (told["outcome"], told["reason"]) == ("down", "came 503")
    assert told["evidence"]["steps"][0]["name"] == "connect"
    assert told["numbers_url"].startswith("/api/v1/query?query=%7Bprobe%3D%22home%22%7D&time=1800000004.250")


def test_a_look_that_was_up_says_how_long_it_took(shop):
    _, take, get = shop
    take(result("a1"))
    page = get("/looks/a1").text
    assert "200 ms" in page
    assert get("/api/v1/looks/a1").json()["evidence"] is None


@pytest.mark.parametrize("run_id", ["b1", "", "%00", "x" * 5000])
def test_a_look_that_is_not_remembered_says_what_is(shop, run_id):
    _, take, get = shop
    take(result("a1"), result("a2"))
    for path in "/looks", "/api/v1/looks":
        assert get(f"{path}/{run_id}").status_code == 404
    assert "the newest of each bar" in get("/looks/a1").json()["detail"], "a2 has taken its place"


def test_no_more_than_two_thousand_failures_are_remembered():
    latest = Latest()
    for number in range(2005):
        latest.put(result(f"d{number}", Outcome.DOWN))
    assert latest.look("d4") is None
    assert latest.look("d5").run_id == "d5"
    assert latest.look("") is None
