"""The query API answers as Prometheus' does, and survives whoever asks."""

import asyncio
import json
import warnings
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alerts.promql import Limits
from monitor.samples import Samples
from monitor.web.promjson import number_text
from monitor.web.query import router
from probes.base import Metric

NOW = 1_700_000_000.0
METRICS = [Metric("probe_success", "gauge", "1 if up."), Metric("probe_runs_total", "counter", "Runs.")]


def filled() -> Samples:
    samples = Samples()
    for tick in range(41):
        at = round((NOW - 600 + tick * 15) * 1000)
        for probe in ("home", "cart"):
            samples.append((("__name__", "probe_success"), ("probe", probe)), at, float(probe == "home"))
            samples.append((("__name__", "probe_runs_total"), ("probe", probe)), at, tick * 2.0)
    samples.append((("__name__", "long_gone"), ("probe", "old")), round((NOW - 3600) * 1000), 1)
    return samples


def ask(method: str, path: str, limits: Limits | None = None, **options: Any) -> tuple[int, Any]:
    app = FastAPI()
    app.include_router(router(filled(), lambda: NOW, lambda: METRICS, limits or Limits()))

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, "/api/v1" + path, **options)

    response = asyncio.run(send())
    assert response.headers["content-type"] == "application/json"
    return response.status_code, json.loads(response.content)


def get(path: str, **parameters: Any) -> tuple[int, Any]:
    return ask("GET", path, params=parameters)


def data(path: str, **parameters: Any) -> Any:
    status, answer = get(path, **parameters)
    assert (status, answer["status"]) == (200, "success"), answer
    return answer["data"]


def test_an_instant_query() -> None:
    assert data("/query", query="probe_success == 1") == {
        "resultType": "vector",
        "result": [{"metric": {"__name__": "probe_success", "probe": "home"}, "value": [1_700_000_000, "1"]}],
    }


def test_the_form_of_a_post_is_read() -> None:
    form = {"query": "vector(1.5)", "time": "1700000000.123"}
    status, answer = ask("POST", "/query", data=form)
    assert status == 200
    assert answer["data"]["result"] == [{"metric": {}, "value": [1_700_000_000.123, "1.5"]}]


def test_scalars_strings_and_ranges_of_samples() -> None:
    assert data("/query", query="1+1", time="1700000000") == {"resultType": "scalar", "result": [1_700_000_000, "2"]}
    assert data("/query", query='"x"')["result"] == [1_700_000_000, "x"]
    found = data("/query", query='probe_runs_total{probe="cart"}[30s]', time="2023-11-14T22:13:20Z")
    assert found["resultType"] == "matrix"
    assert found["result"][0]["values"] == [[1_699_999_985, "78"], [1_700_000_000, "80"]]


def test_a_range_query() -> None:
    found = data("/query_range", query="sum(rate(probe_runs_total[1m]))", start=NOW - 60, end=NOW, step="30s")
    assert found["resultType"] == "matrix"
    ((metric, values),) = [(one["metric"], one["values"]) for one in found["result"]]
    assert metric == {}
    assert [at for at, _ in values] == [NOW - 60, NOW - 30, NOW]
    assert [float(value) for _, value in values] == pytest.approx([0.2666] * 3, rel=1e-3)


def test_remarks_come_with_the_answer() -> None:
    _, answer = get("/query", query="rate(probe_success[1m])")
    assert answer["infos"] == [
        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
        '"probe_success" (1:6)'
    ]
    assert "warnings" not in answer


def test_series_labels_and_values() -> None:
    recent = NOW - 300
    found = data("/series", **{"match[]": ["probe_success", 'probe_success{probe="home"}'], "start": recent})
    assert found == [
        {"__name__": "probe_success", "probe": "home"},
        {"__name__": "probe_success", "probe": "cart"},
    ]
    assert data("/series", **{"match[]": "long_gone", "start": recent}) == []
    assert data("/labels") == ["__name__", "probe"]
    assert data("/labels", **{"match[]": "nothing"}) == []
    assert data("/label/probe/values") == ["cart", "home", "old"]
    assert data("/label/probe/values", limit=1) == ["cart"]
    assert data("/label/probe/values", **{"match[]": '{__name__=~"probe_.*"}'}) == ["cart", "home"]
    assert data("/label/nothing/values") == []


