"""Checkout: the shopper's walk, step by step."""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, Query, series, stat, timeline
from dashboards.shop import UP_DOWN, availability

_FILTER = 'type="journey", probe=~"$probe"'

BOARD = Board(
    uid="shopwatch-checkout",
    title="Shopwatch / Checkout",
    description="Can shoppers buy? Which step is slow, which one fails?",
    variables=(Variable("probe", "journey_duration_seconds", "probe"),),
    rows=(
        Row(
            "Now",
            (
                stat(
                    "Can shoppers buy?",
                    Query(f"min by (probe) (probe_success{{{_FILTER}}})", "{{probe}}"),
                    mappings=UP_DOWN,
                    thresholds=((None, RED), (1, GREEN)),
                ),
                stat("Steps passed", Query(f"journey_steps_completed{{{_FILTER}}}", "{{probe}}")),
                stat("Time of a walk", Query(f"journey_duration_seconds{{{_FILTER}}}", "{{probe}}"), unit="s"),
                availability("Availability in this time range", _FILTER),
            ),
        ),
        Row(
            "Steps",
            (
                timeline(
                    "Which step fails",
                    Query(f"journey_step_success{{{_FILTER}}}", "{{probe}} · {{step}}"),
                    mappings=UP_DOWN,
                    thresholds=((None, RED), (1, GREEN)),
                    width=24,
                ),
                series(
                    "Time of each step",
                    Query(f"journey_step_duration_seconds{{{_FILTER}}}", "{{probe}} · {{step}}"),
                    unit="s",
                    width=24,
                ),
            ),
        ),
        Row(
            "Walks",
            (
                series(
                    "Walks by outcome",
                    Query(
                        f"sum by (outcome) (increase(probe_results_total{{{_FILTER}}}[$__rate_interval]))",
                        "{{outcome}}",
                    ),
                ),
                series(
                    "Clean-up",
                    Query(f"journey_cleanup_success{{{_FILTER}}}", "{{probe}}"),
                    help="0 when the walk left an order, or something else, behind.",
                    minimum=0,
                    maximum=1,
                ),
            ),
        ),
    ),
)
