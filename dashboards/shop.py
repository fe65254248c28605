"""Shop overview: is the shop open, and if not, what broke first?"""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, YELLOW, Panel, Query, series, stat, table, timeline

UP_DOWN = (("0", "down", RED), ("1", "up", GREEN))
_FILTER = 'probe=~"$probe", location=~"$location"'


def availability(title: str, selector: str, **more: object) -> Panel:
    """The ratio of looks that were up or degraded, of those that could look at all."""
    good = f'sum by (probe) (increase(probe_results_total{{{selector}, outcome=~"up|degraded"}}[$__range]))'
    all_ = f'sum by (probe) (increase(probe_results_total{{{selector}, outcome=~"up|degraded|down"}}[$__range]))'
    steps = ((None, RED), (0.99, YELLOW), (0.999, GREEN))
    query = Query(f"{good} / {all_}", "{{probe}}", instant=False)
    return stat(title, query, unit="percentunit", thresholds=steps, **more)


BOARD = Board(
    uid="shopwatch-shop",
    title="Shopwatch / Shop overview",
    description="Is the shop open? What customers meet, from every place that looks.",
    variables=(Variable("probe", "probe_success", "probe"), Variable("location", "probe_success", "location")),
    rows=(
        Row(
            "Now",
            (
                stat(
                    "Up or down",
                    Query(f"min by (probe) (probe_success{{{_FILTER}}})", "{{probe}}"),
                    mappings=UP_DOWN,
                    thresholds=((None, RED), (1, GREEN)),
                    width=12,
                    help="1 is up or degraded, 0 is down. A probe that could not look shows nothing.",
                ),
                availability("Availability in this time range", _FILTER, width=12),
                timeline(
                    "Up and down over time",
                    Query(f"min by (probe) (probe_success{{{_FILTER}}})", "{{probe}}"),
                    mappings=UP_DOWN,
                    thresholds=((None, RED), (1, GREEN)),
                    width=24,
                ),
            ),
        ),
        Row(
            "How fast",
            (
                series(
                    "Time of the last look",
                    Query(f"probe_duration_seconds{{{_FILTER}}}", "{{probe}} {{location}}"),
                    unit="s",
                ),
                series(
                    "95th percentile of successful looks",
                    Query(
                        "histogram_quantile(0.95, sum by (probe, le) "
                        f'(rate(probe_latency_seconds_bucket{{{_FILTER}, outcome=~"up|degraded"}}[$__rate_interval])))',
                        "{{probe}}",
                        exemplars=True,
                    ),
                    unit="s",
                    help="Linear inside a bucket; the buckets bound the error. A dot is a look: click it.",
                ),
                series(
                    "Phases of HTTP",
                    Query(f"sum by (phase) (probe_http_duration_seconds{{{_FILTER}}})", "{{phase}}"),
                    unit="s",
                    help="Summed over the chosen probes: choose one to read it.",
                ),
                series(
                    "Not well: slow, blocked, or we could not look",
                    Query(
                        f'sum by (outcome) (probe_outcome{{{_FILTER}, outcome=~"degraded|blocked|unknown"}})',
                        "{{outcome}}",
                    ),
                    help="How many probes. Blocked and unknown are blind spots, not outages.",
                    minimum=0,
                ),
                series(
                    "Outcomes",
                    Query(
                        f"sum by (outcome) (rate(probe_results_total{{{_FILTER}}}[$__rate_interval]))",
                        "{{outcome}}",
                    ),
                    unit="cps",
                    help="Looks a second by how they ended. Blocked and unknown are no outage, but a blind spot.",
                ),
            ),
        ),
        Row(
            "Orders, certificates and domains",
            (
                series(
                    "Orders a minute",
                    Query("sum without (instance, job) (rate(shop_orders_total[$__rate_interval])) * 60", "{{probe}}"),
                    help="From the shop's own /metrics or database, by a scrape or sql probe.",
                ),
                series(
                    "Days left of certificates",
                    Query(f"(probe_ssl_earliest_cert_expiry{{{_FILTER}}} - time()) / 86400", "{{probe}}"),
                    unit="d",
                    thresholds=((None, RED), (3, YELLOW), (21, GREEN)),
                ),
                series(
                    "Days left of domains",
                    Query(f"(probe_domain_expiry_timestamp_seconds{{{_FILTER}}} - time()) / 86400", "{{probe}}"),
                    unit="d",
                    thresholds=((None, RED), (7, YELLOW), (30, GREEN)),
                ),
                table(
                    "TLS versions",
                    Query(f"probe_tls_version_info{{{_FILTER}}}", instant=True),
                    hide=("Value",),
                ),
            ),
        ),
    ),
)
