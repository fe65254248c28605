"""OpenSLO: what is taken means the same here, and the rest is refused where it stands (see also config/bad)."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.openslo import read_slos

RATIO = b"""
apiVersion: openslo/v1
kind: SLI
metadata: {name: replies}
spec:
  ratioMetric:
    counter: true
    good:
      metricSource:
        type: Prometheus
        spec: {query: 'sum(http_requests_total{code!~"5.."})'}
    total:
      metricSource:
        type: prometheus
        spec: {query: http_requests_total}
--- # the second document
apiVersion: openslo/v1
kind: SLO
metadata: {name: replies-arrive, displayName: Replies arrive}
spec:
  description: Shoppers get an answer
  service: shop
  indicatorRef: replies
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{displayName: good enough, target: 0.999}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: payments}
spec:
  indicator:
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: Prometheus, spec: {query: "sum(increase(failed_total[{{.window}}]))"}}}
        total: {metricSource: {type: Prometheus, spec: {query: "sum(increase(all_total[{{ .window }}]))"}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{targetPercent: 99.5}]
"""


def test_ratios_of_counters_are_taken() -> None:
    (replies, payments), problems = read_slos(RATIO, "slo.yaml")
    assert problems == []
    assert (replies.name, replies.objective, replies.period) == ("replies-arrive", 0.999, 28 * 86_400)
    assert (replies.good, replies.total) == ('http_requests_total{code!~"5.."}', "http_requests_total")
    assert payments.budget == 0.005
    assert (payments.bad, payments.good) == ("sum(increase(failed_total[$window]))", None)


def test_places_are_those_of_the_whole_file() -> None:
    _, problems = read_slos(RATIO.replace(b"targetPercent: 99.5", b"op: lte, value: 3"), "slo.yaml")
    row = RATIO.splitlines().index(b"  objectives: [{targetPercent: 99.5}]") + 1
    assert {(problem.line, problem.column) for problem in problems} >= {(row, 17)}
    assert all(problem.line >= row for problem in problems)


def test_a_file_without_an_slo_is_said() -> None:
    assert "there is no SLO" in str(read_slos(b"apiVersion: openslo/v1\nkind: Service\nmetadata: {name: x}", "f")[1][0])
    assert read_slos(b"", "f")[1]


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_a_file_holds_it_is_read_or_refused(raw: bytes) -> None:
    found, problems = read_slos(raw, "slo.yaml")
    assert found or problems


_PIECES = st.sampled_from(RATIO.decode().splitlines(keepends=True))


@given(st.lists(_PIECES, max_size=60))
def test_scrambled_slos_are_read_or_refused(lines: list[str]) -> None:
    read_slos("".join(lines).encode(), "slo.yaml")
