"""Orders and what stands behind them: payments, stock, queues, imports, databases."""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, YELLOW, Query, series, stat

_FILTER = 'probe=~"$probe"'


def _grown(metric: str, more: str = "") -> str:
    return f"increase({metric}{{{_FILTER}{more}}}[$__rate_interval])"


BOARD = Board(
    uid="shopwatch-orders",
    title="Shopwatch / Orders",
    description="Is money coming in, and can what is sold be sent? Names of metrics: docs/metrics.md.",
    variables=(Variable("probe", "shop_orders_total", "probe"),),
    rows=(
        Row(
            "Orders",
            (
                stat(
                    "Since the newest order",
                    Query(f"time() - shop_newest_order_timestamp_seconds{{{_FILTER}}}", "{{probe}}"),
                    unit="s",
                ),
                series("Orders", Query(f"sum by (probe) ({_grown('shop_orders_total')})", "{{probe}}"), width=18),
                series(
                    "Orders in half an hour, beside what is usual",
                    Query(f"shop:orders:increase30m{{{_FILTER}}}", "{{probe}}"),
                    Query(f"shop_orders_expected{{{_FILTER}}}", "{{probe}} usual"),
                    Query(f"shop_orders_floor{{{_FILTER}}}", "{{probe}} least by chance"),
                    help="Usual: the median of the same half hour of the last three weeks, holidays left out.",
                    width=24,
                ),
            ),
        ),
        Row(
            "Payments",
            (
                series("Payments by result", Query(f"sum by (result) ({_grown('shop_payments_total')})", "{{result}}")),
                series(
                    "Payments that were not paid",
                    Query(
                        f"""sum by (probe) ({_grown("shop_payments_total", ', result!="paid"')})"""
                        f" / sum by (probe) ({_grown('shop_payments_total')}) >= 0",
                        "{{probe}}",
                    ),
                    unit="percentunit",
                    minimum=0,
                    maximum=1,
                ),
            ),
        ),
        Row(
            "Stock",
            (
                stat(
                    "Products sold out",
                    Query(f"count by (probe) (shop_stock{{{_FILTER}}} <= 0) or 0 * count by (probe) (shop_stock)", ""),
                    thresholds=((None, GREEN), (1, YELLOW), (5, RED)),
                ),
                stat(
                    "Lowest stock",
                    Query(f"min by (probe) (shop_stock{{{_FILTER}}})", "{{probe}}"),
                    thresholds=((None, RED), (0, YELLOW), (1, GREEN)),
                    help="Below zero, more was sold than there is.",
                ),
                series("The ten lowest", Query(f"bottomk(10, shop_stock{{{_FILTER}}})", "{{sku}}")),
            ),
        ),
        Row(
            "Queues, imports and exports",
            (
                series(
                    "What waits",
                    Query(f"shop_queue_depth{{{_FILTER}}}", "{{queue}}"),
                    Query("probe_redis_queue_length", "{{probe}}"),
                    Query("probe_amqp_queue_messages", "{{probe}}"),
                    Query("probe_amqp_queue_consumers", "{{probe}} consumers"),
                ),
                series(
                    "How long the oldest waits",
                    Query(f"shop_queue_oldest_seconds{{{_FILTER}}}", "{{queue}}"),
                    unit="s",
                ),
                series(
                    "Age of the last import or export",
                    Query(f"time() - shop_sync_timestamp_seconds{{{_FILTER}}}", "{{sync}}"),
                    Query(f"2 * shop_sync_interval_seconds{{{_FILTER}}} + 60", "{{sync}} is late"),
                    unit="s",
                    width=24,
                ),
            ),
        ),
        Row(
            "Databases",
            (
                series(
                    "Connections in use",
                    Query("shop_database_connections_ratio", "{{probe}}"),
                    Query(
                        "sum by (probe) (pg_stat_activity_count) / sum by (probe) (pg_settings_max_connections)",
                        "{{probe}}",
                    ),
                    Query(
                        "mysql_global_status_threads_connected / mysql_global_variables_max_connections", "{{probe}}"
                    ),
                    unit="percentunit",
                ),
                series(
                    "How far replicas are behind",
                    Query("shop_database_replication_lag_seconds", "{{probe}}"),
                    Query("pg_replication_lag_seconds", "{{probe}}"),
                    Query("mysql_slave_status_seconds_behind_master", "{{probe}}"),
                    unit="s",
                ),
                series(
                    "Oldest transaction",
                    Query("shop_database_longest_transaction_seconds", "{{probe}}"),
                    Query('max by (probe) (pg_stat_activity_max_tx_duration{state!="idle"})', "{{probe}}"),
                    unit="s",
                ),
                series(
                    "Reached by the exporter, replication running",
                    Query("pg_up", "{{probe}}"),
                    Query("mysql_up", "{{probe}}"),
                    Query("mysql_slave_status_slave_sql_running", "{{probe}} replicates"),
                    minimum=0,
                    maximum=1,
                ),
            ),
        ),
    ),
)