def test_metadata_and_version() -> None:
    assert data("/metadata", metric="probe_success") == {
        "probe_success": [{"type": "gauge", "help": "1 if up.", "unit": ""}]
    }
    assert set(data("/metadata")) == {"probe_success", "probe_runs_total"}
    assert data("/status/buildinfo")["version"].startswith("3.")


@pytest.mark.parametrize(
    ("path", "parameters", "sentence"),
    [
        ("/query", {}, 'invalid parameter "query": no expression found in input'),
        ("/query", {"query": "sum("}, 'invalid parameter "query": unclosed left parenthesis'),
        ("/query", {"query": "limitk(1, up)"}, "limitk is experimental"),
        ("/query", {"query": "up", "time": "soon"}, 'invalid parameter "time": cannot parse "soon"'),
        ("/query", {"query": "up", "time": "1e300"}, 'invalid parameter "time": cannot parse "1e300"'),
        ("/query", {"query": "up", "timeout": "-"}, 'invalid parameter "timeout"'),
        ("/query_range", {"query": "up", "start": 1, "end": 2}, 'invalid parameter "step": it is missing'),
        ("/query_range", {"query": "up", "start": 3, "end": 2, "step": 1}, "must not be before start"),
        ("/query_range", {"query": "up", "start": 1, "end": 2, "step": 0}, "zero or negative"),
        (
            "/query_range",
            {"query": "up[5m]", "start": 1, "end": 2, "step": 1},
            'invalid expression type "range vector"',
        ),
        ("/series", {}, "no match[] parameter provided"),
        ("/series", {"match[]": "sum(up)"}, "sum(up) is not a series selector"),
        ("/labels", {"match[]": "{}"}, "must contain at least one non-empty matcher"),
        ("/labels", {"limit": "-1"}, 'invalid parameter "limit"'),
        ("/labels", {"limit": "9" * 5000}, 'invalid parameter "limit"'),
    ],
)
def test_bad_parameters(path: str, parameters: dict[str, Any], sentence: str) -> None:
    status, answer = get(path, **parameters)
    assert (status, answer["status"], answer["errorType"]) == (400, "error", "bad_data")
    assert sentence in answer["error"]


def test_what_cannot_be_answered_is_422() -> None:
    status, answer = get("/query", query='label_replace(probe_success, "probe", "x", "", "")')
    assert (status, answer["errorType"]) == (422, "execution")
    assert answer["error"] == "vector cannot contain metrics with the same labelset"


def test_a_query_beyond_its_limits_is_refused() -> None:
    status, answer = ask("GET", "/query", Limits(samples=50), params={"query": "sum_over_time(probe_success[10m])"})
    assert (status, answer["errorType"]) == (422, "execution")
    assert "touches more than 50 samples" in answer["error"]
    status, answer = get("/query_range", query="up", start=0, end=NOW, step=1)
    assert (status, answer["errorType"]) == (422, "execution")
    assert "points in time" in answer["error"]


def test_a_query_that_takes_too_long_is_503() -> None:
    query = "sum(max_over_time(sum(probe_runs_total)[1d:1s]))"
    status, answer = get("/query", query=query, timeout="0.000001")
    assert (status, answer["errorType"]) == (503, "timeout")


def test_a_huge_form_is_refused() -> None:
    status, answer = ask("POST", "/query", content=b"query=" + b"1" * (2 << 20))
    assert (status, answer["errorType"]) == (400, "bad_data")


def test_numbers_are_written_as_prometheus_writes_them() -> None:
    written = {
        1.0: "1",
        0.1: "0.1",
        -0.0: "-0",
        1e20: "100000000000000000000",
        1e21: "1e+21",
        1.5e-7: "1.5e-7",
        1e-6: "0.000001",
        float("inf"): "+Inf",
        float("-inf"): "-Inf",
    }
    assert {value: number_text(value) for value in written} == written
    assert number_text(float("nan")) == "NaN"


def test_the_description_of_the_api_has_each_operation_once() -> None:
    app = FastAPI()
    app.include_router(router(filled(), lambda: NOW, lambda: METRICS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = app.openapi()["paths"]
    assert set(paths["/api/v1/query"]) == {"get", "post"}
    assert set(paths["/api/v1/metadata"]) == {"get"}
