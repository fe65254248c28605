import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome, Run
from probes.host import HostProbe, HostSettings
from probes.host.container import limits
from probes.host.cpu import Cpu
from probes.host.disk import Disk
from probes.host.source import Missing, Source

STAT = """cpu  {user} 0 100 {idle} 0 0 0 0 50 0
cpu0 {user} 0 50 400 0 0 0 0 50 0
cpu1 0 0 50 {idle} 0 0 0 0 0 0
ctxt 5000
btime 1795000000
processes 300
procs_running 2
procs_blocked 1
"""
NET = """Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0
  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0
veth12: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0
"""
PSI = "some avg10=12.50 avg60=1.00 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n"


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def process(proc: Path, pid: int, comm: str, state: str = "S", command: str = "") -> None:
    rest = " ".join(["1"] * 20)
    put(proc, f"{pid}/stat", f"{pid} ({comm}) {state} {rest} 100 0\n")
    put(proc, f"{pid}/cmdline", command)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine's files, as under /host of a container that watches its host."""
    proc = tmp_path / "proc"
    put(proc, "stat", STAT.format(user=150, idle=1000))
    put(proc, "loadavg", "0.72 0.47 0.35 2/200 777\n")
    put(proc, "meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\nBuffers: 50 kB\nCached: 250 kB\n"
        "SwapTotal: 200 kB\nSwapFree: 150 kB\nHugePages_Total: 0\n")  # fmt: skip
    put(proc, "vmstat", "pswpin 7\npswpout 8\noom_kill 3\n")
    put(proc, "net/dev", "")
    put(proc, "1/net/dev", NET)
    put(proc, "sys/fs/file-nr", "850\t0\t1000\n")
    for resource in ("cpu", "memory", "io"):
        put(proc, f"pressure/{resource}", PSI)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "root/var").mkdir(parents=True)
    return tmp_path


def probe(machine: Path, **settings: object) -> HostProbe:
    words = {"proc": machine / "proc", "sys": machine / "sys", "rootfs": machine / "root", "name": "web-1"}
    return HostProbe(HostSettings.model_validate({"type": "host", **words, **settings}))


def value(finding: Finding, name: str, **labels: str) -> float:
    wanted = tuple(sorted(labels.items()))
    [found] = [sample.value for sample in finding.samples if sample.name == name and sample.labels == wanted]
    return found


def names(finding: Finding) -> set[str]:
    return {sample.name for sample in finding.samples}


def told(finding: Finding, fact: str) -> str:
    assert finding.evidence is not None
    return dict(finding.evidence.facts)[fact]


def test_a_machine_is_measured(machine: Path) -> None:
    finding = probe(machine).look()
    assert finding.outcome is Outcome.UP
    assert finding.reason == ""
    tick = os.sysconf("SC_CLK_TCK")
    assert value(finding, "host_cpu_seconds_total", mode="user") == 100 / tick, "guest time is inside user"
    assert value(finding, "host_cpu_seconds_total", mode="guest") == 50 / tick
    assert value(finding, "host_cpu_cores") == 2
    assert value(finding, "host_load1") == 0.72
    assert value(finding, "host_tasks_blocked") == 1
    assert value(finding, "host_boot_timestamp_seconds") == 1795000000
    assert value(finding, "host_memory_total_bytes") == 1000 * 1024
    assert value(finding, "host_memory_available_bytes") == 400 * 1024
    assert value(finding, "host_memory_used_ratio") == pytest.approx(0.6)
    assert value(finding, "host_swap_free_bytes") == 150 * 1024
    assert value(finding, "host_oom_kills_total") == 3
    assert value(finding, "host_pressure_seconds_total", resource="io", kind="some") == 2.5
    assert value(finding, "host_pressure_ratio", resource="cpu", kind="some") == 0.125
    assert value(finding, "host_network_transmit_bytes_total", interface="eth0") == 2000
    assert value(finding, "host_network_errors_total", interface="eth0", direction="transmit") == 3
    assert value(finding, "host_network_drops_total", interface="eth0", direction="receive") == 2
    assert value(finding, "host_file_descriptors_max") == 1000
    assert value(finding, "host_disk_size_bytes", mount="/") > 0
    interfaces = {labels["interface"] for labels in (dict(s.labels) for s in finding.samples) if "interface" in labels}
    assert interfaces == {"eth0"}


