"""A real Prometheus on loopback, with its own data folder, ended by pid."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.programs import require_program
from tests.servers import free_port, until


class Prometheus:
    """Ask it with `query`; it has scraped every target once when `prometheus()` yields it."""

    def __init__(self, url: str, pid: int = 0) -> None:
        self.url, self.pid = url, pid

    def get(self, path: str, **params: str) -> Any:
        answer = httpx.get(self.url + path, params=params, trust_env=False, timeout=30)
        body = answer.json()
        assert body["status"] == "success", f"{params}: {body}"
        return body["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        return list(self.get("/api/v1/query", query=expr)["result"])


@contextlib.contextmanager
def prometheus(
    folder: Path,
    targets: Sequence[str],
    rules: Sequence[Path] = (),
    alertmanagers: Sequence[str] = (),
    path: str = "/metrics",
    params: dict[str, list[str]] | None = None,
) -> Iterator[Prometheus]:
    """Scrapes the targets (host:port) every second, and tells the alertmanagers (host:port) of what the rules say."""
    program = require_program("prometheus")
    port = free_port()
    folder.mkdir(exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: {[str(path) for path in rules]}
scrape_configs:
  - job_name: shopwatch
    metrics_path: {path}
    params: {params or {}}
    static_configs: [{{targets: {list(targets)}}}]
alerting: {{alertmanagers: [{{api_version: v2, static_configs: [{{targets: {list(alertmanagers)}}}]}}]}}
""")
    arguments = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=2s",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder)
        running = Prometheus(f"http://127.0.0.1:{port}", process.pid)
        try:
            until(lambda: _answers(running.url), f"Prometheus to be ready: {(folder / 'log').read_text()}")
            until(lambda: len(running.query("up == 1")) == len(targets), "a first scrape of every target")
            yield running
        finally:
            process.send_signal(signal.SIGCONT)  # a test may have stopped it
            process.terminate()
            process.wait(20)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
    return False
