"""A whole Shopwatch in its own process, as users run it: started on a free port, ended by pid."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.servers import free_port, until


class Service:
    """A running `shopwatch run`. `printed` is what the console notifier wrote, `logged` the log."""

    def __init__(self, config: Path, port: int, *words: str) -> None:
        self.config, self.url, self._words = config, f"http://127.0.0.1:{port}", words
        self.printed: list[tuple[float, str]] = []
        self.logged: list[str] = []
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=10.0)

    def start(self, wait: bool = True) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run", "--config", str(self.config), *self._words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.config.parent,
        )
        for stream, take in ((self.process.stdout, self._print), (self.process.stderr, self.logged.append)):
            threading.Thread(target=_read, args=(stream, take), daemon=True).start()
        if wait:
            until(self.ready, "the service to be ready\n" + "".join(self.logged))

    def _print(self, line: str) -> None:
        self.printed.append((time.time(), line))

    @property
    def output(self) -> str:
        return "".join(line for _, line in self.printed)

    def ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended with {self.process.returncode}: {''.join(self.logged)}")
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/-/ready").status_code == 200
        return False

    def query(self, expr: str) -> list[dict[str, Any]]:
        answer = self.client.get("/api/v1/query", params={"query": expr})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"]["result"])

    def kill(self) -> None:
        """As a crash would: no time to say goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the service did not stop within 30 s") from None
        return int(self.process.returncode)


def _read(stream: Any, take: Any) -> None:
    for line in stream:
        take(line)


@contextlib.contextmanager
def service(folder: Path, config: str, wait: bool = True) -> Iterator[Service]:
    """Shopwatch with this config (`listen` and `store` are added), stopped at the end whatever happens."""
    port = free_port()
    path = folder / "config.yaml"
    path.write_text(f"listen: 127.0.0.1:{port}\nstore: sqlite:{folder}/state.db\n{config}")
    running = Service(path, port)
    try:
        running.start(wait)
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
        running.client.close()
