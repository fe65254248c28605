"""What Shopwatch says about itself on /metrics, so that rules about it can be checked without starting it."""

from monitor.rulecounts import METRICS as RULE_METRICS
from probes.backup.report import METRICS as BACKUP_METRICS
from probes.base import Metric

#: What the service knows as a whole; monitor/selfwatch.py reads the values.
SERVICE = (
    Metric("shop_orders_expected", "gauge", "Orders of half an hour that are usual now: the median of three weeks."),
    Metric("shop_orders_floor", "gauge", "The fewest orders of half an hour that chance alone explains."),
    Metric("shopwatch_archive_failures_total", "counter", "Minutes in which the archive could not read or write."),
    Metric("shopwatch_archive_refused_total", "counter", "Samples that the archive did not take, by reason."),
    Metric("shopwatch_archive_samples", "gauge", "Samples that are kept for long windows."),
    Metric("shopwatch_archive_saved_timestamp_seconds", "gauge", "Up to when the archive is in the store."),
    Metric("shopwatch_archive_series", "gauge", "Series that are kept for long windows."),
    Metric("shopwatch_build_info", "gauge", "Always 1; the version that runs."),
    Metric("shopwatch_calendar_runs_total", "counter", "Calendar work by how it ended: done, late or failed."),
    Metric("shopwatch_canary_up", "gauge", "1 if the canary answered when it was last looked at."),
    Metric("shopwatch_config_last_reload_success_timestamp_seconds", "gauge", "When the running config was read."),
    Metric("shopwatch_config_last_reload_successful", "gauge", "1 if the config on disk could be read last time."),
    Metric("shopwatch_excused_looks_total", "counter", "Looks that failed with the canary, and so became unknown."),
    Metric("shopwatch_prometheus_standing_in", "gauge", "1 while we tell of pages for a silent Prometheus."),
    Metric("shopwatch_prometheus_watchdog_age_seconds", "gauge", "Since when its Watchdog was not heard."),
    Metric("shopwatch_samples_refused_total", "counter", "Samples that memory did not take, by reason."),
    Metric("shopwatch_samples_series", "gauge", "Series in memory."),
    Metric("shopwatch_shards", "gauge", "How many machines share the probes of a location; each says so."),
)
#: What the rooms count with prometheus_client, where a metric exists only once its room is built. A test compares.
_ROOMS = (
    Metric("process_cpu_seconds_total", "counter", "CPU time that the service used."),
    Metric("process_max_fds", "gauge", "File descriptors that the service may open."),
    Metric("process_open_fds", "gauge", "File descriptors that the service has open."),
    Metric("process_resident_memory_bytes", "gauge", "Memory of the service."),
    Metric("process_start_time_seconds", "gauge", "When the service started."),
    Metric("process_virtual_memory_bytes", "gauge", "Address space of the service."),
    Metric("shopwatch_deadman_pings_total", "counter", "Pings to the switch outside, by outcome."),
    Metric("shopwatch_deadman_sound", "gauge", "1 if the last look found us fit to ping it."),
    Metric("shopwatch_decisions_failed_total", "counter", "Events that could not be decided or stored."),
    Metric("shopwatch_decisions_total", "counter", "Events decided about incidents."),
    Metric("shopwatch_desk_waiting", "gauge", "Events that wait to be decided."),
    Metric("shopwatch_incidents_open", "gauge", "Unresolved incidents."),
    Metric("shopwatch_outbox_oldest_seconds", "gauge", "How long the oldest untold message waits."),
    Metric("shopwatch_outbox_pending", "gauge", "What is decided but not yet told."),
    Metric("shopwatch_page_delivery_seconds", "histogram", "From the decision to the channel's receipt."),
    Metric("shopwatch_paging_faults", "gauge", "What stands in the way of the next step of open incidents."),
    Metric("shopwatch_pages_sent_total", "counter", "Messages to channels by outcome."),
    Metric("shopwatch_probe_set_aside", "gauge", "1 for a probe that hangs its prober, and is not looked at."),
    Metric("shopwatch_prober_cpu_seconds_total", "counter", "CPU time that prober processes used."),
    Metric("shopwatch_prober_loop_lag_seconds", "gauge", "The prober's longest standstill of the last minute."),
    Metric("shopwatch_prober_resident_memory_bytes", "gauge", "Memory of the prober process."),
    Metric("shopwatch_prober_restarts_total", "counter", "Prober processes that died or hung."),
    Metric("shopwatch_prober_running_looks", "gauge", "Looks that run now."),
    Metric("shopwatch_prober_start_lateness_seconds", "histogram", "How long after their slots looks began."),
    Metric("shopwatch_prober_up", "gauge", "1 while the prober process runs."),
    Metric("shopwatch_prober_waiting_looks", "gauge", "Looks that are due and wait for room."),
)


def own_metrics() -> list[Metric]:
    """Every metric that Shopwatch has beside its probes'."""
    return [*SERVICE, *_ROOMS, *BACKUP_METRICS, *(Metric(name, kind, text) for _, name, kind, text in RULE_METRICS)]