def test_every_sample_is_promised(machine: Path) -> None:
    put(machine / "sys/fs/cgroup", "cpu.max", "50000 100000")
    put(machine / "sys/fs/cgroup", "cpu.stat", "usage_usec 1\nnr_periods 1\nnr_throttled 1\nthrottled_usec 1\n")
    put(machine / "sys/fs/cgroup", "memory.max", "500000")
    put(machine / "sys/fs/cgroup", "memory.current", "1000")
    host = probe(machine, processes={"nginx": {"min": 0}})
    host.look()
    put(machine, "proc/stat", STAT.format(user=250, idle=1100))
    finding = host.look()
    assert names(finding) <= {metric.name for metric in HostProbe.metrics}
    missing = {metric.name for metric in HostProbe.metrics} - names(finding)
    assert missing <= {f"host_disk_{name}" for name in IO_METRICS}, "everything else has a sample here"


IO_METRICS = (
    *("reads_total", "writes_total", "read_bytes_total", "written_bytes_total"),
    *("io_seconds_total", "io_weighted_seconds_total"),
)


def test_ratios_are_over_the_time_between_two_looks(machine: Path) -> None:
    host = probe(machine)
    assert "host_cpu_busy_ratio" not in names(host.look())
    put(machine, "proc/stat", STAT.format(user=225, idle=1025))
    finding = host.look()
    assert value(finding, "host_cpu_busy_ratio") == pytest.approx(0.75)
    assert value(finding, "host_cpu_core_busy_ratio", core="0") == 1, "one full core, though the machine is not"
    assert value(finding, "host_cpu_core_busy_ratio", core="1") == 0
    assert told(finding, "cpu busy") == "75%"


def test_a_container_is_measured_against_its_limits(machine: Path) -> None:
    cgroup = machine / "sys/fs/cgroup"
    put(cgroup, "cpu.max", "150000 100000\n")
    put(cgroup, "cpu.stat", "usage_usec 1000000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 250000\n")
    put(cgroup, "memory.max", str(500 * 1024))
    put(cgroup, "memory.current", str(450 * 1024))
    put(cgroup, "memory.stat", f"anon 1\ninactive_file {50 * 1024}\n")
    put(cgroup, "memory.events", "low 0\noom_kill 9\n")
    put(cgroup, "cpu.pressure", PSI.replace("12.50", "50.00"))
    now = [100.0]
    cpu, source = Cpu(monotonic=lambda: now[0]), Source(machine / "proc", machine / "sys")
    cpu.read(source)
    put(cgroup, "cpu.stat", "usage_usec 2500000\nnr_periods 20\nnr_throttled 8\nthrottled_usec 500000\n")
    now[0] = 102.0
    samples = {sample.name: sample.value for sample in cpu.read(source)}
    assert samples["host_cgroup_cpu_limit_cores"] == 1.5
    assert samples["host_cpu_busy_ratio"] == pytest.approx(1.5 / 2 / 1.5)
    assert samples["host_cgroup_cpu_throttled_seconds_total"] == 0.5
    finding = probe(machine).look()
    assert value(finding, "host_memory_total_bytes") == 500 * 1024
    assert value(finding, "host_memory_available_bytes") == 100 * 1024, "inactive file pages can be had back"
    assert value(finding, "host_oom_kills_total") == 9
    assert value(finding, "host_pressure_ratio", resource="cpu", kind="some") == 0.5
    assert told(finding, "limits") == "a container with 1.5 cores; 0 MiB"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, None),
        (
            {"cpu.max": "max 100000", "memory.max": "max", "memory.current": "5"},
            "a container with no CPU limit, so CPU is of the machine's; no memory limit, so memory is the machine's",
        ),
    ],
)
def test_a_container_without_limits_is_measured_as_the_machine(
    machine: Path, given: dict[str, str], sentence: str | None
) -> None:
    for name, text in given.items():
        put(machine / "sys/fs/cgroup", name, text)
    host = probe(machine)
    host.look()
    put(machine, "proc/stat", STAT.format(user=225, idle=1025))
    finding = host.look()
    assert finding.outcome is Outcome.UP
    assert value(finding, "host_memory_total_bytes") == 1000 * 1024
    assert value(finding, "host_cpu_busy_ratio") == pytest.approx(0.75)
    assert not any(name.startswith("host_cgroup") for name in names(finding))
    assert finding.evidence is not None
    assert dict(finding.evidence.facts).get("limits") == sentence


