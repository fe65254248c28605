"""Whether there is room left on each configured disk, and how hard it works."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from probes.base import Metric, Sample
from probes.host.source import Missing, Source

METRICS = (
    Metric("host_disk_size_bytes", "gauge", "Size of the file system."),
    Metric("host_disk_free_bytes", "gauge", "Space that programs other than root's may still use."),
    Metric("host_disk_used_ratio", "gauge", "Part of the space that is used, as df says."),
    Metric("host_disk_inodes", "gauge", "Files that the file system can hold; absent where it has no such limit."),
    Metric("host_disk_inodes_free", "gauge", "Files that can still be made."),
    Metric("host_disk_read_only", "gauge", "1 if the file system is mounted read-only, as after an error."),
    Metric("host_disk_reads_total", "counter", "Reads completed by the disk below."),
    Metric("host_disk_writes_total", "counter", "Writes completed by the disk below."),
    Metric("host_disk_read_bytes_total", "counter", "Bytes read from the disk below."),
    Metric("host_disk_written_bytes_total", "counter", "Bytes written to the disk below."),
    Metric("host_disk_io_seconds_total", "counter", "Time in which the disk below was busy."),
    Metric("host_disk_io_weighted_seconds_total", "counter", "Time that all requests together waited for it."),
)
_SECTOR = 512
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Room:
    """How full one mount is; ratios from 0 to 1."""

    samples: tuple[Sample, ...]
    used: float
    inodes_used: float


_Numbers = tuple[os.statvfs_result, os.stat_result]


def _ask_kernel(path: Path) -> _Numbers:
    return os.statvfs(path), path.stat()


@dataclass(slots=True)
class Disk:
    """One configured mount. A network file system that hangs must not hang the rest: each is asked in its own thread,
    and not again until it has answered."""

    mount: str
    rootfs: Path = Path("/")
    patience: float = _PATIENCE
    ask: Callable[[Path], _Numbers] = _ask_kernel
    _thread: threading.Thread | None = None
    _answer: _Numbers | OSError | None = None
    _was_mount: bool | None = None
    _path: Path = field(init=False)

    def __post_init__(self) -> None:
        self._path = self.rootfs / self.mount.lstrip("/")

    def read(self, source: Source) -> Room:
        """Space, inodes and I/O. Raises Missing."""
        room, status = self._numbers()
        self._still_mounted(status)
        samples = [
            Sample("host_disk_size_bytes", float(room.f_blocks * room.f_frsize)),
            Sample("host_disk_free_bytes", float(room.f_bavail * room.f_frsize)),
            Sample("host_disk_read_only", float(bool(room.f_flag & os.ST_RDONLY))),
        ]
        # As df: of what programs could use, without the blocks reserved for root.
        used_blocks = room.f_blocks - room.f_bfree
        used = used_blocks / max(1, used_blocks + room.f_bavail)
        samples.append(Sample("host_disk_used_ratio", used))
        inodes_used = 0.0
        if room.f_files:  # btrfs and many network file systems have none to run out of
            samples.append(Sample("host_disk_inodes", float(room.f_files)))
            samples.append(Sample("host_disk_inodes_free", float(room.f_favail)))
            inodes_used = 1 - room.f_favail / room.f_files
        samples += _traffic(source, status.st_dev)
        labelled = tuple(sample._replace(labels=(("mount", self.mount),)) for sample in samples)
        return Room(labelled, used, inodes_used)

    def _numbers(self) -> _Numbers:
        if self._thread is None:
            self._answer = None
            self._thread = threading.Thread(target=self._look, name=f"disk {self.mount}", daemon=True)
            self._thread.start()
        self._thread.join(self.patience)
        if self._thread.is_alive():
            raise Missing(f"{self.mount} does not answer; is it a network file system whose server is away?")
        self._thread = None
        if isinstance(self._answer, OSError):
            raise Missing(f"{self.mount} cannot be looked at: {self._answer.strerror}")
        assert self._answer is not None
        return self._answer

    def _look(self) -> None:
        try:
            self._answer = self.ask(self._path)
        except OSError as error:
            self._answer = error

    def _still_mounted(self, status: os.stat_result) -> None:
        """A disk that was unmounted leaves an empty folder, whose numbers are those of another disk."""
        try:
            is_mount = self._path.parent.stat().st_dev != status.st_dev or self._path == self._path.parent
        except OSError as error:
            raise Missing(f"{self.mount} cannot be looked at: {error.strerror}") from None
        if self._was_mount and not is_mount:
            raise Missing(f"{self.mount} is no longer mounted: it is an ordinary folder now")
        self._was_mount = is_mount


def _traffic(source: Source, device: int) -> list[Sample]:
    """The counters of /proc/diskstats (iostats.txt of the kernel); a disk without any (tmpfs, NFS) has no samples."""
    wanted = [str(os.major(device)), str(os.minor(device))]
    try:
        lines = source.proc_text("diskstats").splitlines()
    except Missing:
        return []
    words = next((line.split() for line in lines if line.split()[:2] == wanted), None)
    if words is None or len(words) < 14:
        return []
    reads, _, read_sectors, _, writes, _, written_sectors, _, _, busy, weighted = map(float, words[3:14])
    return [
        Sample("host_disk_reads_total", reads),
        Sample("host_disk_writes_total", writes),
        Sample("host_disk_read_bytes_total", read_sectors * _SECTOR),
        Sample("host_disk_written_bytes_total", written_sectors * _SECTOR),
        Sample("host_disk_io_seconds_total", busy / 1000),
        Sample("host_disk_io_weighted_seconds_total", weighted / 1000),
    ]
