"""Thousands of HTTP probes every 10 s against a local server: lateness, missed slots, memory, CPU a probe.

    python -m bench.prober_scale [COUNT …]      (default: 100 5000 10000; about 35 s each)

Counted are the service's part (results in, metrics, samples in memory) and the prober, without the server. The CPU a
probe costs is compared with that of the smallest count. Ends with one JSON line a figure.
"""

import asyncio
import json
import logging
import subprocess
import sys
import time

import psutil
import uvloop

from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import Exposition
from monitor.prober.prober import Prober
from monitor.prober.slots import Missed
from monitor.samples import Samples
from probes.base import Outcome, Result
from probes.http import HttpSettings

#: Two looks at each probe go by first: what memory must arrange for a probe's series is arranged then.
EVERY, WARM_UP, MEASURED = 10.0, 22.0, 10.0


class Answer(asyncio.Protocol):
    """Answers anything with a small page, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwelcome")  # type: ignore[attr-defined]
        self.transport.close()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Service:
    """The service's part of the work: metrics, samples in memory, the newest results."""

    def __init__(self, probes: list[HttpSettings]) -> None:
        self.exposition = Exposition("bench")
        self.samples = Samples(max_series=600_000)
        self.intake = Intake(self.exposition, self.samples, Latest(), lambda: None, time.time)
        self.intake.remember(self.exposition.configure(probes, time.time()), time.time())
        self.late: list[float] = []
        self.bad = self.missed = 0

    def results_in(self, results: list[Result]) -> None:
        self.intake.take(results)
        self.late += [result.late for result in results]
        self.bad += sum(result.outcome is not Outcome.UP for result in results)

    def missed_in(self, missed: list[Missed]) -> None:
        self.intake.missed(missed)
        self.missed += sum(some.slots for some in missed)


async def measure(count: int, port: int) -> dict[str, float]:
    probes = [
        HttpSettings(name=f"probe {n}", type="http", url=f"http://127.0.0.1:{port}/{n}", every=EVERY, timeout=5.0)
        for n in range(count)
    ]
    service = Service(probes)
    prober = Prober(probes, "bench", service.results_in, service.missed_in)
    await prober.start()
    await asyncio.sleep(WARM_UP)
    processes = [psutil.Process(), psutil.Process(prober.shards[0].pid)]
    service.late.clear()
    before = [sum(process.cpu_times()[:2]) for process in processes]
    await asyncio.sleep(MEASURED)
    after = [sum(process.cpu_times()[:2]) for process in processes]
    memory = [process.memory_info().rss / 2**20 for process in processes]
    late = sorted(service.late)
    looks = len(late)
    await prober.stop()
    own, child = (end - start for start, end in zip(before, after, strict=True))
    return {
        "looks": looks,
        "bad": service.bad,
        "missed": service.missed,
        "late p50": late[looks // 2],
        "late p99": late[looks * 99 // 100],
        "late max": late[-1],
        "MiB": sum(memory),
        "service MiB": memory[0],
        "service CPU": own / looks,
        "prober CPU": child / looks,
        "series": service.exposition.text().count(b"\n"),
    }


async def main(counts: list[int]) -> None:
    command = [sys.executable, "-m", "bench.prober_scale", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - before anything runs
    assert server.stdout is not None
    figures, first = [], 0.0
    try:
        port = int(server.stdout.readline())
        for count in counts:
            seen = await measure(count, port)
            print(f"{count} probes: " + ", ".join(f"{name} {value:.6g}" for name, value in seen.items()))
            cost = seen["service CPU"] + seen["prober CPU"]
            first = first or cost
            name = f"{count} probes every 10 s"
            figures += [
                (f"{name}: CPU seconds a probe (peer: {counts[0]} probes)", cost, first),
                (f"{name}: start lateness p99, seconds", seen["late p99"], None),
                (f"{name}: slots missed", seen["missed"], None),
                (f"{name}: memory of service and prober, MiB", seen["MiB"], None),
            ]
    finally:
        server.kill()
        server.wait()
    for figure, ours, peer in figures:
        print(json.dumps({"figure": figure, "ours": ours, "peer": peer, "ratio": peer and ours / peer}))


if __name__ == "__main__":
    logging.basicConfig()
    work = serve() if sys.argv[1:] == ["serve"] else main([int(count) for count in sys.argv[1:]] or [100, 5000, 10_000])
    uvloop.run(work)
