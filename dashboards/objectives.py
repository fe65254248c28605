"""Objectives: what was promised, how much of it may still fail, and how fast that is being used up."""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, YELLOW, Query, series, stat

_FILTER = 'slo=~"$slo"'
_LEFT = f"slo:period_error_budget_remaining:ratio{{{_FILTER}}}"
_BUDGET = ((None, RED), (0, YELLOW), (0.25, GREEN))
_BURNING = ((None, GREEN), (1, YELLOW), (6, RED))

BOARD = Board(
    uid="shopwatch-objectives",
    title="Shopwatch / Objectives",
    description="Do we keep what we promised, and what may still fail this month?",
    variables=(Variable("slo", "slo:objective:ratio", "slo"),),
    rows=(
        Row(
            "This period",
            (
                stat(
                    "Error budget left",
                    Query(_LEFT, "{{slo}}"),
                    unit="percentunit",
                    thresholds=_BUDGET,
                    help="Of what may fail in the period. Below zero the objective is missed.",
                ),
                stat(
                    "Went well",
                    Query(
                        f"1 - slo:period_burn_rate:ratio{{{_FILTER}}} * slo:error_budget:ratio{{{_FILTER}}}", "{{slo}}"
                    ),
                    unit="percentunit",
                    help="Over the whole period, or as much of it as was seen. What we could not see is left out.",
                ),
                stat("Promised", Query(f"slo:objective:ratio{{{_FILTER}}}", "{{slo}}"), unit="percentunit"),
                stat(
                    "Burns now",
                    Query(f"slo:current_burn_rate:ratio{{{_FILTER}}}", "{{slo}}"),
                    thresholds=_BURNING,
                    help="1 uses the budget up exactly in its period, 14.4 wakes somebody within the hour.",
                ),
            ),
        ),
        Row(
            "Over time",
            (
                series(
                    "Error budget left",
                    Query(_LEFT, "{{slo}}"),
                    unit="percentunit",
                    thresholds=_BUDGET,
                    maximum=1,
                ),
                series(
                    "Burn rate",
                    Query(f"slo:current_burn_rate:ratio{{{_FILTER}}}", "{{slo}} now"),
                    Query(f"slo:period_burn_rate:ratio{{{_FILTER}}}", "{{slo}} over the period"),
                    thresholds=_BURNING,
                    minimum=0,
                ),
                series(
                    "Failing, by window",
                    Query(f'{{__name__=~"slo:sli_error:ratio_rate.+", {_FILTER}}}', "{{slo}} {{__name__}}"),
                    unit="percentunit",
                    minimum=0,
                    width=24,
                    help="What the burn-rate alerts compare: long windows that matter, short ones that say it goes on.",
                ),
            ),
        ),
        Row(
            "What long windows read",
            (
                series(
                    "Not yet in the store",
                    Query("time() - shopwatch_archive_saved_timestamp_seconds", "behind"),
                    unit="s",
                    help="What rules need of more than six hours is written once a minute.",
                ),
                series(
                    "Minutes in which it could not be kept",
                    Query("increase(shopwatch_archive_failures_total[1h])", "failed"),
                    help="In the last hour. Alerting goes on; what came in is tried again.",
                ),
                series("Series kept", Query("shopwatch_archive_series", "series")),
                series("Samples kept", Query("shopwatch_archive_samples", "samples")),
            ),
        ),
    ),
)
