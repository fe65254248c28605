"""What the config says about paging reaches the desk: routes, escalations and maintenance."""

from datetime import datetime
from pathlib import Path

from monitor.config import load
from monitor.duty import duty_of
from probes.base import Labels

CONFIG = """\
oncall:
  people: [{name: mei}]
  escalations: [{name: page, steps: [{notify: [mei], by: [console]}]}]
routes:
  - {match: {severity: page}, escalation: page}
  - {notify: [console]}
maintenance:
  - {name: patch night, at: "0 3 * * *", lasts: 1h, match: {host: web-1}}
"""
PAGE: Labels = (("alertname", "HostDown"), ("host", "web-1"), ("severity", "page"))


def test_the_config_decides_who_is_told_and_when_nobody_is(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    duty = duty_of(load(tmp_path, {}))
    assert duty.assign(PAGE).plan.name == "page"
    assert duty.assign((("alertname", "X"), ("severity", "ticket"))).plan.insists is False
    (silence,) = duty.planned(datetime.fromisoformat("2026-11-24T03:30+00:00").timestamp())
    assert silence.mutes(PAGE)
    assert duty.planned(datetime.fromisoformat("2026-11-24T04:30+00:00").timestamp()) == ()
