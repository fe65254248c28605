"""Who types a silence wrong is told so at once: it matches nothing."""

from pathlib import Path

import pytest

from alerts.alert import Alert, Status
from alerts.incident import Incident
from alerts.silence import begin
from monitor.config import load
from monitor.silenced import matched, watched

CONFIG = """\
location: here
probes:
  - {name: home, type: http, url: "http://127.0.0.1/", owner: web, labels: {shop: main}}
  - {name: this-host, type: host}
backups:
  - {name: db, type: sqlite, from: /backups, files: "*.db", verify: {restore: "0 3 * * *"}}
"""
LABELS = (("alertname", "QueueLong"), ("queue", "mail"), ("severity", "page"))


@pytest.mark.parametrize(
    ("matchers", "names"),
    [
        ("shop=main", ["probe home"]),
        ("owner=web", ["probe home"]),
        ("location=here, type=host", ["probe this-host"]),
        ("probe=home, severity=page", ["probe home"]),
        ("alertname=SiteDown", []),
        ("probe=hom", []),
        ("backup=db", ["backup db"]),
        ("queue=~m.*", ["incident K7Q2"]),
        ("severity=page", ["incident K7Q2"]),
        ("severity=ticket", []),
    ],
)
def test_what_a_silence_matches(tmp_path: Path, matchers: str, names: list[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    things = watched(load(tmp_path / "config.yaml"))
    alert = Alert(LABELS, Status.FIRING, 0.0, 0.0)
    incident = Incident("K7Q2", "K7Q2", LABELS, "page", 0.0, (alert,))
    assert matched(begin(matchers, "1h", "a reason", "mei", 0.0), things, [incident]) == names
