import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as families_of_text

from monitor.metrics import Exposition
from probes.base import Finding, Metric, Outcome, Probe, ProbeSettings, Result, Run, Sample

NOW = 1_800_000_000.0


class Kinds:
    """One kind that promises these metrics, as an outside package's may."""

    def __init__(self, *metrics):
        self._metrics = metrics

    def get(self, name):
        class Stranger(Probe[ProbeSettings]):
            settings_model = ProbeSettings
            metrics = self._metrics

            async def check(self, run: Run) -> Finding:
                return Finding(Outcome.UP)

        return Stranger


def exposition(*metrics, names=("home",)):
    made = Exposition("here", Kinds(*metrics))
    made.configure([ProbeSettings(name=name, type="stranger") for name in names], NOW)
    return made


def result(samples=(), outcome=Outcome.UP, duration=0.2, run_id="a1b2", slot=NOW, reason="", name="home", extra=False):
    return Result(name, "stranger", slot, 0.0, duration, Finding(outcome, reason, tuple(samples)), extra, run_id)


def read(exposition):
    """The families of the page by name, as a strict reader sees them."""
    return {family.name: family for family in text_string_to_metric_families(exposition.openmetrics().decode())}


def exemplars(exposition, family, suffix):
    return {
        (sample.labels["outcome"], sample.labels.get("le")): sample.exemplar
        for sample in read(exposition)[family].samples
        if sample.name == family + suffix and sample.exemplar
    }


def test_a_bar_of_the_histogram_leads_to_its_newest_look():
    page = exposition()
    for number, duration in enumerate((0.2, 0.24, 0.04)):
        page.update(result(duration=duration, run_id=f"a{number}", slot=NOW + number), NOW)
    page.update(result(outcome=Outcome.DOWN, duration=77.0, run_id="d1", slot=NOW + 9, reason="refused"), NOW)
    found = exemplars(page, "probe_latency_seconds", "_bucket")
    assert found.keys() == {("up", "0.05"), ("up", "0.25"), ("down", "+Inf")}
    newest = found["up", "0.25"]
    assert (newest.labels, newest.value, float(newest.timestamp)) == ({"run_id": "a1"}, 0.24, NOW + 1.24)
    assert found["down", "+Inf"].labels == {"run_id": "d1", "reason": "refused"}


def test_what_failed_has_an_exemplar_where_it_is_counted():
    page = exposition()
    page.update(result(run_id="a1"), NOW)
    assert exemplars(page, "probe_results", "_total") == {}
    page.update(result(outcome=Outcome.DEGRADED, run_id="a2", duration=0.7), NOW)
    page.update(result(outcome=Outcome.DEGRADED, run_id="a3", duration=0.6), NOW)
    ((of, exemplar),) = exemplars(page, "probe_results", "_total").items()
    assert (of, exemplar.labels["run_id"], exemplar.value) == (("degraded", None), "a3", 0.6)


@pytest.mark.parametrize("look", [{"extra": True}, {"run_id": ""}])
def test_a_look_that_is_not_counted_or_was_none_is_no_exemplar(look):
    page = exposition()
    page.update(result(outcome=Outcome.DOWN, **look), NOW)
    assert b" # {" not in page.openmetrics()


def test_exemplars_are_on_no_other_page():
    page = exposition()
    page.update(result(outcome=Outcome.DOWN, reason="refused"), NOW)
    assert b"run_id" not in page.text()
    assert b"refused" not in page.text()


@given(st.text(max_size=200), st.text("0123456789abcdef", min_size=1, max_size=20))
def test_an_exemplar_is_never_longer_than_allowed(reason, run_id):
    page = exposition()
    page.update(result(outcome=Outcome.DOWN, reason=reason, run_id=run_id), NOW)
    (exemplar,) = exemplars(page, "probe_results", "_total").values()
    assert exemplar.labels["run_id"] == run_id
    assert sum(len(name) + len(value) for name, value in exemplar.labels.items()) <= 128
    shown = exemplar.labels.get("reason", "")
    assert not set(shown) & set('"\\\n'), "readers disagree on escapes within exemplars"
    if len(reason) < 90 and not set(reason) & set('"\\\n\0'):
        assert shown == reason


