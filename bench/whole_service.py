"""The whole service with 5,000 probes every 10 s: `shopwatch run` as it is installed, with rules, store and web.

    python -m bench.whole_service [--probes 5000] [--minutes 3]

The service runs from a config in a folder of its own against a local server. Its /metrics is scraped every 15 s, as
Prometheus would; what it says there of slots and lateness is counted from the first minute on. Memory is that of all
its processes after the last scrape, as the kernel counts it: resident (pages of libraries that processes share count
once for each), proportional, and their own alone; `peer` is the same with one probe. Ends with one JSON line a figure.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from bench.probe_cpu import free_port

EVERY, SCRAPE, SETTLE = 10.0, 15.0, 60.0
_LATE = re.compile(r'shopwatch_prober_start_lateness_seconds_bucket\{[^}]*le="([^"]+)"[^}]*\} (\S+)')
_SLOTS = re.compile(r'probe_slots_total\{[^}]*state="(\w+)"\} (\S+)')
_MEMORY = ("rss", "pss", "uss")


class Counts(NamedTuple):
    """What /metrics says: slots by how they ended, and how many looks began at most so many seconds late."""

    slots: Counter[str]
    late: Counter[float]

    def since(self, before: "Counts") -> "Counts":
        """What came after."""
        return Counts(self.slots - before.slots, self.late - before.late)

    def lateness(self, part: float) -> float:
        """The bound of the histogram below which this part of all looks began, in seconds."""
        looks = max(self.late.values())
        return min(bound for bound, count in self.late.items() if count >= part * looks)


class Seen(NamedTuple):
    """One service after a while: its processes' memory in MiB, what it counted, the CPU seconds it took a look."""

    memory: dict[str, float]
    counts: Counts
    cpu: float
    series: int


@contextlib.contextmanager
def server() -> Iterator[int]:
    """A small shop of its own process; answers its port."""
    command = [sys.executable, "-m", "bench.prober_scale", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def shopwatch(folder: Path, probes: int, shop: int) -> Iterator[tuple[psutil.Process, str]]:
    """The service and the address of its page."""
    address = f"127.0.0.1:{free_port()}"
    looks = [
        {"name": f"probe {n}", "type": "http", "url": f"http://127.0.0.1:{shop}/{n}", "every": "10s", "timeout": "5s"}
        for n in range(probes)
    ]
    config = folder / "config.yaml"
    config.write_text(json.dumps({"listen": address, "store": f"sqlite:///{folder}/store.db", "probes": looks}))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = [sys.executable, "-m", "monitor", "run", "--config", str(config)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid), f"http://{address}"
        finally:
            process.terminate()


def scraped(client: httpx.Client) -> str:
    """The page of metrics; waits for a service that just starts."""
    for _ in range(300):
        with contextlib.suppress(httpx.TransportError):
            return client.get("/metrics").raise_for_status().text
        time.sleep(0.1)
    raise TimeoutError("the service did not come up within 30 s")


def counted(page: str) -> Counts:
    """What a page says, all probes and probers together."""
    slots, late = Counter[str](), Counter[float]()
    for state, count in _SLOTS.findall(page):
        slots[state] += int(float(count))
    for bound, count in _LATE.findall(page):
        late[float(bound)] += int(float(count))
    return Counts(slots, late)


def cpu_of(service: psutil.Process) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in (service, *service.children(recursive=True)))


def memory_of(service: psutil.Process) -> dict[str, float]:
    """MiB of the service and its probers together."""
    full = [process.memory_full_info() for process in (service, *service.children(recursive=True))]
    return {name: sum(getattr(one, name) for one in full) / 2**20 for name in _MEMORY}


def watch(probes: int, minutes: float, shop: int) -> Seen:
    """Run a service for so long; counts begin when it has settled."""
    with (
        tempfile.TemporaryDirectory() as name,
        shopwatch(Path(name), probes, shop) as (service, url),
        httpx.Client(base_url=url, timeout=30.0, trust_env=False) as client,
    ):
        scraped(client)
        time.sleep(SETTLE)
        before, began, started = counted(scraped(client)), cpu_of(service), time.monotonic()
        while time.monotonic() - started < minutes * 60:
            time.sleep(SCRAPE)
            page = scraped(client)
        counts = counted(page).since(before)
        looks = max(counts.late.values())
        return Seen(memory_of(service), counts, (cpu_of(service) - began) / looks, page.count("\n"))


def main(probes: int, minutes: float) -> None:
    with server() as shop:
        one = watch(1, 0.25, shop)
        seen = watch(probes, minutes, shop)
    slots, name = seen.counts.slots, f"shopwatch run, {probes} probes every {EVERY:.0f} s, {minutes:g} min"
    print(f"{slots['run']} slots run, {slots['late']} late, {seen.series} lines on /metrics")
    figures: list[tuple[str, float, float | None]] = [
        (f"{name}: slots missed", slots["missed"], None),
        (f"{name}: start lateness p99 at most, seconds", seen.counts.lateness(0.99), None),
        (f"{name}: CPU seconds a look, rules, store and scrapes included", seen.cpu, None),
        *((f"{name}: {kind} of all processes, MiB", seen.memory[kind], one.memory[kind]) for kind in _MEMORY),
    ]
    for figure, ours, peer in figures:
        ratio = round(ours / peer, 2) if peer else None
        print(json.dumps({"figure": figure, "ours": round(ours, 6), "peer": peer and round(peer, 1), "ratio": ratio}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--probes", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=3.0)
    options = parser.parse_args()
    main(options.probes, options.minutes)
