import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitor.metrics import Exposition
from monitor.prober.slots import Missed, Reason
from probes.base import Finding, Outcome, Probe, ProbeSettings, Result, Run, Sample
from tests.monitor.prober.kinds import KINDS

NOW = 1_800_000_000.0
BASE = {"probe": "home", "type": "trivial", "location": "here"}


def settings(name="home", every=15.0, **labels):
    return ProbeSettings(name=name, type="trivial", every=every, labels=labels)


def result(outcome=Outcome.UP, samples=(), duration=0.2, late=0.0, slot=NOW, name="home"):
    return Result(name, "trivial", slot, late, duration, Finding(outcome, samples=tuple(samples)))


@pytest.fixture
def exposition():
    exposition = Exposition("here", KINDS)
    exposition.configure([settings()], NOW)
    return exposition


def read(exposition):
    """Every series on the page, by name and labels without those that the probe itself has."""
    series = {}
    for family in text_string_to_metric_families(exposition.text().decode()):
        for sample in family.samples:
            own = frozenset(item for item in sample.labels.items() if item not in BASE.items())
            assert (sample.name, own) not in series
            series[sample.name, own] = sample.value
    return series


def value(exposition, name, **labels):
    return read(exposition).get((name, frozenset(labels.items())))


def flat(readings):
    """Every series' labels and value."""
    return [one for columns, values, _ in readings for one in zip(columns.labels, values, strict=True)]


def is_stale(number):
    return struct.pack("<d", number) == struct.pack("<Q", 0x7FF0000000000002)


@pytest.mark.parametrize(
    ("outcome", "success"),
    [
        (Outcome.UP, 1),
        (Outcome.DEGRADED, 1),
        (Outcome.DOWN, 0),
        (Outcome.BLOCKED, None),
        (Outcome.UNKNOWN, None),
    ],
)
def test_success_is_absent_when_we_could_not_look(exposition, outcome, success):
    exposition.update(result(outcome), NOW)
    assert value(exposition, "probe_success") == success
    states = {other: value(exposition, "probe_outcome", outcome=other.value) for other in Outcome}
    assert states == {other: float(other is outcome) for other in Outcome}


def test_what_is_on_the_page_is_what_is_remembered(exposition):
    samples = [Sample("trivial", 1.5, (("phase", "tls"),)), Sample("other", 2)]
    exposition.missed(Missed("home", Reason.OVERLOAD, 2), NOW)
    readings = exposition.update(result(samples=samples), NOW)
    remembered = {}
    for labels, number in flat(readings):
        assert list(labels) == sorted(labels)
        named = dict(labels)
        assert {name: named.pop(name) for name in BASE} == BASE
        remembered[named.pop("__name__"), frozenset(named.items())] = number
    page = {series: number for series, number in read(exposition).items() if not series[0].startswith("process_")}
    assert remembered == page


def test_a_series_that_the_next_look_does_not_have_ends(exposition):
    exposition.update(result(samples=[Sample("a", 1), Sample("b", 2)]), NOW)
    readings = exposition.update(result(Outcome.UNKNOWN, [Sample("a", 3)]), NOW + 15)
    ended = {dict(labels)["__name__"] for labels, number in flat(readings) if is_stale(number)}
    assert ended == {"probe_success", "b"}
    assert value(exposition, "b") is None
    assert value(exposition, "a") == 3


def test_looks_and_slots_are_counted_whatever_they_find(exposition):
    exposition.update(result(Outcome.UP, duration=0.02), NOW)
    exposition.update(result(Outcome.DOWN, duration=5.0, late=0.2), NOW)
    exposition.update(result(Outcome.DOWN, duration=700.0), NOW)
    exposition.missed(Missed("home", Reason.PROBER_DEAD, 3), NOW)
    exposition.missed(Missed("home", Reason.SUSPENDED, 1), NOW)
    counts = {outcome: value(exposition, "probe_results_total", outcome=outcome.value) for outcome in Outcome}
    assert counts == dict.fromkeys(Outcome, 0) | {Outcome.UP: 1, Outcome.DOWN: 2}
    states = {state: value(exposition, "probe_slots_total", state=state) for state in ("run", "late", "missed")}
    assert states == {"run": 2, "late": 1, "missed": 4}
    assert value(exposition, "probe_missed_total", reason="prober_dead") == 3
    bucket = "probe_latency_seconds_bucket"
    assert value(exposition, bucket, outcome="up", le="0.01") == 0
    assert value(exposition, bucket, outcome="up", le="0.025") == 1
    assert value(exposition, bucket, outcome="down", le="5.0") == 1
    assert value(exposition, bucket, outcome="down", le="30.0") == 1
    assert value(exposition, bucket, outcome="down", le="+Inf") == 2
    assert value(exposition, "probe_latency_seconds_sum", outcome="down") == 705.0
    assert value(exposition, "probe_last_run_timestamp_seconds") == NOW


