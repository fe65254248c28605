"""A short soak: what a prober and the service hold after some thousand looks is what they held before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak import probes, soak

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


@pytest.fixture
def ports():
    command = [sys.executable, "-m", "bench.black_holes", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


async def test_memory_descriptors_tasks_and_threads_stay_flat(ports):
    before, after, looks = await soak(24.0, probes(ports, 100))
    assert looks >= 500
    # 1,600 looks that each leaked a descriptor, task or ten kilobytes would be seen
    assert after.descriptors <= before.descriptors + 15
    assert after.threads <= before.threads
    assert after.tasks <= before.tasks + 15
    assert after.memory <= before.memory + 12
