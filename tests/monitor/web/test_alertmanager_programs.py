"""The real Prometheus, Alertmanager and amtool, talking to us as they talk to each other."""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from alerts.incident import State
from monitor.store import incidents
from monitor.web.alertmanager import router
from tests.monitor.making import Now, Room, room
from tests.monitor.web.serving import serve
from tests.programs import require_program
from tests.servers import free_port, port_open, until

pytestmark = pytest.mark.integration


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Room]:
    with room(tmp_path, clock=Now(), paging=False) as made:
        yield made


@pytest.fixture
def url(made: Room) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(made.desk, made.store))
    with serve(app) as url:
        yield url


@contextlib.contextmanager
def _running(arguments: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder)
    try:
        until(lambda: process.poll() is not None or port_open(port), f"{arguments[0]} to start", 60)
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def _write(file: Path, content: object) -> Path:
    file.write_text(content if isinstance(content, str) else json.dumps(content))  # JSON is YAML
    return file


@contextlib.contextmanager
def _prometheus(folder: Path, targets: list[str], rules: Path) -> Iterator[int]:
    """A Prometheus whose alert Broken fires; yields its port."""
    folder.mkdir()
    port = free_port()
    alert = {
        "alert": "Broken",
        "expr": "vector(1) > 0",
        "labels": {"severity": "page", "probe": "checkout"},
        "annotations": {"summary": "It is broken: {{ $value }}"},
    }
    _write(rules, {"groups": [{"name": "g", "interval": "1s", "rules": [alert]}]})
    config = {
        "global": {"evaluation_interval": "1s", "external_labels": {"prometheus": "one", "dc": "eu"}},
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": targets}]}]},
    }
    arguments = [
        require_program("prometheus"),
        f"--config.file={_write(folder / 'prometheus.yml', config)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=1s",
        "--log.level=warn",
    ]
    with _running(arguments, port, folder):
        yield port


def _mend(rules: Path, port: int) -> None:
    """The alert stops firing: its expression has no answer any more."""
    rules.write_text(rules.read_text().replace("vector(1) > 0", "vector(1) > 1"))
    urllib.request.urlopen(f"http://127.0.0.1:{port}/-/reload", data=b"", timeout=10).close()


def _open(made: Room) -> list[incidents.Stored]:
    return made.store.transaction(incidents.unresolved)


def test_prometheus_tells_us_directly(made: Room, url: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    with _prometheus(tmp_path / "prometheus", [url.removeprefix("http://")], rules) as port:
        until(lambda: _open(made), "the incident", 60)
        [stored] = _open(made)
        [alert] = stored.incident.alerts
        assert dict(alert.labels) == {"alertname": "Broken", "dc": "eu", "probe": "checkout", "severity": "page"}
        assert alert.source == "prometheus one"
        assert alert.annotations["summary"] == "It is broken: 1"
        assert alert.expires_at is not None
        first = alert.expires_at
        until(lambda: (_open(made)[0].incident.alerts[0].expires_at or 0) > first, "the alert to be told again", 60)
        assert _open(made)[0].incident.version == 1
        _mend(rules, port)
        until(lambda: not _open(made), "the end", 60)


def test_alertmanager_tells_us_by_its_webhook(made: Room, url: str, tmp_path: Path) -> None:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    port = free_port()
    config = {
        "route": {"receiver": "shopwatch", "group_wait": "1s", "group_interval": "1s", "group_by": ["alertname"]},
        "receivers": [{"name": "shopwatch", "webhook_configs": [{"url": f"{url}/webhooks/alertmanager"}]}],
    }
    arguments = [
        require_program("prometheus-alertmanager"),
        f"--config.file={_write(folder / 'alertmanager.yml', config)}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    amtool = [require_program("amtool"), f"--alertmanager.url=http://127.0.0.1:{port}", "alert", "add"]
    labels = ["alertname=Broken", "severity=page", "probe=checkout"]
    with _running(arguments, port, folder):
        subprocess.run([*amtool, *labels, "--annotation=summary=It is broken"], check=True, timeout=60)
        until(lambda: _open(made), "the incident", 60)
        [stored] = _open(made)
        assert stored.incident.alerts[0].source == "alertmanager"
        assert stored.incident.alerts[0].expires_at is None
        ended = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        until(lambda: time.time() > datetime.fromisoformat(ended).timestamp() + 1, "the end to have passed")
        subprocess.run([*amtool, *labels, f"--end={ended}"], check=True, timeout=60)
        until(lambda: not _open(made), "the end", 60)


def test_amtool_works_on_us(made: Room, url: str) -> None:
    def amtool(*arguments: str) -> str:
        whole = [require_program("amtool"), f"--alertmanager.url={url}", *arguments]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    amtool("alert", "add", "alertname=Broken", "severity=page", "probe=checkout", "--annotation=summary=It is broken")
    until(lambda: _open(made), "the incident", 60)
    assert "It is broken" in amtool("alert", "query", "alertname=Broken")
    assert json.loads(amtool("alert", "query", "--output=json"))[0]["labels"]["probe"] == "checkout"
    assert "Broken" not in amtool("alert", "query", "alertname=Other")

    silence_id = amtool("silence", "add", "probe=~check.*", "--comment=deploy", "--author=mei", "--duration=1h").strip()
    assert _open(made)[0].incident.state is State.SILENCED
    assert silence_id in amtool("silence", "query")
    assert "Broken" not in amtool("alert", "query", "--active")
    amtool("silence", "update", silence_id, "--duration=2h")
    amtool("silence", "expire", silence_id)
    assert _open(made)[0].incident.state is State.OPEN
    assert silence_id not in amtool("silence", "query")
    assert "receiver: shopwatch" in amtool("config", "show")
