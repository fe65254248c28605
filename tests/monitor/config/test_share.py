"""What each of three machines takes from the config that they share: all of it together, and nothing twice."""

from collections import Counter
from pathlib import Path

import pytest

from monitor.config import Config, ConfigError, load, share
from monitor.config.shard import Shard
from monitor.config.share import where

JOBS = "".join(f"  - {{name: job-{number}, type: heartbeat, every: 1h}}\n" for number in range(10))
PAGES = "".join(f"  - {{name: page-{number}, type: http, url: https://shop.example/}}\n" for number in range(40))
WHOLE = f"""\
shard: ${{SHARD}}/3
canary: uplink
probes:
  - {{name: uplink, type: icmp, host: 192.0.2.1, labels: {{rack: a}}}}
  - {{name: this-host, type: host}}
  - {{name: time, type: clock, server: [ntp.example]}}
{PAGES}{JOBS}
backups:
  - {{name: orders, type: sqlite, from: /srv/a, files: "*.db", expect: {{age: 26h}}}}
  - {{name: cms, type: sqlite, from: /srv/b, files: "*.db", expect: {{age: 26h}}}}
objectives:
  - {{name: page-works, of: page-1, objective: 99%}}
  - {{name: payments, total: shop_payments_total, bad: shop_errors_total, objective: 99%}}
"""
EVERYWHERE = {"uplink", "this-host", "time"}


def machines(folder: Path, text: str = WHOLE) -> list[Config]:
    (folder / "config.yaml").write_text(text)
    return [share(load(folder / "config.yaml", {"SHARD": number})) for number in "123"]


def test_each_probe_is_on_one_machine_and_what_tells_of_the_machine_on_all(tmp_path: Path) -> None:
    counts = Counter(probe.name for config in machines(tmp_path) for probe in config.probes)
    assert len(counts) == 53
    assert {name for name, times in counts.items() if times == 3} == EVERYWHERE
    assert {times for name, times in counts.items() if name not in EVERYWHERE} == {1}


def test_what_is_on_all_machines_says_which_one_it_is(tmp_path: Path) -> None:
    for number, config in enumerate(machines(tmp_path), 1):
        labels = {probe.name: probe.labels for probe in config.probes}
        assert labels["uplink"] == {"rack": "a", "shard": str(number)}
        assert labels["this-host"] == {"shard": str(number)}
        assert all("shard" not in found for name, found in labels.items() if name not in EVERYWHERE)


def test_backups_and_objectives_are_on_one_machine(tmp_path: Path) -> None:
    shares = machines(tmp_path)
    assert sorted(backup.name for config in shares for backup in config.backups) == ["cms", "orders"]
    for config in shares:
        expected = {"page-works", "payments"} if "page-1" in {one.name for one in config.probes} else {"payments"}
        assert {objective.name for objective in config.objectives} == expected


def test_knows_where_the_others_are(tmp_path: Path) -> None:
    first, second, third = machines(tmp_path)
    for config in (first, second, third):
        assert len(config.probes) + len(config.elsewhere) == 53
        assert not config.elsewhere.keys() & {probe.name for probe in config.probes}
    job = next(probe.name for probe in second.probes if probe.type == "heartbeat")
    assert where(first, job) == "shard 2 of 3, and this is shard 1"
    assert where(second, job) == where(second, "this-host") == where(second, "nobody") == ""
    assert [config.standpoint for config in (first, second)] == ["local 1/3", "local 2/3"]


def test_one_machine_alone_has_everything(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(WHOLE.replace("${SHARD}/3", "1/1"))
    whole = load(tmp_path / "config.yaml", {})
    assert share(whole) is whole
    assert (whole.standpoint, whole.elsewhere) == ("local", {})


def test_a_running_machine_keeps_its_part_until_its_next_start(tmp_path: Path) -> None:
    running = machines(tmp_path)[1]
    (tmp_path / "config.yaml").write_text(WHOLE.replace("/3", "/4", 1))
    changed = share(load(tmp_path / "config.yaml", {"SHARD": "2"}), running.part)
    assert changed.probes == running.probes
    assert changed.part == Shard(2, 4)


def test_shards_may_share_a_store_only_where_they_keep_no_rules(tmp_path: Path) -> None:
    postgres = f"store: postgresql://shopwatch@db.example/shopwatch\n{WHOLE}"
    with pytest.raises(ConfigError, match="all shards would keep what their rules say in this one store"):
        machines(tmp_path, postgres)
    assert machines(tmp_path, postgres.replace("/shopwatch\n", "/shopwatch_${SHARD}\n"))
    assert machines(tmp_path, f"{postgres}rules: []\n")
