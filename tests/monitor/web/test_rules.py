"""The API of rules and alerts, as Prometheus answers it."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alerts.rule import AlertingRule, Element, RecordingRule, RuleFailed, RuleGroup
from monitor.evaluator import Evaluator
from monitor.web.rules import _value, router

T = 1_800_000_000.5


def _query(expr: str, at: int) -> list[Element]:
    if expr == "broken":
        raise RuleFailed("too many series")
    value = {"m == 0": 0.0, "up": 1234.5}[expr]
    return [((("__name__", "m"), ("probe", "home")), value)]


def _evaluator() -> Evaluator:
    now = [T]
    evaluator = Evaluator(_query, lambda *sample: True, lambda alerts: None, clock=lambda: now[0], timer=lambda: 0.25)
    first = RuleGroup(
        "shop",
        "rules/shop.yml",
        10.0,
        (
            AlertingRule("Down", "m == 0", 0.0, 60.0, (("severity", "page"),), (("summary", "{{ $labels.probe }}"),)),
            AlertingRule("Slow", "up", 300.0),
            RecordingRule("r", "broken", (("kind", "x"),)),
        ),
        limit=5,
    )
    evaluator.apply([first, RuleGroup("empty", "rules/other.yml", 10.0)])
    evaluator.run_due()
    now[0] += 10
    evaluator.run_due()
    return evaluator


@pytest.fixture(scope="module")
def app() -> FastAPI:
    app = FastAPI()
    app.include_router(router(_evaluator()))
    return app


def get(app: FastAPI, path: str) -> tuple[int, Any]:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(path)

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


def names(app: FastAPI, path: str) -> list[str]:
    code, body = get(app, path)
    assert (code, body["status"]) == (200, "success")
    return [rule["name"] for group in body["data"]["groups"] for rule in group["rules"]]


def test_rules_with_their_state(app: FastAPI):
    _, body = get(app, "/api/v1/rules")
    [group, empty] = body["data"]["groups"]
    at = group.pop("lastEvaluation")
    assert at.startswith("2027-01-15T08:00:")
    assert at.endswith("Z")
    down, slow, record = group.pop("rules")
    assert group == {"name": "shop", "file": "rules/shop.yml", "interval": 10.0, "limit": 5, "evaluationTime": 0.0}
    assert empty["rules"] == []
    [alert] = down.pop("alerts")
    assert down == {
        "name": "Down",
        "query": "m == 0",
        "labels": {"severity": "page"},
        "annotations": {"summary": "{{ $labels.probe }}"},
        "duration": 0.0,
        "keepFiringFor": 60.0,
        "state": "firing",
        "health": "ok",
        "evaluationTime": 0.0,
        "lastEvaluation": at,
        "type": "alerting",
    }
    assert alert == {
        "labels": {"alertname": "Down", "probe": "home", "severity": "page"},
        "annotations": {"summary": "home"},
        "state": "firing",
        "activeAt": at,
        "value": "0e+00",
    }
    assert (slow["state"], slow["alerts"][0]["state"], slow["alerts"][0]["value"]) == (
        "pending",
        "pending",
        "1.2345e+03",
    )
    assert record == {
        "name": "r",
        "query": "broken",
        "labels": {"kind": "x"},
        "health": "err",
        "lastError": "too many series",
        "evaluationTime": 0.0,
        "lastEvaluation": at,
        "type": "recording",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=alert", ["Down", "Slow"]),
        ("type=record", ["r"]),
        ("rule_name[]=Slow&rule_name[]=r", ["Slow", "r"]),
        ("rule_group[]=empty", []),
        ("file[]=rules/shop.yml", ["Down", "Slow", "r"]),
        ("file[]=rules/none.yml", []),
        ('match[]={severity="page"}', ["Down"]),
        ('match[]={severity="page"}&match[]={kind=~"x|y"}', ["Down", "r"]),
    ],
)
def test_rules_can_be_chosen(app: FastAPI, query: str, found: list[str]):
    assert names(app, f"/api/v1/rules?{query}") == found


def test_alerts_can_be_left_out(app: FastAPI):
    _, body = get(app, "/api/v1/rules?exclude_alerts=true")
    assert [rule.get("alerts") for rule in body["data"]["groups"][0]["rules"]] == [[], [], None]


@pytest.mark.parametrize(
    ("query", "message"),
    [("type=both", "type is alert or record"), ("match[]=up[", "bracket"), ("match[]=1", "is not a selector")],
)
def test_what_is_refused(app: FastAPI, query: str, message: str):
    code, body = get(app, f"/api/v1/rules?{query}")
    assert (code, body["status"], body["errorType"]) == (400, "error", "bad_data")
    assert message in body["error"]


def test_pending_and_firing_alerts(app: FastAPI):
    _, body = get(app, "/api/v1/alerts")
    assert [(alert["labels"]["alertname"], alert["state"]) for alert in body["data"]["alerts"]] == [
        ("Down", "firing"),
        ("Slow", "pending"),
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.0, "1e+00"),
        (-0.5, "-5e-01"),
        (123456.0, "1.23456e+05"),
        (1e-300, "1e-300"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        (0.0, "0e+00"),
    ],
)
def test_values_are_written_as_go_writes_them(value: float, written: str):
    assert _value(value) == written
