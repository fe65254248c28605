"""The evaluator and a real Prometheus give the same answers to generated queries over generated samples.

Debian's Prometheus is 2.42, which includes the left end of ranges, look-back and subqueries, where Prometheus 3 (and
we) leave it out. So samples are taken 7 ms after even seconds, and queries ask half a second after: nothing ever lies
on a boundary. For the same reason counters never come near zero, where the two extrapolate differently.
"""

import json
import math
import random
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.promql import Engine, PromqlError, Scalar, Vector
from tests.alerts.promql.series import PlainStorage
from tests.programs import require_program
from tests.servers import free_port

pytestmark = pytest.mark.integration

_BASE = 1_700_000_000
_TICKS = 120
_STEP = 15


def _generated() -> PlainStorage:
    """Gauges, counters with resets, histograms; some with gaps, one that begins late, one that ends early."""
    chance, storage = random.Random(11), PlainStorage()
    for job in ("a", "b", "c"):
        for instance in ("1", "2"):
            ticks = [tick for tick in range(_TICKS) if job != "c" or not 40 < tick < 70]
            ticks = (
                ticks[60:] if (job, instance) == ("b", "2") else ticks[:50] if (job, instance) == ("a", "2") else ticks
            )
            times = [(_BASE + tick * _STEP) * 1000 + 7 for tick in ticks]
            storage.add("temperature", [(at, chance.uniform(-50, 50)) for at in times], job=job, instance=instance)
            storage.add("flapping", [(at, float(chance.random() < 0.5)) for at in times], job=job, instance=instance)
            count, points = 10_000.0, []
            for at in times:
                count = 10_000.0 + chance.randrange(100) if chance.random() < 0.05 else count + chance.randrange(50)
                points.append((at, count))
            storage.add("requests_total", points, job=job, instance=instance, mode="x")
            totals = [20_000.0, 40_000.0, 45_000.0]
            buckets: list[list[tuple[int, float]]] = [[], [], []]
            for at in times:
                growth = chance.randrange(1, 20)
                for index, bound in enumerate(buckets):
                    totals[index] += growth + index
                    bound.append((at, totals[index]))
            for le, points in zip(("0.1", "1", "+Inf"), buckets, strict=True):
                storage.add("latency_bucket", points, job=job, instance=instance, le=le)
    return storage


STORAGE = _generated()
ENGINE = Engine(STORAGE)


def _openmetrics() -> str:
    lines = []
    for series in STORAGE.series:
        pairs = dict(series.labels)
        name = pairs.pop("__name__")
        labels = ",".join(f'{key}="{value}"' for key, value in pairs.items())
        lines += [f"{name}{{{labels}}} {value!r} {at / 1000:.3f}" for at, value in series.points]
    return "\n".join(lines) + "\n# EOF\n"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that holds the generated samples."""
    server, tool = require_program("prometheus"), require_program("promtool")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    (folder / "samples.txt").write_text(_openmetrics())
    (folder / "prometheus.yml").write_text("{}")
    data = folder / "data"
    subprocess.run(
        [tool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "samples.txt"), str(data)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    port = free_port()
    process = subprocess.Popen(
        [
            server,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address + "/-/ready", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"Prometheus did not become ready: {log.read_text()[-2000:]}")


def _theirs(address: str, path: str, **parameters: Any) -> Any:
    """Prometheus' answer as {labels: {time: value}}, or the text of its error."""
    url = f"{address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            data = json.load(response)["data"]
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]
    if data["resultType"] == "scalar":
        return {(): _points([data["result"]])}
    return {
        tuple(sorted(one["metric"].items())): _points(one.get("values") or [one["value"]]) for one in data["result"]
    }


def _points(points: list[tuple[float, str]]) -> dict[int, float]:
    return {round(at * 1000): float(value) for at, value in points}


def _ours_instant(query: str, at_ms: int) -> Any:
    try:
        answer = ENGINE.instant(query, at_ms)
    except PromqlError as error:
        return str(error)
    if isinstance(answer, Scalar):
        return {(): {at_ms: answer.value}}
    assert isinstance(answer, Vector)
    return {sample.labels: {at_ms: sample.value} for sample in answer.samples}


def _ours_range(query: str, start_ms: int, end_ms: int, step_ms: int) -> Any:
    try:
        answer = ENGINE.range(query, start_ms, end_ms, step_ms)
    except PromqlError as error:
        return str(error)
    return {series.labels: dict(series.points) for series in answer.series}


def _close(a: float, b: float) -> bool:
    return (a != a and b != b) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str) or isinstance(theirs, str):
        return isinstance(ours, str) and isinstance(theirs, str)
    return ours.keys() == theirs.keys() and all(
        ours[labels].keys() == theirs[labels].keys()
        and all(_close(value, theirs[labels][at]) for at, value in ours[labels].items())
        for labels in ours
    )