def test_a_container_whose_limits_are_not_seen(machine: Path) -> None:
    source = Source(Path("/proc"), machine / "sys", machine)
    assert limits(source) == ""
    put(machine, ".dockerenv", "")
    assert limits(source) == f"a container whose limits are not seen: there is no cgroup v2 at {machine}/sys/fs/cgroup"


@pytest.mark.parametrize(
    ("gone", "fact", "sentence", "metric"),
    [
        ("pressure", "pressure", "this kernel is built without CONFIG_PSI", "host_pressure_ratio"),
        ("vmstat", "oom kills", "vmstat cannot be read: No such file", "host_oom_kills_total"),
        ("meminfo", "memory", "meminfo cannot be read", "host_memory_total_bytes"),
        ("stat", "cpu", "stat cannot be read", "host_cpu_cores"),
        ("sys", "file descriptors", "file-nr cannot be read", "host_file_descriptors_max"),
    ],
)
def test_what_a_machine_does_not_offer_is_said_and_the_rest_goes_on(
    machine: Path, gone: str, fact: str, sentence: str, metric: str
) -> None:
    path = machine / "proc" / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    finding = probe(machine).look()
    assert finding.outcome is Outcome.UP
    assert sentence in told(finding, fact)
    assert metric not in names(finding)
    assert len(names(finding)) > 10


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stat", "nonsense\n"),
        ("loadavg", "a b c\n"),
        ("meminfo", "\x00\xff"),
        ("vmstat", ""),
        ("sys/fs/file-nr", "850\n"),
        ("pressure/io", "some avg10=x total=1\n"),
        ("1/net/dev", "eth0\n"),
        ("diskstats", "8 0\n\n"),
    ],
)
def test_nonsense_from_the_kernel_stops_nothing(machine: Path, name: str, text: str) -> None:
    put(machine / "proc", name, text)
    finding = probe(machine).look()
    assert finding.outcome is Outcome.UP
    assert len(names(finding)) > 10


def test_a_machine_without_proc_is_unknown(tmp_path: Path) -> None:
    host = probe(tmp_path / "nowhere")
    with pytest.raises(RuntimeError, match=r"nothing can be measured: .*/proc/stat cannot be read"):
        host.look()


def test_processes_are_counted_by_their_names(machine: Path) -> None:
    proc = machine / "proc"
    process(proc, 10, "nginx", command="nginx: master process /usr/sbin/nginx\0")
    process(proc, 11, "nginx")
    process(proc, 12, "nginx", state="Z")
    process(proc, 13, "a) S 1 (nginx")
    process(proc, 14, "mysqld_exporter"[:15], command="/usr/bin/mysqld_exporter_long\0--x\0")
    process(proc, 15, "python3", command="/usr/bin/python3\0worker.py\0")
    finding = probe(machine, processes={"nginx": {"min": 2, "max": 2}, "mysqld_exporter_long": {}}).look()
    assert finding.outcome is Outcome.UP
    assert value(finding, "host_processes", process="nginx") == 2
    assert value(finding, "host_processes", process="mysqld_exporter_long") == 1
    assert value(finding, "host_process_resident_bytes", process="nginx") == 200 * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"nginx": {"min": 1}}, "0 processes named nginx run, expected at least 1"),
        ({"php-fpm": {"min": 0, "max": 1}}, "2 processes named php-fpm run, expected at most 1"),
    ],
)
def test_a_missing_process_or_one_too_many_is_down(machine: Path, expected: dict[str, object], reason: str) -> None:
    process(machine / "proc", 10, "php-fpm")
    process(machine / "proc", 11, "php-fpm")
    finding = probe(machine, processes=expected).look()
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == reason
    assert finding.evidence is not None
    assert finding.evidence.summary == reason


def test_a_full_disk_is_down_only_where_the_config_says_so(machine: Path) -> None:
    assert probe(machine).look().outcome is Outcome.UP
    finding = probe(machine, full="0.0001%").look()
    assert finding.outcome is Outcome.DOWN
    assert "of the space on / is used, expected less than 1e-06" in finding.reason


