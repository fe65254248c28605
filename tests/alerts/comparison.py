"""Generated series and many rules for comparing our evaluation with Prometheus'.

Prometheus 2.42 (Debian's) counts a sample on the left end of a range, Prometheus 3 and we do not. Samples come every
17 s, evaluations every 30 s for less than 810 s, and ranges end in half seconds, so that no sample ever lies on the
left end of a range; the second sample of a series is never missing, so that none lies on the left end of the look-back.
Since 2.42 rate() has changed how far it extrapolates a counter near zero behind a gap, and averages their last bit: so
counters under rate() have resets but no gaps, and no threshold is one that an average can hit exactly.
"""

import json
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

from alerts.active import State
from alerts.promql import Engine
from alerts.rule import Element
from alerts.rulefile import read_rules
from alerts.rulegroup import GroupRun
from alerts.rulequery import query_of
from alerts.rulestate import Surroundings
from alerts.ruletest.difference import series_text
from alerts.ruletest.samples import TestSamples
from alerts.ruletest.series import parse_series, parse_values

EVERY, STEP, END = 30, 17, 780

_HOLDS = ("0s", "30s", "45s", "1m", "2m30s", "4m")
_KEEPS = ("0s", "0s", "30s", "1m15s", "3m")

#: Expressions over the series below; none of them can fail, whatever the samples.
EXPRESSIONS = (
    "up == 0",
    "up != 1",
    "up < bool 1 > 0",
    "absent(up)",
    'absent(up{i="1"})',
    'absent_over_time(up{i="2"}[1m7s500ms])',
    "present_over_time(up[1m7s500ms]) unless up",
    "count(up == 0) > 1",
    "count by (job) (up) < 3",
    "sum by (job) (up) < 2",
    "sum without (i) (up) / count without (i) (up) < 0.6",
    "avg(up) < 0.51",
    "min by (job) (up) == 0 and max by (job) (up) == 1",
    "changes(up[3m30s500ms]) > 2",
    "resets(d_total[4m0s500ms]) > 0",
    "rate(c_total[2m0s500ms]) > 0.493",
    "rate(c_total[2m0s500ms]) == 0",
    "increase(c_total[3m0s500ms]) < 7.77123",
    "irate(d_total[1m30s500ms]) > 1.0123",
    "sum by (job) (rate(c_total[2m0s500ms])) > 1.23",
    "sum(increase(c_total[5m0s500ms])) < 33.3123",
    "rate(c_total[2m0s500ms]) / on (i, job) group_left () rate(c_total[5m0s500ms]) > 1.37",
    "delta(v[2m0s500ms]) < -3.3217",
    "deriv(v[3m0s500ms]) > 0.041",
    "predict_linear(v[4m0s500ms], 300) < -5.5123",
    "avg_over_time(v[2m0s500ms]) > 4.32123",
    "max_over_time(v[2m0s500ms]) - min_over_time(v[2m0s500ms]) > 6.5",
    "stddev_over_time(v[3m0s500ms]) > 2.22234",
    "quantile_over_time(0.9, v[3m0s500ms]) > 6.1234",
    "count_over_time(v[2m0s500ms]) < 5",
    "last_over_time(v[4m0s500ms]) > 5.5",
    "sum_over_time(up[3m0s500ms]) < 4",
    "v > 3 and on (job) sum by (job) (up) < 2",
    "v > 1 unless on (i) up == 0",
    "v > 8 or v < -2",
    "v - v offset 1m > 2.5",
    "v offset 2m > 5",
    "abs(v - on () group_left () avg(v)) > 4.4321",
    "clamp(v, 0, 5) == 5",
    "topk(1, v) > 6",
    "bottomk by (job) (1, v) < 0",
    "quantile(0.5, v) > 4.05123",
    "stdvar(v) > 6.06123",
    'count_values("value", round(v, 2)) > 2',
    "histogram_quantile(0.9, sum by (le) (rate(h_bucket[3m0s500ms]))) > 0.8",
    "histogram_quantile(0.5, rate(h_bucket[3m0s500ms])) < 0.2",
    "max_over_time((v > 5)[4m0s500ms:30s]) > 6",
    "min_over_time(rate(c_total[1m30s500ms])[4m0s500ms:30s]) == 0",
    "avg_over_time(sum(up)[3m0s500ms:30s]) < 2.2123",
    'label_replace(up == 0, "host", "web-$1", "i", "(.*)")',
    'label_join(v > 5, "place", "/", "job", "i")',
    "sgn(v) == -1",
    "floor(v) % 3 == 2",
    "-v > 1",
    "v ^ 2 > 40",
    "scalar(sum(up)) * v > 12.0123",
    "vector(scalar(avg(v))) > 3.91234",
    "timestamp(up) < time() - 29",
    "vector(time()) > 300 and on () count(up) > 2",
    "group by (job) (up == 0)",
    "job:up:sum < 2",
    "delta(job:up:sum[2m0s500ms]) < -0.5123",
    "job:v:avg > 4.0123 and job:v:avg offset 1m30s < 4.0123",
    "job:c:rate > 0.50123",
    'ALERTS{alertstate="firing",alertname="R00"}',
    'count by (i) (ALERTS{alertstate="pending"}) > 1',
    'sum(ALERTS_FOR_STATE{alertname="R01"}) > 100',
    "up == 0 and on (i) ALERTS{alertname='R00'}",
)


