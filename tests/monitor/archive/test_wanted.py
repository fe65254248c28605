"""The rules say what is kept."""

from alerts.promql import Matcher
from alerts.rulefile import read_rules
from monitor.archive.wanted import wanted

HOUR = 3_600_000
RULES = """
groups:
  - name: g
    rules:
      - {record: "job:x:rate5m", expr: "rate(x_total[5m])"}
      - {record: "x:avg", expr: "avg_over_time(job:x:rate5m[30d])"}
      - {alert: A, expr: 'increase(shop_orders_total{shop="main"}[30m] offset 3w) > 1'}
      - {alert: B, expr: "increase(short_total[5h]) > 1"}
      - {alert: C, expr: "max_over_time((sum(deep))[1d:5m]) > 1"}
"""


def test_what_looks_far_back_is_kept_with_its_matchers_and_whatever_is_recorded() -> None:
    groups = read_rules(RULES, "r.yml").groups
    found = wanted(groups, 6 * HOUR)
    names = {tuple(sorted(map(str, matchers))) for matchers in found.selectors}
    assert names == {
        ("__name__='job:x:rate5m'",),
        ("__name__='x:avg'",),
        ("__name__='shop_orders_total'", "shop='main'"),
        ("__name__='deep'",),
    }
    assert len(found.selectors) == 4  # each once, though the average is asked for and recorded
    assert found.reach_ms == 30 * 24 * HOUR
    assert wanted((), HOUR).selectors == ()
    assert (Matcher("__name__", "=", "short_total"),) in wanted(groups, 5 * HOUR).selectors
