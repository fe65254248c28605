"""Half of 1,000 targets swallow everything: what the other half's looks suffer from it.

    python -m bench.black_holes [--probes 1000] [--seconds 15]

A quarter of the bad half each: name servers that never answer, ports that drop SYNs, servers that never shake hands,
pages that drip a byte at a time. Every probe looks every 10 s and gives up after 5 s. Ends with one JSON line a figure;
`peer` is the same run without black holes.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
from collections import Counter

import uvloop

from bench.prober_scale import Answer, Service
from monitor.prober.prober import Prober
from probes.base import Outcome, Result
from probes.http import HttpSettings

EVERY, TIMEOUT, WARM_UP = 10.0, 5.0, 12.0
KINDS = ("dns", "syn", "tls", "drip")


class _Silent(asyncio.Protocol):
    """Takes what comes, and says nothing."""


class _Drip(asyncio.Protocol):
    """Begins to answer, and never comes to an end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        asyncio.get_running_loop().call_later(0.01, self._drop, b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")

    def _drop(self, drops: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(drops)  # type: ignore[attr-defined]
            asyncio.get_running_loop().call_later(0.5, self._drop, b"x")


async def serve() -> None:
    """The good server and the four kinds of black hole; prints their ports."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0, backlog=4096) for kind in (Answer, _Silent, _Drip)]
    good, silent, drip = (server.sockets[0].getsockname()[1] for server in servers)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 0))
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    knocking = []
    for _ in range(4):  # a full backlog: the kernel drops what comes after it
        knock = socket.socket()
        knock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            knock.connect(full.getsockname())
        knocking.append(knock)
    ports = {"good": good, "tls": silent, "drip": drip, "dns": names.getsockname()[1], "syn": full.getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def probes(count: int, ports: dict[str, int], holes: bool) -> list[HttpSettings]:
    """Good and bad ones in turns."""
    return [_probe(n, "good" if n % 2 == 0 or not holes else KINDS[n // 2 % len(KINDS)], ports) for n in range(count)]


def _probe(number: int, kind: str, ports: dict[str, int]) -> HttpSettings:
    words = {"name": f"{kind} {number}", "type": "http", "every": EVERY, "timeout": TIMEOUT}
    if kind == "dns":
        words |= {"url": f"http://shop{number}.test/", "resolver": [f"127.0.0.1:{ports['dns']}"]}
    elif kind == "tls":
        words["url"] = f"https://127.0.0.1:{ports['tls']}/"
    else:
        words["url"] = f"http://127.0.0.1:{ports[kind]}/"
    return HttpSettings.model_validate(words)


async def measure(settings: list[HttpSettings], seconds: float) -> tuple[list[float], Counter[str], int]:
    """Lateness of the good ones' looks, all outcomes by kind, and slots missed."""
    service = Service(settings)
    results: list[Result] = []

    def take(batch: list[Result]) -> None:
        service.results_in(batch)
        results.extend(batch)

    prober = Prober(settings, "bench", take, service.missed_in)
    await prober.start()
    await asyncio.sleep(WARM_UP)
    results.clear()
    service.missed = 0
    await asyncio.sleep(seconds)
    await prober.stop(0.1)
    late = sorted(result.late for result in results if result.probe.startswith("good") and not result.extra)
    return late, Counter(f"{result.probe.split()[0]} {result.outcome}" for result in results), service.missed


async def main(count: int, seconds: float) -> None:
    command = [sys.executable, "-m", "bench.black_holes", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - before anything runs
    assert server.stdout is not None
    try:
        ports = json.loads(server.stdout.readline())
        p99 = {}
        for holes in (False, True):
            late, outcomes, missed = await measure(probes(count, ports, holes), seconds)
            p99[holes] = late[len(late) * 99 // 100]
            print(f"black holes: {holes}; looks {dict(sorted(outcomes.items()))}; missed {missed}", flush=True)
        good = sum(number for name, number in outcomes.items() if name.startswith("good"))
        wrong = good - outcomes[f"good {Outcome.UP}"]
        bad = sum(outcomes.values()) - good
        # A name server that keeps silent may be our own: those looks are unknown, all others down.
        said = {kind: Outcome.UNKNOWN if kind == "dns" else Outcome.DOWN for kind in KINDS}
        odd = bad - sum(outcomes[f"{kind} {outcome}"] for kind, outcome in said.items())
    finally:
        server.kill()
        server.wait()
    for figure, ours, peer in (
        ("half black-holed: lateness p99 of the others, seconds (peer: none black-holed)", p99[True], p99[False]),
        (f"half black-holed: wrong verdicts of the {good} others' looks", wrong, None),
        (f"half black-holed: wrong verdicts of the {bad} looks into black holes", odd, None),
        ("half black-holed: slots missed", missed, None),
    ):
        print(json.dumps({"figure": figure, "ours": ours, "peer": peer, "ratio": peer and ours / peer}))


if __name__ == "__main__":
    logging.basicConfig()
    if sys.argv[1:] == ["serve"]:
        uvloop.run(serve())
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("--probes", type=int, default=1000)
        parser.add_argument("--seconds", type=float, default=15.0)
        options = parser.parse_args()
        uvloop.run(main(options.probes, options.seconds))