def rule_file() -> str:
    """Recording rules and one alert for each expression, with every kind of `for` and `keep_firing_for`."""
    recorded = {
        "job:up:sum": "sum by (job) (up)",
        "job:v:avg": "avg by (job) (v)",
        "job:c:rate": "sum by (job) (rate(c_total[2m0s500ms]))",
    }
    first: list[dict[str, Any]] = [{"record": name, "expr": expr} for name, expr in recorded.items()]
    alerts: list[dict[str, Any]] = [
        {
            "alert": f"R{number:02}",
            "expr": expr,
            "for": _HOLDS[number % len(_HOLDS)],
            "keep_firing_for": _KEEPS[number % len(_KEEPS)],
            "labels": {"severity": "page", "size": "{{ if gt $value 5.01234 }}large{{ else }}small{{ end }}"}
            if number % 3
            else {"severity": "ticket"},
            "annotations": {"summary": '{{ $labels.i }} {{ printf "%.9g" $value }} {{ query "count(up)" | len }}'},
        }
        for number, expr in enumerate(EXPRESSIONS)
    ]
    groups = [{"name": "first", "rules": first}, {"name": "alerts", "rules": alerts}]
    return yaml.safe_dump({"groups": groups}, width=1000)


_SAMPLES = END // STEP + 1


@st.composite
def _values(draw: st.DrawFn, level: st.SearchStrategy[str]) -> str:
    """Stretches of one level, with gaps and ends of the series between them."""
    words = [draw(level)] * 2
    while len(words) < _SAMPLES:
        length = draw(st.integers(1, 12))
        words += [draw(level | st.sampled_from(["_", "_", "stale"]))] * length
    return " ".join(words[:_SAMPLES])


@st.composite
def _counter(draw: st.DrawFn, *kinds: str) -> str:
    """A counter that grows in stretches, is reset, and is missing at times where the kinds of stretches say so."""
    value, words = 0, ["0", "0"]
    while len(words) < _SAMPLES:
        growth, kind = draw(st.integers(0, 40)), draw(st.sampled_from(["grow"] * 4 + list(kinds)))
        for _ in range(draw(st.integers(1, 10))):
            value = 0 if kind == "reset" else value + growth
            words.append({"gap": "_", "stale": "stale"}.get(kind, str(value)))
            kind = "grow" if kind == "reset" else kind
    return " ".join(words[:_SAMPLES])


_FLAG = _values(st.sampled_from(["0", "1"]))


