"""A soak: hundreds of probes, good, failing and hanging, for minutes; memory, descriptors, tasks and threads stay flat.

    python -m bench.soak [--minutes 1]

Measured are the service's part and the prober, at the end of the first third and of the run. `peer` is the former.
"""

import argparse
import asyncio
import gc
import json
import logging
import subprocess
import sys
from typing import NamedTuple

import psutil
import uvloop

from bench.black_holes import KINDS
from bench.prober_scale import Service
from monitor.prober.prober import Prober
from probes.http import HttpSettings


class Size(NamedTuple):
    """What both processes hold."""

    memory: float
    descriptors: int
    threads: int
    tasks: int


def probes(ports: dict[str, int], count: int = 200) -> list[HttpSettings]:
    """Four in five are good, the others fail in four ways; each looks once a second."""
    return [_probe(n, KINDS[n // 5 % len(KINDS)] if n % 5 == 0 else "good", ports) for n in range(count)]


def _probe(number: int, kind: str, ports: dict[str, int]) -> HttpSettings:
    words = {"name": f"{kind} {number}", "type": "http", "every": 1.0, "timeout": 0.5}
    if kind == "dns":
        words |= {"url": f"http://shop{number}.test/", "resolver": [f"127.0.0.1:{ports['dns']}"]}
    else:
        words["url"] = f"http{'s' if kind == 'tls' else ''}://127.0.0.1:{ports[kind]}/"
    return HttpSettings.model_validate(words)


def _size(prober: Prober) -> Size:
    gc.collect()
    both = [psutil.Process(), psutil.Process(prober.shards[0].pid)]
    return Size(
        sum(process.memory_info().rss for process in both) / 2**20,
        sum(process.num_fds() for process in both),
        sum(process.num_threads() for process in both),
        len(asyncio.all_tasks()) + prober.shards[0].vitals.running,
    )


async def soak(seconds: float, settings: list[HttpSettings]) -> tuple[Size, Size, int]:
    """Sizes after a third of the time and at its end, each the least of ten, for looks come and go; and looks made."""
    service = Service(settings)
    prober = Prober(settings, "bench", service.results_in, service.missed_in)
    await prober.start()
    try:
        await asyncio.sleep(seconds / 3)
        before = await _least(prober)
        service.late.clear()  # the bench's own list must not be taken for a leak
        await asyncio.sleep(seconds * 2 / 3)
        looks = len(service.late)
        service.late.clear()
        return before, await _least(prober), looks
    finally:
        await prober.stop(0.5)


async def _least(prober: Prober) -> Size:
    sizes = []
    for _ in range(10):
        sizes.append(_size(prober))
        await asyncio.sleep(0.1)
    return Size(*map(min, *sizes))


async def main(minutes: float) -> None:
    command = [sys.executable, "-m", "bench.black_holes", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - before anything runs
    assert server.stdout is not None
    try:
        before, after, looks = await soak(minutes * 60, probes(json.loads(server.stdout.readline())))
    finally:
        server.kill()
        server.wait()
    for name in Size._fields:
        ours, peer = getattr(after, name), getattr(before, name)
        print(json.dumps({"figure": f"soak, {looks} looks: {name}", "ours": ours, "peer": peer, "ratio": ours / peer}))


if __name__ == "__main__":
    logging.basicConfig()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=0.9)
    uvloop.run(main(parser.parse_args().minutes))
