"""What an experienced reader remarks about rules that are no error, each with its place, and what a comment allows."""

import textwrap

import pytest

from alerts.lint import CHECKS, Catalogue, review
from alerts.rulefile import read_rules
from probes.base import Metric

_RUNBOOK = "\n".join(f"## {name}" for name in ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate"))
_CATALOGUE = Catalogue.built_in(
    [
        Metric("shop_orders_total", "counter", "Orders."),
        Metric("shop_stock", "gauge", "Stock."),
        Metric("shop_latency_seconds", "histogram", "Latency."),
        Metric("shop_errors_ratio", "gauge", "Errors."),
    ],
    ["node_*", "foreign_total", "foreign_gauge"],
)


def _runbook(name: str) -> str | None:
    return {"Good": _RUNBOOK, "Short": "# Short\n## Meaning\n"}.get(name)


def remarks(text: str) -> list[str]:
    text = textwrap.dedent(text)
    read = read_rules(text, "r.yml", 15.0)
    assert read.problems == ()
    return [str(remark) for remark in review(read.groups, {"r.yml": text}, _CATALOGUE, _runbook)]


def about(expr: str, *checks: str, more: str = "", severity: str = "ticket") -> list[str]:
    """The remarks of some checks about an otherwise sound alert."""
    text = f"""
groups:
  - name: g
    rules:
      - alert: A
        expr: {expr}
        labels: {{severity: {severity}, owner: web}}
        annotations: {{summary: s, runbook_url: runbooks/Good}}
        {more}
"""
    return [line for line in remarks(text) if line.rsplit("[", 1)[1].rstrip("]") in checks]


def test_a_sound_alert_gets_no_remark():
    text = """
        groups:
          - name: g
            rules:
              - record: shop:orders:rate5m
                expr: sum by (shop) (rate(shop_orders_total[5m]))
              - alert: OrdersStalled
                expr: shop:orders:rate5m < 0.01
                for: 5m
                labels: {severity: page, owner: web}
                annotations:
                  summary: "{{ $labels.shop }} sells {{ $value | humanize }} a second"
                  runbook_url: runbooks/Good
    """
    assert remarks(text) == []


def test_what_a_person_needs_to_hear():
    text = """
        groups:
          - name: g
            rules:
              - alert: A
                expr: shop_stock < 1
                labels: {severity: critical}
              - alert: B
                expr: shop_stock < 2
                labels: {severity: page, owner: web}
                annotations: {summary: s, runbook_url: runbooks/None}
              - alert: C
                expr: shop_stock < 3
                labels: {severity: page, owner: web}
                annotations: {summary: s, runbook_url: runbooks/Short}
              - alert: D
                expr: shop_stock < 4
                labels: {severity: page, owner: web}
                annotations: {summary: s, runbook_url: docs/D}
    """
    headings = "Meaning, Impact, Diagnosis, Mitigation, Verify, Escalate"
    assert remarks(text) == [
        "r.yml:5:9: A needs the annotation runbook_url, such as runbooks/A [runbook]",
        "r.yml:5:9: A needs the annotation summary, the one sentence that a phone shows [story]",
        "r.yml:5:9: A needs the label owner, so that somebody answers for it [story]",
        "r.yml:5:9: A needs the label severity, page or ticket; 'critical' is none [story]",
        f"r.yml:8:9: there is no runbook None.md; write one with the headings {headings} [runbook]",
        "r.yml:12:9: the runbook Short.md has no heading Impact, Diagnosis, Mitigation, Verify, Escalate [runbook]",
        "r.yml:16:9: runbook_url is 'docs/D'; write runbooks/D, or a whole URL [runbook]",
    ]


def test_an_unknown_metric_and_the_one_that_was_meant():
    assert about("probe_sucess == 0", "metric") == [
        "r.yml:6:15: no probe and no rule makes the metric probe_sucess; is probe_success meant? [metric]"
    ]
    assert about("xyz_abc > 1 and node_load1 > 2 and shop_latency_seconds_bucket > 0", "metric") == [
        "r.yml:6:15: no probe and no rule makes the metric xyz_abc; if others make it, declare it with --known [metric]"
    ]


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("shop_orders_total > 5", "shop_orders_total is a counter: it only grows"),
        ("sum(shop_orders_total) > 5", "it only grows; compare its rate or increase instead"),
        ("max_over_time(shop_orders_total[5m]) > 5", "it only grows"),
        ("foreign_total > 5", "foreign_total is a counter"),
        ("shop_latency_seconds_count > 5", "shop_latency_seconds_count is a counter"),
        ("deriv(shop_orders_total[5m]) > 5", "use rate or increase, which understand its resets"),
        ("rate(shop_stock[5m]) > 1", "shop_stock is a gauge; rate and increase take its falls for resets"),
        ("rate(shop_orders_total[5m]) > 5", ""),
        ("max_over_time(rate(shop_orders_total[5m])[1h:]) > 5", ""),
        ("absent(shop_orders_total)", ""),
        ("count(shop_orders_total) > 5", ""),
        ("shop_stock < 1 and on () shop_orders_total", ""),
        ("shop_stock < 1 unless on () shop_orders_total offset 1h", ""),
        ("deriv(shop_stock[5m]) > 1", ""),
        ("increase(shop_orders_total[5m]) > 0 and shop_orders_total > 5", "shop_orders_total is a counter"),
    ],
)
def test_counters_are_read_as_counters(expr: str, found: str):
    said = about(expr, "counter")
    assert (found in said[0] and len(said) == 1) if found else said == []


