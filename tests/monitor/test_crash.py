"""Killed at any moment, again and again: whatever was promised to be decided is told in the end."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.monitor.making import Now, Remembering, room
from tests.servers import until

pytestmark = pytest.mark.integration

_CHILD = """
    import itertools, os, sys, time
    from tests.alerts.making import alert, labels
    from tests.monitor.making import Now, Remembering, room

    sent = open(sys.argv[2], "a", buffering=1)

    def tell(page):
        sent.write(page.headline + "\\n")

    with room("sqlite:" + sys.argv[1], [Remembering("slack", tell)], clock=Now()) as made:
        for number in itertools.count(int(sys.argv[3])):
            now = time.time()
            told = alert(now, started_at=now, labels=labels(f"A{number}"), annotations={"summary": f"A{number}"})
            made.desk.submit(told).result(30)
            print(f"A{number}", flush=True)  # from here on it is a promise
"""


def test_no_promise_is_broken_by_kill_9(tmp_path: Path) -> None:
    store, sent, root = tmp_path / "state.db", tmp_path / "sent", Path(__file__).parents[2]
    promised: list[str] = []
    chance = random.Random(20261121)
    for turn in range(4):
        arguments = [sys.executable, "-c", textwrap.dedent(_CHILD), str(store), str(sent), str(turn * 10_000)]
        child = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, text=True
        )
        assert child.stdout is not None
        promised.append(child.stdout.readline().strip())
        time.sleep(chance.uniform(0.05, 0.6))
        os.kill(child.pid, signal.SIGKILL)
        promised += child.stdout.read().split()
        child.wait(30)
        child.stdout.close()
    assert len(promised) > 20
    slack = Remembering("slack")
    with room(f"sqlite:{store}", [slack], clock=Now()):

        def told() -> set[str]:
            return {page.headline for page, _ in slack.sent} | set(sent.read_text().split())

        until(lambda: set(promised) <= told(), f"{len(promised)} promised pages", 60)