def test_sums_of_seconds_and_times_of_looks_stay_decimals(exposition):
    for _ in range(10):
        exposition.update(result(duration=0.1, late=0.1234567), NOW)
    assert sum([0.1] * 10) != 1.0
    assert value(exposition, "probe_latency_seconds_sum", outcome="up") == 1.0
    assert value(exposition, "probe_last_run_timestamp_seconds") == NOW + 0.123


def test_an_extra_look_says_how_things_are_but_is_no_slot(exposition):
    exposition.update(result(Outcome.DOWN), NOW)
    before = {series: number for series, number in read(exposition).items() if "total" in series[0]}
    extra = Result("home", "trivial", NOW + 5, 0.0, 0.3, Finding(Outcome.UP), extra=True)
    exposition.update(extra, NOW + 5)
    assert value(exposition, "probe_success") == 1
    assert value(exposition, "probe_duration_seconds") == 0.3
    assert value(exposition, "probe_last_run_timestamp_seconds") == NOW + 5
    before["probe_extra_looks_total", frozenset()] = 1
    after = read(exposition)
    assert {series: after[series] for series in before if not series[0].startswith("process")} == {
        series: number for series, number in before.items() if not series[0].startswith("process")
    }
    assert value(exposition, "probe_latency_seconds_count", outcome="up") is None


def test_counts_begin_at_zero_so_that_the_first_failure_is_an_increase(exposition):
    assert value(exposition, "probe_results_total", outcome="down") == 0
    assert value(exposition, "probe_missed_total", reason="overload") == 0
    assert value(exposition, "probe_last_run_timestamp_seconds") is None
    assert value(exposition, "probe_interval_seconds") == 15


def test_a_slow_probe_is_remembered_again_each_minute(exposition):
    exposition.configure([settings(every=3600.0)], NOW)
    exposition.update(result(), NOW)
    assert not of_probes(exposition.refresh(NOW + 59))
    again = of_probes(exposition.refresh(NOW + 60))
    assert again["probe_success"] == 1
    assert not of_probes(exposition.refresh(NOW + 90))
    assert of_probes(exposition.refresh(NOW + 3 * 3600))["probe_success"] == 1


def of_probes(readings):
    return {dict(labels)["__name__"]: number for labels, number in flat(readings) if ("probe", "home") in labels}


@pytest.mark.parametrize(("every", "overdue"), [(1.0, 301), (15.0, 301), (3600.0, 5 * 3600 + 1)])
def test_an_overdue_look_leaves_but_its_counts_stay(exposition, every, overdue):
    exposition.configure([settings(every=every)], NOW)
    exposition.update(result(samples=[Sample("a", 1)]), NOW)
    before = of_probes(exposition.refresh(NOW + overdue - 2))
    assert not any(map(is_stale, before.values()))
    gone = {name for name, number in of_probes(exposition.refresh(NOW + overdue)).items() if is_stale(number)}
    assert gone == {"probe_success", "probe_outcome", "probe_duration_seconds", "a"}
    assert value(exposition, "probe_success") is None
    assert value(exposition, "probe_last_run_timestamp_seconds") == NOW
    assert value(exposition, "probe_results_total", outcome="up") == 1
    exposition.update(result(), NOW + overdue + 1)
    assert value(exposition, "probe_success") == 1


def test_a_reload_keeps_the_counts_of_what_stays_and_ends_what_goes(exposition):
    exposition.update(result(), NOW)
    exposition.configure([settings(every=30.0), settings("shop")], NOW)
    assert value(exposition, "probe_results_total", outcome="up") == 1
    assert value(exposition, "probe_interval_seconds") == 30
    readings = exposition.configure([settings("shop")], NOW)
    ended = [labels for labels, number in flat(readings) if is_stale(number)]
    assert len(ended) == len(set(ended)) > 20
    assert {dict(labels)["probe"] for labels in ended} == {"home"}
    assert b'probe="home"' not in exposition.text()
    assert exposition.update(result(), NOW) == []
    assert exposition.missed(Missed("home", Reason.OVERLOAD, 1), NOW) == []


def test_other_labels_are_other_series(exposition):
    exposition.update(result(), NOW)
    exposition.configure([settings(shop="main")], NOW)
    assert b'probe="home",type="trivial",location="here"}' not in exposition.text()
    assert value(exposition, "probe_results_total", outcome="up", shop="main") == 0


