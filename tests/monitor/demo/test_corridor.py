"""The whole corridor on the demo: a switch is broken, a page names the step, mending resolves it, nothing is left."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import httpx
import psutil
import pytest

from monitor.demo.run import DemoError, admin_key, find_demo

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

#: Probe interval and `for` of CheckoutFailing are 5 s and 30 s; the machine may be busy.
_PAGED_WITHIN = 5 + 30 + 2 + 15


class _Demo:
    def __init__(self, state) -> None:
        self.state = state
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "demo", "--state", str(state)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.output.append(line)  # one by one: others look while more come

    @property
    def said(self) -> str:
        return "".join(self.output)

    def outcomes(self) -> dict[str, str]:
        try:
            lines = httpx.get(f"{find_demo(self.state).service}/metrics", trust_env=False).text.splitlines()
        except (DemoError, httpx.HTTPError):
            return {}
        found = [line for line in lines if line.startswith("probe_outcome{") and line.endswith(" 1.0")]
        return {line.split('probe="')[1].split('"')[0]: line.split('outcome="')[1].split('"')[0] for line in found}

    def until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"the demo ended:\n{self.said}"
            assert time.monotonic() < end, f"after {seconds:g} s still waiting for {what}:\n{self.said}"
            time.sleep(0.05)

    def turn(self, path: str) -> None:
        headers = {"Authorization": f"Bearer {admin_key(self.state)}"}
        url = f"{find_demo(self.state).shop}/switches/{path}"
        assert httpx.post(url, headers=headers, trust_env=False).status_code == 303

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._reader.join(10)
        self.process.stdout.close()
        return code


def test_a_declined_payment_pages_with_its_step_and_mending_resolves_it(tmp_path):
    demo = _Demo(tmp_path)
    try:
        demo.until(lambda: demo.outcomes().get("checkout") == "up", "the first walk", 60)
        children = psutil.Process(demo.process.pid).children(recursive=True)
        assert demo.outcomes()["home"] == "up"
        broken = time.monotonic()
        demo.turn("declined/break")
        demo.until(lambda: "CheckoutFailing" in demo.said and "Ack" in demo.said, "the page", 120)
        assert time.monotonic() - broken < _PAGED_WITHIN
        page = demo.said.partition("PAGE")[2]
        assert "Shoppers cannot finish checkout" in page
        assert "step 'pay' (9 of 10)" in page
        assert "Your card was declined" in page
        runbook = page.partition("Runbook")[2].split()[0]
        assert "Diagnosis" in httpx.get(runbook, trust_env=False).text
        assert demo.outcomes()["home"] == "up"
        demo.turn("mend")
        demo.until(lambda: "RESOLVED" in demo.said, "the page to be resolved", 60)
    finally:
        code = demo.stop()
    assert code == 0, demo.said
    assert "Traceback" not in demo.said
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_truncated_backup_pages_after_the_next_verification(tmp_path):
    demo = _Demo(tmp_path)
    try:
        demo.until(lambda: "backup shop-db: pass" in demo.said, "the first verification", 90)
        demo.turn("backup/break")
        demo.until(lambda: "Ack" in demo.said, "the page", 120)
        page = demo.said.partition("PAGE")[2]
        assert "The newest backup of shop-db cannot be trusted" in page
        assert "were recorded at backup time" in page
    finally:
        code = demo.stop()
    assert code == 0, demo.said
