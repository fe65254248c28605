"""What went over the network, and what was lost."""

from probes.base import Metric, Sample
from probes.host.source import Missing, Source

METRICS = (
    Metric("host_network_receive_bytes_total", "counter", "Bytes received, by interface."),
    Metric("host_network_transmit_bytes_total", "counter", "Bytes sent, by interface."),
    Metric("host_network_receive_packets_total", "counter", "Packets received, by interface."),
    Metric("host_network_transmit_packets_total", "counter", "Packets sent, by interface."),
    Metric("host_network_errors_total", "counter", "Damaged packets, by interface and direction."),
    Metric("host_network_drops_total", "counter", "Packets thrown away, by interface and direction."),
)
#: The other ends of containers come and go, and are counted on their bridge; loopback is no network.
_SKIPPED = ("lo", "veth")
_COLUMNS = 16


def read_network(source: Source) -> list[Sample]:
    """Traffic of every interface. Raises Missing."""
    samples = []
    for line in _table(source).splitlines()[2:]:
        interface, _, rest = line.strip().partition(":")
        numbers = [float(word) for word in rest.split() if word.isdigit()]
        if len(numbers) < _COLUMNS or interface.startswith(_SKIPPED):
            continue
        for direction, first in (("receive", 0), ("transmit", 8)):
            size, packets, errors, drops = numbers[first : first + 4]
            own = (("interface", interface),)
            both = (("direction", direction), ("interface", interface))
            samples.append(Sample(f"host_network_{direction}_bytes_total", size, own))
            samples.append(Sample(f"host_network_{direction}_packets_total", packets, own))
            samples.append(Sample("host_network_errors_total", errors, both))
            samples.append(Sample("host_network_drops_total", drops, both))
    return samples


def _table(source: Source) -> str:
    """The machine's first process lives in the machine's own network; /proc/net is that of whoever reads it."""
    if source.proc.as_posix() == "/proc":
        return source.proc_text("net/dev")
    try:
        return source.proc_text("1/net/dev")
    except Missing:
        return source.proc_text("net/dev")