def test_a_counter_s_family_is_named_without_its_end():
    page = exposition(Metric("orders_total", "counter", 'What "sold".'), Metric("visits", "counter", "Came."))
    page.update(result([Sample("orders_total", 5.0), Sample("visits", 7.0)]), NOW)
    families = read(page)
    assert (families["orders"].type, families["orders"].documentation) == ("counter", 'What "sold".')
    assert families["orders"].samples[0].name == "orders_total"
    assert families["visits"].type == "unknown"
    assert families["probe_slots"].type == "counter"
    assert families["process_cpu_seconds"].type == "counter"
    assert families["process_resident_memory_bytes"].type == "gauge"


@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_a_counter_that_counts_backwards_says_no_more_that_it_is_one(value):
    page = exposition(Metric("orders_total", "counter", "Sold."))
    page.update(result([Sample("orders_total", value)]), NOW)
    assert read(page)["orders_total"].type == "unknown"
    page.update(result([Sample("orders_total", 1.0)]), NOW)
    assert read(page)["orders"].type == "counter"


@pytest.mark.parametrize("other", ["orders", "orders_created"])
def test_of_two_families_that_could_mean_the_same_name_neither_is_lost(other):
    page = exposition(Metric("orders_total", "counter", "Sold."), Metric(other, "gauge", "Open."))
    page.update(result([Sample("orders_total", 5.0), Sample(other, 3.0)]), NOW)
    families = read(page)
    assert (families["orders_total"].type, families[other].type) == ("unknown", "gauge")
    assert (families["orders_total"].samples[0].value, families[other].samples[0].value) == (5.0, 3.0)


def histogram(name="wait", buckets=((1.0, "0.5"), (2.0, "+Inf")), total=1.5, count=2.0, labels=()):
    bars = [Sample(f"{name}_bucket", value, (*labels, ("le", bound))) for value, bound in buckets]
    return [*bars, Sample(f"{name}_sum", total, labels), Sample(f"{name}_count", count, labels)]


def test_a_whole_histogram_is_one_whoever_brings_it():
    page = exposition(Metric("wait", "histogram", "Waiting."))
    page.update(result([*histogram(labels=(("q", "a"),)), *histogram(labels=(("q", "b"),))]), NOW)
    families = read(page)
    assert families["wait"].type == "histogram"
    assert len(families["wait"].samples) == 8


@pytest.mark.parametrize(
    "samples",
    [
        histogram(buckets=((1.0, "0.5"),)),
        histogram(buckets=((3.0, "0.5"), (2.0, "+Inf"))),
        histogram(buckets=((1.0, "0.5"), (2.0, "0.1"), (2.0, "+Inf"))),
        histogram(buckets=((1.0, "0.5"), (2.0, "inf"))),
        histogram(buckets=((1.5, "0.5"), (2.0, "+Inf"))),
        histogram(buckets=((1.0, "much"), (2.0, "+Inf"))),
        histogram(buckets=((1.0, "-0.5"), (2.0, "+Inf"))),
        histogram(count=3.0),
        histogram(total=math.nan),
        histogram()[:-1],
        histogram()[1:][::-1],
        [Sample("wait", 1.0), *histogram()],
        [Sample("wait_bucket", 2.0), *histogram()[2:]],
        [*histogram()[:2], Sample("wait_sum", 1.5, (("q", "a"),)), Sample("wait_count", 2.0)],
        [*histogram(), *histogram(labels=(("q", "b"),))[::-1]],
    ],
)
def test_a_histogram_that_is_none_is_shown_number_by_number(samples):
    page = exposition(Metric("wait", "histogram", "Waiting."))
    page.update(result(samples), NOW)
    families = read(page)
    assert "wait" not in families or families["wait"].type == "unknown"
    shown = [sample for name, family in families.items() if name.startswith("wait") for sample in family.samples]
    assert len(shown) == len(samples)