def _level(i: int) -> st.SearchStrategy[str]:
    """Levels that no two series share (topk may choose either of two), of digits that never round at a tie."""
    return _values(st.integers(-40, 100).map(lambda tenths: f"{tenths / 10 + i * 0.00123456789:.11f}"))


@st.composite
def generated_series(draw: st.DrawFn) -> dict[str, str]:
    """Series in promtool's notation: flapping targets, levels, counters with resets, a histogram."""
    series = {}
    for i in range(1, 5):
        labels = f'{{i="{i}",job="{"shop" if i < 4 else "pay"}"}}'
        series[f"up{labels}"] = draw(_FLAG)
        series[f"v{labels}"] = draw(_level(i))
    for i in range(1, 3):
        series[f'c_total{{i="{i}",job="shop"}}'] = draw(_counter("reset"))
        series[f'd_total{{i="{i}",job="shop"}}'] = draw(_counter("reset", "gap", "stale"))
    below = [0] * _SAMPLES  # a bucket holds what the smaller ones hold
    for bound in ("0.1", "0.5", "1", "+Inf"):
        grow = [draw(st.integers(0, 3)) for _ in range(_SAMPLES // 6 + 1)]
        below = [count + sum(grow[: step // 6]) for step, count in enumerate(below)]
        series[f'h_bucket{{le="{bound}"}}'] = " ".join(map(str, below))
    return series


@dataclass(frozen=True)
class Seen:
    """What stands after one evaluation: the ALERTS and ALERTS_FOR_STATE series, and what firing alerts say."""

    at: int
    series: list[Element]
    firing: list[tuple[str, dict[str, str], dict[str, str]]]


def ours(rules: str, series: dict[str, str]) -> list[Seen]:
    """Our evaluation of these rules over these series."""
    samples = TestSamples()
    inputs = [(parse_series(name), parse_values(text)) for name, text in series.items()]
    query = query_of(Engine(samples, subquery_step=EVERY))
    read = read_rules(rules, "r.yml")
    assert read.problems == ()
    runs = [GroupRun(group, Surroundings(), lambda: 0.0) for group in read.groups]
    seen, loaded = [], 0
    for at in range(0, END + 1, EVERY):
        for index in range(loaded, at // STEP + 1):
            for labels, values in inputs:
                value = values[index] if index < len(values) else None
                if value is not None:
                    samples.append(labels, index * STEP * 1000, value)
        loaded = at // STEP + 1
        for run in runs:
            failures = run.evaluate(at * 1000, query, samples.append)
            assert failures == [], (at, [(failure.rule.name, failure.reason) for failure in failures])
        states = [rule.states for run in runs for rule in run.rules if rule.states is not None]
        firing = [
            (state.rule.alert, dict(alert.labels), alert.annotations)
            for state in states
            for alert in state.standing()
            if alert.state is State.FIRING
        ]
        seen.append(Seen(at, [element for state in states for element in state.series()], firing))
    return seen


def as_promtool_test(series: dict[str, str], seen: list[Seen]) -> str:
    """A unit test for promtool that expects exactly what we saw, at every evaluation."""
    names = [f"R{number:02}" for number in range(len(EXPRESSIONS))]
    exprs = [
        {
            "expr": '{__name__=~"ALERTS|ALERTS_FOR_STATE"}',
            "eval_time": f"{moment.at}s",
            "exp_samples": [{"labels": series_text(labels), "value": value} for labels, value in moment.series],
        }
        for moment in seen
    ]
    alerts = [
        {
            "eval_time": f"{moment.at}s",
            "alertname": name,
            "exp_alerts": [
                {"exp_labels": {k: v for k, v in labels.items() if k != "alertname"}, "exp_annotations": annotations}
                for alert, labels, annotations in moment.firing
                if alert == name
            ],
        }
        for moment in seen
        for name in names
    ]
    test = {
        "interval": f"{STEP}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": exprs,
        "alert_rule_test": alerts,
    }
    file = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{EVERY}s",
        "group_eval_order": ["first", "alerts"],
        "tests": [test],
    }
    return json.dumps(file)  # JSON is YAML, and faster to write
