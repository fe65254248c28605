"""A service under load: 100,000 series on /metrics, scraped every second, results coming in, shipped rules evaluated.

    python -m bench.service_load [--seconds 20]

Other benches run it beside what they measure (`serve PORT`). By itself it says what the scrapes cost and how long its
event loop stood still. Ends with one JSON line a figure.
"""

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from pathlib import Path

import uvloop
import yaml

from alerts.promql import Engine, parse
from bench.scrape import PER_PROBE, SERIES, Kinds, result
from monitor.intake import Intake
from monitor.latest import Latest
from monitor.metrics import CONTENT_TYPE, Exposition
from monitor.samples import Samples
from probes.base import ProbeSettings, Result

#: Results a second, and seconds between two evaluations of all rules.
RATE, RULES_EVERY = 200, 15.0


class _Page(asyncio.Protocol):
    """Answers a scrape, and notes the CPU time that the page took."""

    def __init__(self, load: "Load") -> None:
        self._load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        began = time.thread_time()
        page = self._load.exposition.text()
        self._load.scrapes.append(time.thread_time() - began)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(page)}\r\n\r\n"
        self._transport.write(head.encode() + page)  # type: ignore[attr-defined]
        self._transport.close()


class Load:
    """The service's parts that cost something, without those that tell people."""

    def __init__(self) -> None:
        self.scrapes: list[float] = []
        self.stops: list[float] = []
        self.exposition = Exposition("bench", Kinds())
        self._samples = Samples()
        self._intake = Intake(self.exposition, self._samples, Latest(), lambda: None, time.time)
        self._probes = [ProbeSettings(name=f"probe {n}", type="fifty") for n in range(SERIES // PER_PROBE)]
        now = time.time()
        self._intake.remember(self.exposition.configure(self._probes, now), now)
        self._intake.take([self._seen(number) for number in range(len(self._probes))])

    async def serve(self, port: int) -> None:
        """Take in results, answer scrapes, and evaluate rules, for ever."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Page(self), "127.0.0.1", port)
        threading.Thread(target=self._evaluate, daemon=True).start()
        scraping = asyncio.create_task(self._scrape(server.sockets[0].getsockname()[1]))
        number, pause = 0, 0.02
        while not scraping.done():
            due = loop.time() + pause
            await asyncio.sleep(pause)
            self.stops.append(loop.time() - due)
            self._intake.take([self._seen((number + n) % len(self._probes)) for n in range(round(RATE * pause))])
            number += round(RATE * pause)

    async def _scrape(self, port: int) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
            while await reader.read(1 << 20):
                pass
            writer.close()
            await asyncio.sleep(1.0)

    def _evaluate(self) -> None:
        files = sorted(Path("alerts/rules").glob("*.yml"))
        groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
        rules = [parse(rule["expr"]) for group in groups for rule in group["rules"]]
        engine = Engine(self._samples)
        while True:
            for rule in rules:
                engine.instant(rule, round(time.time() * 1000))
            time.sleep(RULES_EVERY)

    def _seen(self, number: int) -> Result:
        seen = result(number, time.time() % 1)
        return Result(seen.probe, seen.type, time.time(), seen.late, seen.duration, seen.finding)


async def _measure(seconds: float) -> None:
    load = Load()
    serving = asyncio.create_task(load.serve(0))
    await asyncio.sleep(seconds)
    serving.cancel()
    scrape, stop = statistics.median(load.scrapes), statistics.quantiles(load.stops, n=100)[98]
    for figure, ours in (
        ("scrape of 100,000 series while results come in and rules run, CPU seconds", scrape),
        ("the same: standstill of the service's event loop p99, seconds", stop),
    ):
        print(json.dumps({"figure": figure, "ours": ours, "peer": None, "ratio": None}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(Load().serve(int(sys.argv[2])))
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("--seconds", type=float, default=20.0)
        uvloop.run(_measure(parser.parse_args().seconds))
