"""What a reload changes: only what differs, by name."""

from pathlib import Path

from monitor.config import Config, diff, load

BASE = """\
location: taipei-1
defaults: {every: 30s}
probes:
  - {name: kept, type: http, url: https://shop.example/, headers: {X-Key: "${KEY}"}, expect: {regex: a+}}
  - {name: changed, type: http, url: https://shop.example/, timeout: 5s}
  - {name: removed, type: tcp, address: "shop.example:25"}
  - name: walk
    type: journey
    url: https://shop.example
    steps: [{name: home, get: "/{{ run_id }}", expect: {text: "{{ run_id }}"}}]
"""


def _load(folder: Path, text: str, key: str = "a") -> Config:
    (folder / "config.yaml").write_text(text)
    return load(folder / "config.yaml", {"KEY": key})


def test_nothing_changes_when_the_files_say_the_same(tmp_path: Path) -> None:
    old = _load(tmp_path, BASE)
    changes = diff(old, _load(tmp_path, "# a comment\n" + BASE.replace("every: 30s", "every: 30000ms")))
    assert not changes
    assert [probe.name for probe in changes.unchanged] == ["kept", "changed", "removed", "walk"]
    assert str(changes) == "probes: 4 unchanged"


def test_probes_are_told_apart_by_name(tmp_path: Path) -> None:
    old = _load(tmp_path, BASE)
    text = BASE.replace("timeout: 5s", "timeout: 6s").replace("name: removed", "name: added")
    new = _load(tmp_path, text.replace("taipei-1", "taipei-2"))
    changes = diff(old, new)
    assert [probe.name for probe in changes.added] == ["added"]
    assert [probe.name for probe in changes.removed] == ["removed"]
    assert [(probe.name, probe.timeout) for probe in changes.changed] == [("changed", 6.0)]
    assert [probe.name for probe in changes.unchanged] == ["kept", "walk"]
    assert changes.settings == ("location",)
    assert str(changes) == "probes: 1 added, 1 removed, 1 changed, 2 unchanged; not before the next start: location"


def test_another_number_of_machines_waits_for_the_next_start(tmp_path: Path) -> None:
    old = _load(tmp_path, f"shard: 1/1\n{BASE}")
    changes = diff(old, _load(tmp_path, f"shard: 1/2\n{BASE}"))
    assert str(changes) == "probes: 4 unchanged; not before the next start: shard"


def test_a_default_or_a_secret_that_changes_changes_its_probes(tmp_path: Path) -> None:
    old = _load(tmp_path, BASE)
    assert len(diff(old, _load(tmp_path, BASE.replace("every: 30s", "every: 31s"))).changed) == 4
    rotated = diff(old, _load(tmp_path, BASE, key="b"))
    assert [probe.name for probe in rotated.changed] == ["kept"]
    assert "b" not in str(rotated).replace("probes", "")
