"""How soon a killed prober looks again, with the HTTP probe loaded; ends with one JSON line."""

import asyncio
import json
import os
import signal
import statistics
import time

import uvloop

from monitor.prober.prober import Prober
from probes.base import Result
from probes.http import HttpSettings

ROUNDS = 5


async def measure() -> float:
    probes = [
        HttpSettings(name=f"probe {n}", type="http", url="http://127.0.0.1:9/", every=1.0, timeout=1.0)
        for n in range(1000)
    ]
    results: list[Result] = []
    prober = Prober(probes, "bench", results.extend, lambda missed: None)
    await prober.start()
    await asyncio.sleep(2.0)
    pid = prober.shards[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    killed = time.time()
    await asyncio.sleep(3.0)
    await prober.stop()
    return min(result.at for result in results if result.slot > killed) - killed


if __name__ == "__main__":
    back = statistics.median([uvloop.run(measure()) for _ in range(ROUNDS)])
    figure = "from kill -9 of a prober with 1,000 HTTP probes to its first look, seconds (promised: 1)"
    print(json.dumps({"figure": figure, "ours": back, "peer": 1.0, "ratio": back}))
