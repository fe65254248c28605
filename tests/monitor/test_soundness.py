"""What a running service answers about itself: fit to ping the switch outside, or why not."""

import contextlib
import re
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from alerts.audit import Complaint, Fault
from monitor.soundness import faults
from tests.monitor.test_deadman import Switch, switch
from tests.servers import until
from tests.service import service

__all__ = ["switch"]  # a fixture


def shop(**changes: Any) -> Any:
    auditor = SimpleNamespace(trusted=True, complaints=())
    shards = [SimpleNamespace(number=0, vitals=SimpleNamespace(pid=123))]
    made = {"auditor": auditor, "shards": shards, "overdue": [], "trouble": "", "alive": True, **changes}
    return SimpleNamespace(
        store=SimpleNamespace(trouble=made["trouble"]),
        pager=SimpleNamespace(auditor=made["auditor"], alive=True),
        desk=SimpleNamespace(alive=made["alive"]),
        prober=SimpleNamespace(shards=made["shards"]),
        evaluator=SimpleNamespace(overdue=lambda: made["overdue"]),
    )


def test_all_is_well():
    assert list(faults(shop())) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"auditor": SimpleNamespace(trusted=False, complaints=(Complaint(Fault.OVERDUE, "K7Q2 is overdue"),))},
            "K7Q2 is overdue",
        ),
        ({"auditor": SimpleNamespace(trusted=False, complaints=())}, "the open incidents could not be audited"),
        (
            {"shards": [SimpleNamespace(number=1, vitals=SimpleNamespace(pid=None))]},
            "the prober process 1 does not run",
        ),
        ({"trouble": "store: no space left"}, "store: no space left"),
        ({"alive": False}, "the desk does not run"),
        ({"overdue": [("web.yml;web", 75.4)]}, "the rules of web.yml;web are 75 s late"),
    ],
)
def test_every_part_that_does_not_do_its_work_is_named(changes, said):
    assert list(faults(shop(**changes))) == [said]


@pytest.mark.integration
def test_a_store_that_is_locked_is_said_everywhere_and_the_page_still_comes_up(tmp_path: Path):
    with service(tmp_path, "probes: [{name: this-host, type: host}]\n") as running:
        other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        other.execute("begin immediate")
        try:
            until(lambda: running.client.get("/-/ready").status_code == 503, "not to be ready", 60)
            assert "Not ready: store: " in running.client.get("/-/ready").text
            began = time.monotonic()
            page = running.client.get("/").text
            assert time.monotonic() - began < 9  # without patience of its own it would take the store's 10 s and more
            assert "Shopwatch itself is in trouble" in page
            assert "the open incidents are not shown" in page
            alert = {"labels": {"alertname": "SiteDown", "severity": "page", "probe": "home"}}
            threading.Thread(target=_post, args=(running.url, alert), daemon=True).start()
            until(lambda: "Not recorded: SiteDown home fires" in running.output, "the outcry", 60)
            assert "Paged" not in "".join(running.logged)
            assert "Told the channel" not in running.output + "".join(running.logged)  # that was rolled back
        finally:
            other.close()
        until(lambda: running.client.get("/-/ready").status_code == 200, "to be ready again", 90)
        until(lambda: running.client.get("/api/v1/incidents").json()["incidents"], "the incident to be kept", 30)


def _post(url: str, alert: dict[str, Any]) -> None:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"{url}/api/v2/alerts", json=[alert], timeout=120, trust_env=False)


@pytest.mark.integration
def test_a_whole_service_pings_its_switch_and_keeps_the_address_to_itself(tmp_path: Path, switch: Switch):
    (tmp_path / "address").write_text(switch.url + "\n")
    config = "probes: [{name: this-host, type: host}]\ndeadman: {url_file: address, every: 1s}\n"
    with service(tmp_path, config) as running:
        until(lambda: len(switch.pings) >= 3, "three pings", 60)
        metrics = running.client.get("/metrics").text
        found = re.search(r'^shopwatch_deadman_pings_total\{.*outcome="sent"\} (\S+)$', metrics, re.MULTILINE)
        assert found
        assert float(found[1]) >= 2
        assert re.search(r"^shopwatch_deadman_sound\{.*\} 1\.0$", metrics, re.MULTILINE)
    assert switch.pings[0] not in "".join(running.logged)