def test_an_empty_label_is_no_label(exposition, caplog):
    exposition.configure([settings(shop="", team="web")], NOW)
    kept = [Sample("kept", 1, (("a", ""), ("b", "x"))), Sample("kept", 2, (("b", "x"),))]
    samples = [*kept, Sample("nul", 3, (("a", "\0"),))]
    readings = exposition.update(result(samples=samples), NOW)
    assert b'=""' not in exposition.text()
    assert value(exposition, "kept", b="x", team="web") == 1
    assert value(exposition, "nul", team="web") == 3
    assert all(text for labels, _ in flat(readings) for _, text in labels)
    exposition.update(result(samples=samples), NOW + 15)
    assert caplog.text.count("came twice") == 1


def test_hostile_names_and_values_do_not_spoil_the_page(exposition, caplog):
    nasty = 'a"b\\c\nd%s{}\0é\ud800'
    samples = [
        Sample("fine", math.inf, (("text", nasty),)),
        Sample("fine", -math.inf, (("text", "less"),)),
        Sample("fine", math.nan, (("text", "none"),)),
        Sample("not fine", 1.0),
        Sample("fine", 1.0, (("bad-label", "x"),)),
        Sample("fine", 1.0, (("__name__", "x"),)),
        Sample("twice", 1.0),
        Sample("fine", 5.0, (("probe", "theirs"),)),
        Sample("twice", 2.0),
    ]
    exposition.update(result(samples=samples), NOW)
    assert value(exposition, "fine", text='a"b\\c\nd%s{}é?') == math.inf
    assert value(exposition, "fine", text="less") == -math.inf
    assert math.isnan(value(exposition, "fine", text="none"))
    assert value(exposition, "fine", exported_probe="theirs") == 5
    assert value(exposition, "twice") == 1
    assert "twice() came twice in one look; the first is kept" in caplog.text
    assert sum(name == "fine" for name, _ in read(exposition)) == 4
    assert "not fine" in caplog.text


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=4), st.floats()), max_size=8))
def test_the_page_can_always_be_read_back(found):
    exposition = Exposition("here", KINDS)
    exposition.configure([settings()], NOW)
    samples = [Sample(name, number, (("of", label),)) for name, label, number in found]
    exposition.update(result(samples=samples), NOW)
    wanted = {}
    for sample in samples:
        wanted.setdefault((sample.name, sample.labels[0][1].replace("\0", "")), sample.value)
    page = {
        (name, dict(own).get("of", "")): number for (name, own), number in read(exposition).items() if name in "abc"
    }
    assert page.keys() == wanted.keys()
    for series, number in wanted.items():
        assert page[series] == number or (math.isnan(number) and math.isnan(page[series]))


def test_a_family_that_probes_and_we_both_have_stands_once(exposition):
    exposition.update(result(samples=[Sample("process_cpu_seconds_total", 7.0)]), NOW)
    page = exposition.text().decode()
    assert page.count("# TYPE process_cpu_seconds_total") == 1
    lines = [line for line in page.splitlines() if line.startswith("process_cpu_seconds_total")]
    assert len(lines) == 2


def test_a_kind_s_histogram_is_one_family():
    class Kinds:
        def get(self, name):
            class Timed(Probe[ProbeSettings]):
                settings_model = ProbeSettings
                metrics = (("queue_seconds", "histogram", "Waiting\nin line."),)

                async def check(self, run: Run) -> Finding:
                    return Finding(Outcome.UP)

            from probes.base import Metric

            Timed.metrics = tuple(Metric(*metric) for metric in Timed.metrics)
            return Timed

    exposition = Exposition("here", Kinds())
    exposition.configure([settings()], NOW)
    parts = [Sample("queue_seconds_bucket", 2, (("le", "+Inf"),)), Sample("queue_seconds_sum", 1.5)]
    exposition.update(result(samples=[*parts, Sample("queue_seconds_count", 2)]), NOW)
    page = exposition.text().decode()
    assert "# HELP queue_seconds Waiting\\nin line.\n# TYPE queue_seconds histogram\nqueue_seconds_bucket{" in page
    assert page.count("queue_seconds histogram") == 1


def test_shopwatch_s_own_metrics_are_on_the_page_and_remembered(exposition):
    remembered = {dict(labels)["__name__"] for labels, _ in flat(exposition.refresh(NOW))}
    assert "process_resident_memory_bytes" in remembered
    assert b'\nprocess_resident_memory_bytes{location="here"} ' in exposition.text()
    assert b"_created" not in exposition.text()


def test_the_owner_is_a_label_on_all_that_the_probe_sees():
    exposition = Exposition("here", KINDS)
    exposition.configure([settings().model_copy(update={"owner": "storefront"})], NOW)
    readings = exposition.update(result(), NOW)
    assert readings
    assert all(("owner", "storefront") in labels for labels, _ in flat(readings))
    ended = exposition.configure([settings()], NOW)
    assert any(("owner", "storefront") in labels for labels, _ in flat(ended)), "another owner is another series"
