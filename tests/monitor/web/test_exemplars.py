"""Exemplars, as a real Prometheus stores and answers them."""

import time

import pytest
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor.metrics import Exposition
from monitor.web.metrics import router
from probes.base import Finding, Metric, Outcome, Probe, ProbeSettings, Result, Run, Sample
from tests.monitor.test_service import config
from tests.monitor.web.serving import serve
from tests.prometheus import prometheus
from tests.servers import until
from tests.service import service
from tests.site import site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class Stranger(Probe[ProbeSettings]):
    """An outside package's, with metrics in no good form."""

    settings_model = ProbeSettings
    metrics = (
        Metric("orders_total", "counter", 'Sold "today" \\ \n.'),
        Metric("visits", "counter", ""),
        Metric("wait", "histogram", "Waiting."),
        Metric("mood", "nonsense", "Of the shop."),
    )

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP)


class Kinds:
    def get(self, name):
        return Stranger


NASTY = Sample("odd", float("inf"), (("text", 'a"b\\c\nd{}#,\r é'),))
SAMPLES = (
    NASTY,
    Sample("orders_total", -5.0),
    Sample("visits", 7.0),
    Sample("mood", float("nan")),
    Sample("wait_bucket", 1.0, (("le", "0.5"),)),
    Sample("wait_count", 4.0),
)


def look(run_id, outcome=Outcome.UP, duration=0.2, reason=""):
    finding = Finding(outcome, reason, SAMPLES)
    return Result("home", "stranger", time.time() - duration, 0.0, duration, finding, run_id=run_id)


def test_prometheus_stores_the_look_behind_each_bar(tmp_path):
    exposition = Exposition("here", Kinds())
    exposition.configure([ProbeSettings(name="home", type="stranger")], time.time())
    reason = 'expected status 200, came 503 \\ "busy" ' + "x" * 200
    found = [look("a1"), look("a2", Outcome.DOWN, 7.5, reason)]
    for one in found:
        exposition.update(one, time.time())
    app = FastAPI()
    app.include_router(router(exposition))
    with serve(app) as url, prometheus(tmp_path, [url.removeprefix("http://")]) as running:

        def stored(name):
            answer = running.get(
                "/api/v1/query_exemplars", query=name, start=str(time.time() - 600), end=str(time.time() + 600)
            )
            return {
                exemplar["labels"]["run_id"]: (one["seriesLabels"], exemplar)
                for one in answer
                for exemplar in one["exemplars"]
            }

        until(lambda: len(stored("probe_latency_seconds_bucket")) == 2, "both exemplars")
        labels, exemplar = stored("probe_latency_seconds_bucket")["a2"]
        assert (labels["probe"], labels["outcome"], labels["le"]) == ("home", "down", "10.0")
        assert float(exemplar["value"]) == 7.5
        assert exemplar["timestamp"] == pytest.approx(found[1].at, abs=0.002)
        assert exemplar["labels"]["reason"].startswith("expected status 200, came 503 \N{SET MINUS} 'busy' xxx")
        assert stored("probe_results_total").keys() == {"a2"}
        assert stored('probe_latency_seconds_bucket{outcome="up"}').keys() == {"a1"}

        exposition.update(look("a3"), time.time())
        until(lambda: "a3" in stored("probe_latency_seconds_bucket"), "the newer look of the same bar")
        assert "a1" in stored("probe_latency_seconds_bucket"), "Prometheus keeps the older ones"

        numbers = {one["metric"]["__name__"]: one["value"][1] for one in running.query('{probe="home"}')}
        assert (numbers["orders_total"], numbers["visits"], numbers["wait_count"]) == ("-5", "7", "4")
        assert [one["metric"]["text"] for one in running.query("odd")] == [NASTY.labels[0][1]]
        kinds = running.get("/api/v1/metadata")
        assert kinds["probe_latency_seconds"][0]["type"] == "histogram"
        assert kinds["probe_results"][0]["type"] == "counter"


def test_from_the_bar_of_a_running_shopwatch_to_what_that_look_saw(tmp_path):
    with site() as page, service(tmp_path, config(tmp_path, page)) as shop:
        page.status = 500

        def failed():
            text = shop.client.get("/metrics", headers={"accept": "application/openmetrics-text"}).text
            found = [
                sample.exemplar
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.exemplar and sample.labels["outcome"] == "down"
            ]
            return found[0].labels if found else None

        until(failed, "an exemplar of a failed look")
        labels = failed()
        assert "500" in labels["reason"]
        assert "500" in shop.client.get(f"/looks/{labels['run_id']}").text
        told = shop.client.get(f"/api/v1/looks/{labels['run_id']}").json()
        assert (told["probe"], told["outcome"]) == ("home", "down")
        assert dict(told["evidence"]["facts"])["status"] == "500"
        numbers = shop.client.get(told["numbers_url"]).json()["data"]["result"]
        assert [one["value"][1] for one in numbers if one["metric"]["__name__"] == "probe_http_status_code"] == ["500"]
        until(lambda: "run_id" in shop.output, "the page to say which look proves it")
