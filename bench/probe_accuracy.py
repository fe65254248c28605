"""How far the reported time to the first byte is from what the server really took: ours and blackbox_exporter's.

    python -m bench.probe_accuracy [--rates 200 1000] [--rounds 5] [--seconds 4]

A server waits 1 to 200 ms before each answer and notes how long it really waited, so that its own lateness counts for
neither side. Both sides look at the same targets at the same rate, in turns, while a Shopwatch service beside them has
100,000 series scraped every second and evaluates the shipped rules (bench.service_load). The error is what is reported
as `processing` less what the server noted; a figure is the median over the rounds of its 99th percentile, in ms.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import uvloop

from bench.probe_cpu import _environment, _wait_for, free_port

_PROCESSING = re.compile(rb'probe_http_duration_seconds\{phase="processing"\} (\S+)')


class _Slow(asyncio.Protocol):
    """GET /7 is answered after a delay of its own; GET /waits tells and forgets every wait so far."""

    waits: ClassVar[dict[str, list[float]]] = {}

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        name, came = data.split(b" ", 2)[1][1:].decode(), time.perf_counter()
        if name == "waits":
            self._send(json.dumps(self.waits).encode())
            self.waits.clear()
            return
        delay = 0.001 + (int(name) * 7919 % 200) / 1000
        asyncio.get_running_loop().call_later(delay, self._answer, name, came)

    def _answer(self, name, came):
        self.waits.setdefault(name, []).append(time.perf_counter() - came)
        self._send(b"x")

    def _send(self, body):
        self.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()


def serve(port: int) -> None:
    """The slow shop."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Slow, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    uvloop.run(run())


async def _at_rate(look, rate: int, seconds: float) -> dict[str, list[float]]:
    """Call `look(name)` for `rate` targets, each once a second at its own phase; what was reported, by target."""
    loop, reported = asyncio.get_running_loop(), {}

    async def target(number: int) -> None:
        name = str(number)
        for turn in range(int(seconds)):
            await asyncio.sleep(max(0.0, started + turn + number / rate - loop.time()))
            reported.setdefault(name, []).append(await look(name))

    started = loop.time() + 0.1
    await asyncio.gather(*(target(number) for number in range(rate)))
    return reported


def ours(port: int, rate: int, seconds: float) -> None:
    """Look with our http probe."""
    from probes.base import Run
    from probes.http import HttpProbe, HttpSettings

    async def run() -> None:
        probes = {}
        for number in range(rate):
            url = f"http://127.0.0.1:{port}/{number}"
            probe = probes[str(number)] = HttpProbe(
                HttpSettings.model_validate({"name": "p", "type": "http", "url": url})
            )
            await probe.open()

        async def look(name: str) -> float:
            finding = await probes[name].check(Run(asyncio.get_running_loop().time() + 5, time.time(), "bench"))
            return next(s.value for s in finding.samples if s.labels == (("phase", "processing"),))

        print(json.dumps(await _at_rate(look, rate, seconds)))

    uvloop.run(run())


def drive(exporter: int, port: int, rate: int, seconds: float) -> None:
    """Look through blackbox_exporter."""

    async def look(name: str) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", exporter)
        target = f"http://127.0.0.1:{port}/{name}"
        writer.write(f"GET /probe?module=bench&target={target} HTTP/1.0\r\n\r\n".encode())
        page = await reader.read()
        writer.close()
        return float(_PROCESSING.search(page)[1])

    async def run() -> None:
        print(json.dumps(await _at_rate(look, rate, seconds)))

    uvloop.run(run())


def _self(*arguments: object) -> dict[str, list[float]]:
    command = [sys.executable, "-m", "bench.probe_accuracy", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=_environment()).stdout)


def _waits(port: int) -> dict[str, list[float]]:
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/waits") as answer:
        return json.load(answer)


def _p99(reported: dict[str, list[float]], waits: dict[str, list[float]]) -> float:
    errors = [
        abs(said - took) * 1000
        for name, values in reported.items()
        for said, took in zip(values, waits[name], strict=True)
    ]
    return statistics.quantiles(errors, n=100)[98]


def measure(rates: list[int], rounds: int, seconds: float) -> None:
    """Both sides in turns, at each rate."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "blackbox.yml")
        module = {"prober": "http", "timeout": "5s", "http": {"preferred_ip_protocol": "ip4"}}
        config.write_text(json.dumps({"modules": {"bench": module}}))
        port, exporter = free_port(), free_port()
        server = [sys.executable, "-m", "bench.probe_accuracy", "serve", str(port)]
        peer = [
            "prometheus-blackbox-exporter",
            f"--config.file={config}",
            f"--web.listen-address=127.0.0.1:{exporter}",
            "--log.level=error",
        ]
        pages = free_port()
        load = [sys.executable, "-m", "bench.service_load", "serve", str(pages)]
        started = [
            subprocess.Popen(server, env=_environment()),
            subprocess.Popen(peer, stderr=subprocess.DEVNULL),
            subprocess.Popen(load, env=_environment()),
        ]
        try:
            for listening in (port, exporter, pages):
                _wait_for(listening)
            for rate in rates:
                mine, theirs = [], []
                for _ in range(rounds):
                    mine.append(_p99(_self("ours", port, rate, seconds), _waits(port)))
                    theirs.append(_p99(_self("drive", exporter, port, rate, seconds), _waits(port)))
                a, b = statistics.median(mine), statistics.median(theirs)
                figure = f"p99 error of the time to the first byte in ms, {rate} probes/s, service under load"
                line = {"figure": figure, "ours": round(a, 3), "peer": round(b, 3), "ratio": round(a / b, 2)}
                print(json.dumps(line), flush=True)
        finally:
            for process in started:
                process.terminate()
                process.wait(10)


def main() -> None:
    """The whole comparison; `serve`, `ours` and `drive` are what it starts."""
    match sys.argv[1:]:
        case ["serve", port]:
            serve(int(port))
        case ["ours", port, rate, seconds]:
            ours(int(port), int(rate), float(seconds))
        case ["drive", exporter, port, rate, seconds]:
            drive(int(exporter), int(port), int(rate), float(seconds))
        case arguments:
            parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
            parser.add_argument("--rates", type=int, nargs="+", default=[200, 1000])
            parser.add_argument("--rounds", type=int, default=5)
            parser.add_argument("--seconds", type=float, default=4.0)
            options = parser.parse_args(arguments)
            measure(options.rates, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