def test_another_shopwatch_s_latencies_stand_beside_ours():
    """A scrape of another Shopwatch brings our own names, under exported labels."""
    page = exposition()
    page.update(result(histogram("probe_latency_seconds", labels=(("outcome", "up"), ("exported_probe", "x")))), NOW)
    page.update(result([Sample("probe_latency_seconds_count", 4.0, (("exported_probe", "y"),))], name="gone"), NOW)
    assert read(page)["probe_latency_seconds"].type == "histogram"
    assert exemplars(page, "probe_latency_seconds", "_bucket")
    assert sum(sample.name.endswith("_count") for sample in read(page)["probe_latency_seconds"].samples) == 1 + 1


def test_a_probe_cannot_speak_for_the_service(caplog):
    page = exposition()
    forged = [Sample("probe_success", 0.0), Sample("probe_results_total", -5.0, (("outcome", "up"),))]
    page.update(result([*forged, Sample("probe_prober_lag_seconds", 0.5)]), NOW)
    assert page.openmetrics().count(b"\nprobe_success{") == page.text().count(b"\nprobe_success{") == 1
    assert read(page)["probe_results"].type == "counter"
    assert b"\nprobe_prober_lag_seconds{" in page.text()
    assert "probe_success" in caplog.text


@pytest.mark.parametrize("labels", [[["x", "y"]], (("x", 1),), (("x", None),), "xy", ((1, "x"),), 7])
def test_labels_that_are_none_spoil_only_what_has_them(labels, caplog):
    page = exposition()
    page.update(result([Sample("fine", 1.0)]), NOW)
    page.update(result([Sample("fine", 1.0), Sample("a", 1.0, labels)]), NOW)
    assert read(page)["probe_results"].samples[0].value == 2
    assert "fine" not in read(page)
    assert "what the probe home found" in caplog.text


NAMES = st.sampled_from(
    [
        "a", "a_total", "a_created", "a_bucket", "a_sum", "a_count", "_total", "a:b", "bad name", "a_info", "a_gsum",
        "probe_success", "probe_latency_seconds", "probe_latency_seconds_bucket", "probe_latency_seconds_count",
        "probe_latency_seconds_created", "probe_results", "probe_results_total", "probe_results_created",
        "process_cpu_seconds", "process_cpu_seconds_total", "process_cpu_seconds_created",
    ]
)  # fmt: skip
TEXT = st.text(st.sampled_from('ab"\\\n\r\0{}# ,=é\x85\u2028\ud800%'), max_size=6)
LABEL_NAMES = st.sampled_from(["le", "quantile", "outcome", "x", "probe", "exported_probe", "__name__", "bad-name"])
LABEL_VALUES = st.sampled_from(["up", "+Inf", "inf", "0.5", "1", "NaN", ""]) | TEXT
LABELS = st.lists(st.tuples(LABEL_NAMES, LABEL_VALUES), max_size=3).map(tuple)
VALUES = st.floats() | st.integers(-2, 5).map(float)
METRICS = st.builds(
    Metric, NAMES, st.sampled_from(["counter", "gauge", "histogram", "summary", "untyped", "info", "nonsense"]), TEXT
)


@given(
    st.lists(METRICS, max_size=5),
    st.lists(st.lists(st.builds(Sample, NAMES, VALUES, LABELS), max_size=8), min_size=1, max_size=3),
    st.sampled_from(Outcome),
    TEXT,
)
def test_whatever_probes_report_both_pages_can_be_read(metrics, looks, outcome, reason):
    page = exposition(*metrics, names=[f"p{number}" for number in range(len(looks))])
    for number, samples in enumerate(looks):
        page.update(result(samples, outcome, reason=reason, name=f"p{number}"), NOW)
    strict = [sample for family in read(page).values() for sample in family.samples]
    plain = [sample for family in families_of_text(page.text().decode()) for sample in family.samples]
    assert len(strict) == len(plain)
    for kind in "up", "down":
        page.update(result(looks[0][::-1], Outcome(kind), name="p0"), NOW + 1)
        assert read(page)
