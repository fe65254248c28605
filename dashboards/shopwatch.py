"""Shopwatch itself: is the watcher on time, and do its pages arrive?"""

from dashboards.board import Board, Row
from dashboards.panel import GREEN, RED, YELLOW, Query, series, stat

BOARD = Board(
    uid="shopwatch-self",
    title="Shopwatch / Itself",
    description="Who watches the watcher: lateness, rules, pages, cost.",
    rows=(
        Row(
            "Pages",
            (
                stat(
                    "Open incidents",
                    Query('sum(shopwatch_incidents_open{severity="page"}) or vector(0)', "incidents"),
                    thresholds=((None, GREEN), (1, RED)),
                ),
                stat(
                    "Pages waiting",
                    Query("shopwatch_outbox_pending", "pages"),
                    thresholds=((None, GREEN), (1, YELLOW)),
                ),
                stat(
                    "Oldest page waiting",
                    Query("shopwatch_outbox_oldest_seconds", "oldest"),
                    unit="s",
                    thresholds=((None, GREEN), (10, YELLOW), (60, RED)),
                ),
                stat(
                    "Config on disk",
                    Query("shopwatch_config_last_reload_successful", "config"),
                    mappings=(("0", "has mistakes", RED), ("1", "in force", GREEN)),
                    thresholds=((None, RED), (1, GREEN)),
                ),
                series(
                    "Messages by channel and outcome",
                    Query(
                        "sum by (notifier, outcome) (increase(shopwatch_pages_sent_total[$__rate_interval]))",
                        "{{notifier}} {{outcome}}",
                    ),
                ),
                series(
                    "Decision to receipt, 95th percentile",
                    Query(
                        "histogram_quantile(0.95, sum by (notifier, le) "
                        "(increase(shopwatch_page_delivery_seconds_bucket[1h])))",
                        "{{notifier}}",
                    ),
                    unit="s",
                    help="Of the last hour. Empty while nothing was sent.",
                ),
            ),
        ),
        Row(
            "On time?",
            (
                series(
                    "Slots by how they ended",
                    Query("sum by (state) (rate(probe_slots_total[$__rate_interval]))", "{{state}}"),
                    unit="cps",
                ),
                series(
                    "Missed slots by reason",
                    Query("sum by (reason) (rate(probe_missed_total[$__rate_interval]))", "{{reason}}"),
                    unit="cps",
                ),
                series(
                    "How late looks begin, 99th percentile",
                    Query(
                        "histogram_quantile(0.99, sum by (prober, le) "
                        "(rate(shopwatch_prober_start_lateness_seconds_bucket[$__rate_interval])))",
                        "prober {{prober}}",
                    ),
                    unit="s",
                ),
                series(
                    "Intervals since the last look",
                    Query("(time() - probe_last_run_timestamp_seconds) / probe_interval_seconds", "{{probe}}"),
                    help="Above 3 the probe is overdue.",
                ),
                series(
                    "Calendar work",
                    Query(
                        "sum by (work, outcome) (increase(shopwatch_calendar_runs_total[1h]))", "{{work}} {{outcome}}"
                    ),
                    help="In the last hour.",
                ),
                series(
                    "Prober restarts",
                    Query(
                        "sum by (prober, reason) (increase(shopwatch_prober_restarts_total[$__rate_interval]))",
                        "prober {{prober}} {{reason}}",
                    ),
                ),
                series(
                    "Probes that are set aside",
                    Query("shopwatch_probe_set_aside", "{{probe}}"),
                    help="They hang their prober, so nothing looks at what they watch.",
                ),
            ),
        ),
        Row(
            "Our own network, and machines",
            (
                series(
                    "Canaries that answer",
                    Query("shopwatch_canary_up", "{{location}} {{canary}}"),
                    help="Empty unless the config names a canary.",
                ),
                series(
                    "Machines that share a location's probes",
                    Query("max by (location) (shopwatch_shards)", "{{location}}: in the config"),
                    Query("count by (location) (group by (location, shard) (shopwatch_shards))", "{{location}}: there"),
                    help="Fewer than in the config: a part of the probes is looked at by nobody.",
                ),
                series(
                    "Looks that failed with the canary",
                    Query("increase(shopwatch_excused_looks_total[$__rate_interval])", "excused"),
                    help="They are unknown, not down: our own network was to blame.",
                ),
            ),
        ),
        Row(
            "Rules",
            (
                series(
                    "Time of the last evaluation",
                    Query("shopwatch_rule_group_last_duration_seconds", "{{rule_group}}"),
                    unit="s",
                ),
                series(
                    "Missed and failed evaluations",
                    Query("sum(rate(shopwatch_rule_group_iterations_missed_total[$__rate_interval]))", "missed"),
                    Query("sum(rate(shopwatch_rule_evaluation_failures_total[$__rate_interval]))", "failed"),
                    unit="cps",
                ),
            ),
        ),
        Row(
            "Who watches the watchers",
            (
                series(
                    "Silence of the Watchdog of a Prometheus in front",
                    Query("shopwatch_prometheus_watchdog_age_seconds", "seconds"),
                    unit="s",
                    help="Empty unless the config names a Prometheus in front.",
                ),
                stat(
                    "Who tells of pages",
                    Query("shopwatch_prometheus_standing_in", "who"),
                    mappings=(("0", "Prometheus", GREEN), ("1", "Shopwatch stands in", RED)),
                    thresholds=((None, GREEN), (1, RED)),
                ),
                series(
                    "Pings to the switch outside",
                    Query(
                        "sum by (outcome) (increase(shopwatch_deadman_pings_total[$__rate_interval]))", "{{outcome}}"
                    ),
                    Query("shopwatch_deadman_sound", "sound"),
                ),
            ),
        ),
        Row(
            "Cost",
            (
                series(
                    "CPU",
                    Query("rate(process_cpu_seconds_total[$__rate_interval])", "service"),
                    Query("rate(shopwatch_prober_cpu_seconds_total[$__rate_interval])", "prober {{prober}}"),
                    unit="percentunit",
                    help="1 is one core.",
                ),
                series(
                    "Memory",
                    Query("process_resident_memory_bytes", "service"),
                    Query("shopwatch_prober_resident_memory_bytes", "prober {{prober}}"),
                    unit="bytes",
                ),
                series(
                    "Offset of this machine's clock",
                    Query("probe_clock_offset_seconds", "{{probe}}"),
                    Query("probe_clock_uncertainty_seconds", "{{probe}} at most wrong by"),
                    unit="s",
                ),
                series("Series in memory", Query("shopwatch_samples_series", "series")),
                series(
                    "Samples refused",
                    Query("sum by (reason) (rate(shopwatch_samples_refused_total[$__rate_interval]))", "{{reason}}"),
                    unit="cps",
                ),
            ),
        ),
    ),
)