modifiers = st.sampled_from(["", "", "", " offset 1m", " offset -2m", f" @ {_BASE + 900}.5", " @ end()", " @ start()"])
selectors = st.sampled_from(
    ["temperature", "flapping", "requests_total", 'temperature{job!="a"}', 'flapping{instance=~"1|3"}', "nothing"]
)
simple = st.builds("{}{}".format, selectors, modifiers)
ranges = st.sampled_from(["[1m]", "[2m]", "[5m]", "[10m]"])
sampled = st.builds("{}{}{}".format, selectors, ranges, modifiers)
counted = st.builds("{}{}{}".format, st.sampled_from(["requests_total", "latency_bucket"]), ranges, modifiers)
of_counters = st.sampled_from(["rate", "increase", "irate"])
over = st.sampled_from(
    ["delta", "idelta", "deriv", "changes", "resets", "absent_over_time", "present_over_time", "last_over_time"]
    + [f"{name}_over_time" for name in ("sum", "avg", "min", "max", "count", "stddev", "stdvar")]
)
plain = st.sampled_from(["abs", "ceil", "floor", "sqrt", "exp", "ln", "sgn", "-", "round"])
joins = st.sampled_from(
    ["+ on(job, instance)", "> ignoring(mode)", "* on(job, instance) group_left()", "and on(job)", "+ on(job)"]
)
binary = joins | st.sampled_from(["+", "-", "*", "/", "%", ">", "<= bool", "==", "and", "or", "unless"])
with_number = st.sampled_from(["+", "/", "^", "<", "!= bool"])
groupings = st.sampled_from(["sum by (job) ", "max by (job) ", "avg without (instance) ", "count without (job, mode) "])
aggregates = groupings | st.sampled_from(["sum", "avg", "min", "max", "count", "group", "quantile(0.7, "])


def _aggregated(operator: str, vector: str) -> str:
    return f"{operator}{vector})" if operator.endswith(", ") else f"{operator}({vector})"


def _vectors(windows: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Queries that answer a vector, with functions over these windows."""
    vectors: st.SearchStrategy[str] = st.deferred(lambda: simple | leaves | branches)
    leaves = st.one_of(
        st.builds("{}({})".format, over, windows),
        st.builds("quantile_over_time({}, {})".format, st.sampled_from(["0.5", "0.99", "1.5"]), windows),
        st.builds("{}({})".format, of_counters, counted),
        # Without @: there 2.42 answers other numbers at later steps than at the first.
        st.builds("predict_linear({}{} offset 1m, 300)".format, selectors, ranges),
        # Only of finite numbers: 2.42 answers 0 for a single NaN, Prometheus 3 NaN.
        st.builds("{}({})".format, st.sampled_from(["stddev", "stdvar", "stddev by (job)"]), simple),
        # Only of finite numbers: what Go makes of the hour of NaN depends on the processor.
        st.builds("{}({})".format, st.sampled_from(["hour", "minute", "day_of_week", "year", "timestamp"]), simple),
        st.builds("topk(2, {})".format, st.sampled_from(["temperature", "requests_total"])),
        st.builds(
            "histogram_quantile({}, rate(latency_bucket{}))".format, st.sampled_from(["0.5", "0.9", "-1"]), ranges
        ),
        st.just("histogram_quantile(0.9, sum by (le, job) (rate(latency_bucket[5m])))"),
    )
    branches = st.one_of(
        st.builds("{}({})".format, plain, vectors),
        st.builds("({} {} {})".format, vectors, binary, vectors),
        st.builds("({} {} {})".format, vectors, with_number, st.sampled_from(["0", "2", "-1"])),
        st.builds(_aggregated, aggregates, vectors),
        st.builds("absent({})".format, vectors),
        st.builds("clamp({}, -1, 20)".format, vectors),
        st.builds('label_replace({}, "new", "$1-x", "job", "(.*)")'.format, vectors),
        st.builds('label_join({}, "new", "/", "job", "instance")'.format, vectors),
        st.builds("vector(scalar({}))".format, vectors),
    )
    return vectors


# A subquery in a subquery would be asked at the multiples of its step: on a boundary, where the two differ.
subqueries = st.builds(
    "({})[{}]{}".format,
    _vectors(sampled),
    st.sampled_from(["5m:30s", "3m:1m", "2m:7s", "1m:"]),
    st.sampled_from(["", " offset 1m"]),
)
queries = _vectors(sampled | subqueries)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries, seconds=st.integers(-100, _TICKS * _STEP + 400))
def test_instant_queries(prometheus: str, query: str, seconds: int) -> None:
    at = (_BASE + seconds) * 1000 + 500
    ours, theirs = _ours_instant(query, at), _theirs(prometheus, "query", query=query, time=at / 1000)
    assert _same(ours, theirs), f"{query} at {at / 1000}: ours {ours}, theirs {theirs}"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=queries, seconds=st.integers(-100, 1500), step=st.sampled_from([15, 17, 60, 240]))
def test_range_queries(prometheus: str, query: str, seconds: int, step: int) -> None:
    start = (_BASE + seconds) * 1000 + 500
    end = start + 600_000
    ours = _ours_range(query, start, end, step * 1000)
    theirs = _theirs(prometheus, "query_range", query=query, start=start / 1000, end=end / 1000, step=step)
    assert _same(ours, theirs), f"{query} from {start / 1000} step {step}: ours {ours}, theirs {theirs}"


@pytest.mark.parametrize(
    "selector",
    [
        '{__name__!=""}',
        '{job!=""}',
        '{__name__!~""}',
        '{job!~"|a"}',
        '{mode!~".*"}',
        '{mode!~"^$"}',
        '{job=~".+"}',
        '{mode="",job!=""}',
        '{job!="a",instance!~"1|"}',
        'temperature{mode!=""}',
        'temperature{mode=""}',
        'temperature{__name__!="temperature"}',
        "{}",
        '{job=""}',
        '{job=~""}',
        '{job=~"a|"}',
        '{job=~".*"}',
        '{job!~".+"}',
        '{job!="a"}',
        '{job!~"a"}',
        '{mode!="",}',
        "{!=}",
        '{job!=="a"}',
    ],
)
def test_which_selectors_are_taken_and_what_they_find(prometheus: str, selector: str) -> None:
    at = (_BASE + 600) * 1000 + 500
    ours, theirs = _ours_instant(selector, at), _theirs(prometheus, "query", query=selector, time=at / 1000)
    assert _same(ours, theirs), f"{selector}: ours {ours}, theirs {theirs}"