def test_a_disk_that_is_not_there_is_said_and_the_others_are_measured(machine: Path) -> None:
    finding = probe(machine, disks=["/mnt/gone", "/var"]).look()
    assert finding.outcome is Outcome.DEGRADED
    assert finding.reason == "/mnt/gone cannot be looked at: No such file or directory"
    assert value(finding, "host_disk_size_bytes", mount="/var") > 0


@pytest.mark.integration
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_disk_that_was_unmounted_is_noticed(machine: Path) -> None:
    source, mount = Source(machine / "proc", machine / "sys"), machine / "root/var"
    disk = Disk("/var", machine / "root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], check=True)
    try:
        room = disk.read(source)
        assert [sample.value for sample in room.samples if sample.name == "host_disk_size_bytes"] == [1024 * 1024]
    finally:
        subprocess.run(["umount", mount], check=True)
    for _ in range(2):
        with pytest.raises(Missing, match="/var is no longer mounted"):
            disk.read(source)


def test_a_folder_that_was_never_a_mount_is_measured(machine: Path) -> None:
    disk = Disk("/var", machine / "root")
    for _ in range(2):
        assert disk.read(Source(machine / "proc", machine / "sys")).samples


def test_a_disk_that_hangs_is_asked_once(machine: Path) -> None:
    answer, asked = threading.Event(), []

    def hang(path: Path) -> tuple[os.statvfs_result, os.stat_result]:
        asked.append(path)
        answer.wait(30)
        return os.statvfs(path), path.stat()

    source, disk = Source(machine / "proc", machine / "sys"), Disk("/", patience=0.05, ask=hang)
    for _ in range(3):
        with pytest.raises(Missing, match="/ does not answer"):
            disk.read(source)
    assert len(asked) == 1
    answer.set()
    disk.patience = 30
    assert disk.read(source).used > 0


@pytest.fixture
def diskstats(machine: Path) -> Path:
    device = (machine / "root").stat().st_dev
    line = f"{os.major(device)} {os.minor(device)} vda 10 0 20 1 30 0 40 1 0 5000 7000 0 0 0 0 0 0"
    put(machine / "proc", "diskstats", f"254 16 vdb 1 2 3\n   {line}\n")
    return machine


def test_the_disk_below_a_mount_is_measured(diskstats: Path) -> None:
    finding = probe(diskstats).look()
    assert value(finding, "host_disk_reads_total", mount="/") == 10
    assert value(finding, "host_disk_read_bytes_total", mount="/") == 20 * 512
    assert value(finding, "host_disk_written_bytes_total", mount="/") == 40 * 512
    assert value(finding, "host_disk_io_seconds_total", mount="/") == 5
    assert value(finding, "host_disk_io_weighted_seconds_total", mount="/") == 7


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"disks": ["var"]}, "'var' is no mount"),
        ({"processes": {"nginx": {"min": -1}}}, "greater than or equal to 0"),
        ({"processes": {"nginx": {"min": 3, "max": 2}}}, "max 2 is less than min 3"),
        ({"full": "95"}, "is not a ratio"),
        ({"disk": ["/"]}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HostSettings.model_validate({"name": "h", "type": "host", **settings})


@pytest.fixture
def sleeper() -> Iterator[int]:
    program = shutil.copy(shutil.which("sleep") or "/bin/sleep", f"/tmp/sw-sleeper-{os.getpid()}")
    with subprocess.Popen([program, "60"]) as running:
        yield running.pid
        running.kill()
    Path(program).unlink()


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' own files")
def test_this_very_machine(sleeper: int) -> None:
    async def look() -> Finding:
        settings = HostSettings(name="here", processes={f"sw-sleeper-{os.getpid()}": {"min": 1, "max": 1}})  # type: ignore[dict-item]  # as YAML gives it
        host = HostProbe(settings)
        run = Run(deadline=0, now=0, run_id="1")
        await host.check(run)
        with socket.socket():
            return await host.check(run)

    finding = asyncio.run(look())
    assert finding.outcome is Outcome.UP, finding.reason
    assert value(finding, "host_memory_total_bytes") > 1e8
    assert value(finding, "host_file_descriptors_open") > 3
    assert names(finding) <= {metric.name for metric in HostProbe.metrics}