@pytest.mark.parametrize(
    ("hold", "remarked"), [("for: 29s", True), ("for: 30s", False), ("for: 0s", False), ("", False)]
)
def test_for_lasts_two_intervals(hold: str, remarked: bool):
    said = about("shop_stock < 1", "for", more=hold)
    wanted = "r.yml:5:9: `for: 29s` is shorter than two intervals of its group (15s each); lengthen it, or shorten the "
    assert [line.startswith(wanted) for line in said] == [True] * remarked


def test_a_window_must_hold_two_samples():
    assert about("rate(shop_orders_total[20s]) > 1", "window") == [
        "r.yml:6:15: rate over 20s rarely holds two samples; take 1m or more [window]"
    ]
    assert about("rate(shop_orders_total[30s]) > 1", "window") == []


@pytest.mark.parametrize(
    ("expr", "severity", "remarked"),
    [
        ("foreign_gauge > 5", "page", True),
        ("foreign_gauge > 5", "ticket", False),
        ("foreign_gauge > 5 or absent(foreign_gauge)", "page", False),
        ("shop_stock > 5", "page", False),
        ("probe_success == 0", "page", False),
    ],
)
def test_a_page_does_not_fall_silent_with_its_series(expr: str, severity: str, remarked: bool):
    said = about(expr, "absent", severity=severity)
    assert ["when foreign_gauge vanishes this alert falls silent" in line for line in said] == [True] * remarked


@pytest.mark.parametrize(
    ("expr", "remarked"),
    [("count(up) == 0", True), ("count by (job) (up) < 1", True), ("count(up) < 3", False), ("count(up) > 0", False)],
)
def test_count_never_reaches_zero(expr: str, remarked: bool):
    assert bool(about(expr, "count")) is remarked


@pytest.mark.parametrize(
    ("expr", "remarked"),
    [
        ("shop_errors_ratio > 1", True),
        ("shop_errors_ratio >= 1", False),
        ("shop_errors_ratio > 14.4 * 0.1", True),
        ("shop_errors_ratio > 14.4 * (1 - 0.95)", False),
        ("shop_errors_ratio > 14.4 * (1 - 0.9)", True),
        ("avg_over_time(shop_errors_ratio[5m]) > 36 * 0.05", True),
        ('rate(up{a="b"}[5m]) / rate(up[5m]) > 2', True),
        ('sum(rate(up{a="b"}[5m])) / sum(rate(up[5m])) > 14.4 * 0.001', False),
        ("probe_success > 1", True),
        ("probe_success == 2", True),
        ("probe_success < 0", True),
        ("probe_success < 1", False),
        ("shop_stock > 100", False),
        ("shop_errors_ratio > 1 / 0", False),
    ],
)
def test_thresholds_that_cannot_be_reached(expr: str, remarked: bool):
    assert bool(about(expr, "threshold")) is remarked


