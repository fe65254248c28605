"""What a running service answers about itself: fit to ping the switch outside, or why not."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
    made = {"auditor": auditor, "shards": shards, "overdue": [], **changes}
    return SimpleNamespace(
        pager=SimpleNamespace(auditor=made["auditor"]),
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
        ({"overdue": [("web.yml;web", 75.4)]}, "the rules of web.yml;web are 75 s late"),
    ],
)
def test_every_part_that_does_not_do_its_work_is_named(changes, said):
    assert list(faults(shop(**changes))) == [said]


@pytest.mark.integration
def test_a_whole_service_pings_its_switch_and_keeps_the_address_to_itself(tmp_path: Path, switch: Switch):
    (tmp_path / "address").write_text(switch.url + "\n")
    config = "probes: [{name: this-host, type: host}]\ndeadman: {url_file: address, every: 1s}\n"
    with service(tmp_path, config) as running:
        until(lambda: len(switch.pings) >= 3, "three pings", 60)
        metrics = running.client.get("/metrics").text
        found = re.search(r'^shopwatch_deadman_pings_total\{outcome="sent"\} (\S+)$', metrics, re.MULTILINE)
        assert found
        assert float(found[1]) >= 2
        assert "shopwatch_deadman_sound 1.0" in metrics
    assert switch.pings[0] not in "".join(running.logged)
