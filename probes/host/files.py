"""How many files and sockets are open on the machine, and how many may be."""

from probes.base import Metric, Sample
from probes.host.source import Missing, Source

METRICS = (
    Metric("host_file_descriptors_open", "gauge", "Open files and sockets of the whole machine."),
    Metric("host_file_descriptors_max", "gauge", "How many may be open (fs.file-max)."),
)


def read_files(source: Source) -> list[Sample]:
    """Open files. Raises Missing."""
    words = source.proc_text("sys/fs/file-nr").split()
    if len(words) != 3 or not all(word.isdigit() for word in words):
        raise Missing(f"{source.proc}/sys/fs/file-nr is not as expected: {' '.join(words)[:80]}")
    return [
        Sample("host_file_descriptors_open", float(words[0])),
        Sample("host_file_descriptors_max", float(words[2])),
    ]