@pytest.mark.parametrize(
    ("expr", "label", "remarked"),
    [
        ("sum by (job) (up) < 1", "instance", True),
        ("sum by (job) (up) < 1", "job", False),
        ("sum without (job) (up) < 1", "instance", False),
        ("sum(up) < 1", "job", True),
        ("up < 1", "instance", False),
        ("up and on (job) sum by (job) (up)", "instance", False),
        ("up / on (job) sum by (job) (up)", "instance", True),
        ("up * on (job) group_left (team) sum by (job, team) (up)", "instance", False),
        ("sum by (job) (up) * on (job) group_left (team) sum by (job, team) (up)", "team", False),
        ('label_replace(sum(up), "a", "b", "", "") > 0', "a", False),
        ('absent(up{job="x"})', "job", False),
        ('absent(up{job="x"})', "instance", True),
        ("sum by (job) (up) or sum by (team) (up)", "team", False),
        ("histogram_quantile(0.9, sum by (le, job) (rate(shop_latency_seconds_bucket[5m]))) > 1", "le", True),
        ('count_values("version", up)', "version", False),
        ("vector(1)", "job", True),
        ("vector(time()) > 5", "job", True),
        ("rate(sum by (job) (up)[5m:])", "instance", True),
        ("topk(3, sum by (job) (up))", "job", False),
    ],
)
def test_a_template_names_only_labels_that_are_there(expr: str, label: str, remarked: bool):
    text = f"""
groups:
  - name: g
    rules:
      - alert: A
        expr: {expr}
        annotations: {{summary: "{{{{ $labels.{label} }}}}"}}
"""
    found = [line for line in remarks(text) if line.endswith("[label]")]
    assert bool(found) is remarked
    assert all(f"summary names the label {label}, which the expression does not keep" in line for line in found)


def test_a_template_that_fails_for_an_empty_answer():
    text = """
groups:
  - name: g
    rules:
      - alert: A
        expr: shop_stock < 1
        annotations:
          summary: "{{ query `up` | first | value }}"
          description: "{{ gt $value 1 }}"
"""
    assert [line for line in remarks(text) if line.endswith("[template]")] == [
        "r.yml:5:9: the template of description fails: cannot compare float64 with int; write 0.0 for a number beside "
        "$value [template]",
        "r.yml:5:9: the template of summary fails: first was given a query's answer without elements when a query "
        "answers nothing [template]",
    ]


def test_duplicates():
    text = """
        groups:
          - name: g
            rules:
              - {record: r, expr: shop_stock}
              - {record: r, expr: shop_stock, labels: {a: b}}
          - name: h
            rules:
              - {record: r, expr: shop_stock}
              - {record: r, expr: shop_stock * 2, labels: {a: b}}
    """
    assert remarks(text) == [
        "r.yml:9:9: the recording rule r is the same rule as the one in r.yml:5:9 [duplicate]",
        "r.yml:10:9: the recording rule r has the same name and labels as the one in r.yml:6:9 [duplicate]",
    ]


def test_a_comment_allows():
    text = """
        groups:
          - name: g
            rules:
              # rules check: allow counter, metric (its age is what matters)
              - record: a
                expr: shop_orders_total + xyz_abc
              - record: b
                expr: shop_orders_total  # rules check: allow counter
              - record: c
                expr: shop_orders_total
    """
    assert [line.split(":")[1] for line in remarks(text)] == ["11"]


def test_the_place_is_that_of_the_metric_inside_a_long_expression():
    text = """
groups:
  - name: g
    rules:
      - record: a
        expr: |
          shop_stock
            + on () group_left ()
              xyz_abc
"""
    assert [line.split(": ")[0] for line in remarks(text)] == ["r.yml:9:15"]


def test_every_check_has_a_name_that_a_comment_can_give():
    assert all(name.isalpha() and name.islower() for name in CHECKS)
