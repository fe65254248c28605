"""Host: processors, memory, disks, network and limits of the machines that carry the shop."""

from dashboards.board import Board, Row, Variable
from dashboards.panel import GREEN, RED, YELLOW, Query, series, stat

_FILTER = 'type="host", probe=~"$probe"'
_FULL = ((None, GREEN), (0.8, YELLOW), (0.95, RED))


def _rate(metric: str) -> str:
    return f"rate({metric}{{{_FILTER}}}[$__rate_interval])"


BOARD = Board(
    uid="shopwatch-host",
    title="Shopwatch / Host",
    description="The machines that carry the shop. Inside a container, ratios are of its limits.",
    variables=(Variable("probe", "host_cpu_busy_ratio", "probe"),),
    rows=(
        Row(
            "Now",
            (
                stat(
                    "CPU busy",
                    Query(f"host_cpu_busy_ratio{{{_FILTER}}}", "{{probe}}"),
                    unit="percentunit",
                    thresholds=((None, GREEN), (0.7, YELLOW), (0.9, RED)),
                ),
                stat(
                    "Memory used",
                    Query(f"host_memory_used_ratio{{{_FILTER}}}", "{{probe}}"),
                    unit="percentunit",
                    thresholds=_FULL,
                ),
                stat(
                    "Fullest disk",
                    Query(f"max by (probe) (host_disk_used_ratio{{{_FILTER}}})", "{{probe}}"),
                    unit="percentunit",
                    thresholds=_FULL,
                ),
                stat(
                    "Load per core",
                    Query(f"host_load1{{{_FILTER}}} / host_cpu_cores{{{_FILTER}}}", "{{probe}}"),
                    thresholds=((None, GREEN), (1, YELLOW), (2, RED)),
                ),
            ),
        ),
        Row(
            "Processors",
            (
                series(
                    "CPU by mode",
                    Query(f"sum by (probe, mode) ({_rate('host_cpu_seconds_total')})", "{{probe}} {{mode}}"),
                    help="Cores in each mode.",
                ),
                series(
                    "Busiest and idlest core",
                    Query(f"max by (probe) (host_cpu_core_busy_ratio{{{_FILTER}}})", "{{probe}} busiest"),
                    Query(f"min by (probe) (host_cpu_core_busy_ratio{{{_FILTER}}})", "{{probe}} idlest"),
                    unit="percentunit",
                    help="One busy core beside idle ones is a program that cannot spread its work.",
                ),
                series(
                    "Load",
                    Query(f"host_load1{{{_FILTER}}}", "{{probe}} 1 min"),
                    Query(f"host_load15{{{_FILTER}}}", "{{probe}} 15 min"),
                ),
                series(
                    "Held back by the CPU limit",
                    Query(_rate("host_cgroup_cpu_throttled_seconds_total"), "{{probe}}"),
                    unit="percentunit",
                    help="Only inside a container with a CPU limit.",
                ),
            ),
        ),
        Row(
            "Memory and pressure",
            (
                series(
                    "Memory",
                    Query(f"host_memory_available_bytes{{{_FILTER}}}", "{{probe}} available"),
                    Query(f"host_memory_total_bytes{{{_FILTER}}}", "{{probe}} total"),
                    unit="bytes",
                ),
                series(
                    "Swap in use",
                    Query(f"host_swap_total_bytes{{{_FILTER}}} - host_swap_free_bytes{{{_FILTER}}}", "{{probe}}"),
                    unit="bytes",
                ),
                series(
                    "Time stalled for lack of CPU, memory, I/O",
                    Query(f"host_pressure_ratio{{{_FILTER}}}", "{{probe}} {{resource}} {{kind}}"),
                    unit="percentunit",
                    help="Pressure stall information, 10 s average. Absent on kernels without it.",
                ),
                series(
                    "Processes killed for lack of memory",
                    Query(f"increase(host_oom_kills_total{{{_FILTER}}}[$__rate_interval])", "{{probe}}"),
                ),
            ),
        ),
        Row(
            "Disks",
            (
                series(
                    "Space used",
                    Query(f"host_disk_used_ratio{{{_FILTER}}}", "{{probe}} {{mount}}"),
                    unit="percentunit",
                    thresholds=_FULL,
                    minimum=0,
                    maximum=1,
                ),
                series(
                    "Space free",
                    Query(f"host_disk_free_bytes{{{_FILTER}}}", "{{probe}} {{mount}}"),
                    Query(f"host_disk_size_bytes{{{_FILTER}}}", "{{probe}} {{mount}} size"),
                    unit="bytes",
                ),
                series(
                    "Inodes used",
                    Query(
                        f"1 - host_disk_inodes_free{{{_FILTER}}} / host_disk_inodes{{{_FILTER}}}", "{{probe}} {{mount}}"
                    ),
                    unit="percentunit",
                    minimum=0,
                    maximum=1,
                ),
                series(
                    "Busy with I/O",
                    Query(_rate("host_disk_io_seconds_total"), "{{probe}} {{mount}}"),
                    unit="percentunit",
                    help="Absent for mounts without a disk of their own.",
                ),
                series(
                    "Bytes read and written",
                    Query(_rate("host_disk_read_bytes_total"), "{{probe}} {{mount}} read"),
                    Query(_rate("host_disk_written_bytes_total"), "{{probe}} {{mount}} written"),
                    unit="Bps",
                ),
            ),
        ),
        Row(
            "Network and limits",
            (
                series(
                    "Traffic",
                    Query(_rate("host_network_receive_bytes_total"), "{{probe}} {{interface}} in"),
                    Query(_rate("host_network_transmit_bytes_total"), "{{probe}} {{interface}} out"),
                    unit="Bps",
                ),
                series(
                    "Errors and drops",
                    Query(_rate("host_network_errors_total"), "{{probe}} {{interface}} {{direction}} errors"),
                    Query(_rate("host_network_drops_total"), "{{probe}} {{interface}} {{direction}} drops"),
                    unit="cps",
                ),
                series(
                    "File descriptors used",
                    Query(
                        f"host_file_descriptors_open{{{_FILTER}}} / host_file_descriptors_max{{{_FILTER}}}", "{{probe}}"
                    ),
                    unit="percentunit",
                ),
                series(
                    "Named processes",
                    Query(f"host_processes{{{_FILTER}}}", "{{probe}} {{process}}"),
                    help="Those that the config names under `processes`.",
                ),
            ),
        ),
    ),
)
