"""Metrics that a shop makes itself, by the names that rule packs and dashboards expect (docs/metrics.md).

A `scrape` probe reads them from the shop's own /metrics, a `sql`, `redis` or `amqp` probe makes one by `as:`.
"""

from probes.base import Metric

SHOP = (
    Metric("shop_orders_total", "counter", "Orders paid, tests left out."),
    Metric("shop_newest_order_timestamp_seconds", "gauge", "When the newest order was paid."),
    Metric("shop_payments_total", "counter", "Payments tried, by `result`: paid, declined or error."),
    Metric("shop_stock", "gauge", "Pieces that can be sold, by `sku`; below zero is oversold."),
    Metric("shop_sync_timestamp_seconds", "gauge", "When an import or export last ended well, by `sync`."),
    Metric("shop_sync_interval_seconds", "gauge", "How often it is meant to run, by `sync`."),
    Metric("shop_queue_depth", "gauge", "What waits in a queue, by `queue`."),
    Metric("shop_queue_oldest_seconds", "gauge", "For how long its oldest message waits, by `queue`."),
    Metric("shop_database_connections_ratio", "gauge", "Connections in use, of those allowed."),
    Metric("shop_database_replication_lag_seconds", "gauge", "How far a replica is behind."),
    Metric("shop_database_longest_transaction_seconds", "gauge", "How old the oldest open transaction is."),
)
#: What postgres_exporter and mysqld_exporter say, as far as the pack `databases` asks for it.
EXPORTERS = (
    Metric("pg_up", "gauge", "1 if postgres_exporter reaches its database."),
    Metric("pg_stat_activity_count", "gauge", "Connections, by database and state."),
    Metric("pg_settings_max_connections", "gauge", "Connections allowed."),
    Metric("pg_stat_activity_max_tx_duration", "gauge", "Age of the oldest transaction, by database and state."),
    Metric("pg_replication_lag_seconds", "gauge", "How far this replica is behind."),
    Metric("mysql_up", "gauge", "1 if mysqld_exporter reaches its database."),
    Metric("mysql_global_status_threads_connected", "gauge", "Connections."),
    Metric("mysql_global_variables_max_connections", "gauge", "Connections allowed."),
    Metric("mysql_slave_status_seconds_behind_master", "gauge", "How far this replica is behind."),
    Metric("mysql_slave_status_slave_sql_running", "gauge", "1 while the replica applies what comes."),
)
