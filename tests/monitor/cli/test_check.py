"""`shopwatch check`: all problems at once and exit 2, or a summary that a person can compare with what they meant."""

import argparse
from pathlib import Path

import pytest

from alerts.oncall import Person
from monitor.cli import check as command
from monitor.cli.check import summary
from monitor.config import load

ROOT = Path(__file__).parents[3]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(argv)
    return int(args.run(args))


def test_the_example_is_well(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check", "config.example.yaml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("config.example.yaml: all is well\n")
    assert "from taipei-1" in out
    assert "2 backups: orders-db, cms-db" in out
    assert "warning" not in out


def test_all_problems_of_all_files_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("lissten: x\nlocation: 5\n")
    Path("b.yaml").write_text("rules: [none/*.yml]\n")
    Path("good.yaml").write_text("location: here\n")
    assert main(["check", "a.yaml", "good.yaml", "b.yaml"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "a.yaml:1:1: lissten is not a setting of the config; did you mean listen?",
        'a.yaml:2:11: location must be text, not a number 5; put it in quotes: "5"',
        "a.yaml: 2 problems",
        "b.yaml:1:9: rules: no file matches none/*.yml (looked for beside this file)",
        "b.yaml: 1 problem",
    ]
    assert said.out.startswith("good.yaml: all is well\n")


def test_config_names_the_file_as_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("lissten: x\n")
    Path("good.yaml").write_text("location: here\n")
    assert main(["check", "--config", "bad.yaml"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "bad.yaml: 1 problem", "./config.yaml is not asked for"
    assert main(["check", "good.yaml", "--config", "bad.yaml"]) == 2
    said = capsys.readouterr()
    assert said.out.startswith("good.yaml: all is well\n")
    assert said.err.endswith("bad.yaml: 1 problem\n")
    assert main(["check"]) == 2
    assert capsys.readouterr().err.startswith("config.yaml:1:1: there is no such file or folder\n")


def test_quiet_says_nothing_when_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("location: here\n")
    assert main(["check", "--quiet", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_backup_of_which_nothing_is_expected_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        """\
location: here
probes: [{name: a, type: http, url: https://a.example}]
backups:
  - {name: bare, type: sqlite, from: /srv/a, files: "*.db"}
  - {name: told, type: sqlite, from: /srv/b, files: "*.db", expect: {tables: {orders: {}}}}
"""
    )
    warnings = [line for line in summary(load(tmp_path, {}), 1_795_000_000.0) if "warning" in line]
    assert warnings == [
        "  warning   the first file of bare that opens passes, however old; "
        "say what must be true of it with `expect`: age, record or tables"
    ]


def test_the_summary_says_who_is_on_call(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        """\
location: here
external_url: https://watch.example/
rules: [builtin/web]
probes:
  - {name: a, type: http, url: https://a.example}
  - {name: b, type: http, url: https://b.example}
  - {name: c, type: tcp, address: "c.example:25"}
oncall:
  people: [{name: mei}]
  rotations: [{name: primary, people: [mei], handover: Mon 10:00, every: 1w}]
  escalations: [{name: page, steps: [{notify: [primary], by: [console]}]}]
routes:
  - {match: {severity: [page, critical]}, escalation: page}
  - {notify: [console]}
"""
    )
    config = load(tmp_path, {})
    assert config.oncall.people == (Person(name="mei"),)
    lines = list(summary(config, 1_795_000_000.0))
    assert lines[0] == "  watches   3 probes from here: 2 http, 1 tcp"
    assert lines[1].startswith("  alerts    ")
    assert lines[1].endswith(" alerting rules in 1 file")
    assert lines[2:] == [
        "  pages     severity=page|critical → page",
        "  pages     every alert → console",
        "  on call   mei for primary, until 2026-11-23 10:00 UTC",
        "  listens   on 127.0.0.1:9469, people open https://watch.example",
    ]


def test_the_summary_says_which_machine_this_is_and_what_is_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yml").write_text(
        """\
groups:
  - name: own
    rules:
      - alert: OrdersUnseen
        expr: absent(shop_orders_total)
        labels: {severity: page, owner: web}
        annotations: {summary: Nobody counts orders, description: Look., runbook_url: runbooks/SiteDown}
"""
    )
    (tmp_path / "config.yaml").write_text(
        """\
location: here
shard: ${SHARD}/2
canary: up
rules: [rules/own.yml]
probes:
  - {name: up, type: icmp, host: 192.0.2.1}
  - {name: a, type: http, url: https://a.example}
  - {name: b, type: http, url: https://b.example}
  - {name: import, type: heartbeat, every: 1h}
"""
    )
    here, there = (list(summary(load(tmp_path, {"SHARD": number}), 0.0)) for number in "12")
    assert here[:2] == [
        "  watches   3 probes from here: 1 icmp, 1 http, 1 heartbeat",
        "  shard     1/2; 1 more probe on the others",
    ]
    assert there[:3] == [
        "  watches   2 probes from here: 1 icmp, 1 http",
        "  shard     2/2; 2 more probes on the others",
        "            import reports to shard 1",
    ]
    for lines in (here, there):
        (warning,) = (line for line in lines if "warning" in line)
        assert warning.startswith("  warning   OrdersUnseen fires on every shard that has not what it misses; let a ")
