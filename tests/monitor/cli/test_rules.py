"""`shopwatch rules check|test|export`: what is printed, and the exit codes."""

import argparse
import subprocess
from pathlib import Path

import pytest

from alerts.rulefile import read_file
from monitor.cli import rules as command
from monitor.config import ConfigError
from tests.programs import require_program

_ROOT = Path(__file__).parents[3]
_PACKS = sorted((_ROOT / "alerts" / "rules").glob("*.yml"))
_TESTS = _ROOT / "tests" / "alerts" / "ruletests"


def main(*argv: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["rules", *map(str, argv)])
    return int(args.run(args))


def test_the_shipped_packs_get_no_remark(capsys: pytest.CaptureFixture[str]):
    code = main("check", *_PACKS)
    out = capsys.readouterr().out
    assert code == 0, out
    assert out.endswith(": nothing to remark\n")


def test_check_says_everything_with_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{alert: A, expr: probe_sucess == 0}, {alert: B, expr: 'up['}]}]\n")
    assert main("check", rules) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{rules}:1:82: this is not PromQL that we can evaluate")
    assert (
        f"{rules}:1:45: no probe and no rule makes the metric probe_sucess; is probe_success meant? [metric]" in lines
    )
    assert lines[-1] == f"1 rule in 1 file: {len(lines) - 1} problems"


def test_check_finds_runbooks_beside_the_rules_and_knows_declared_metrics(tmp_path: Path):
    rules = tmp_path / "rules.yml"
    text = """groups:
  - name: g
    rules:
      - alert: A
        expr: node_load1 > 1
        labels: {severity: ticket, owner: web}
        annotations: {summary: s, runbook_url: runbooks/A}
"""
    rules.write_text(text)
    assert main("check", rules, "--known", "node_*") == 1
    (tmp_path / "runbooks").mkdir()
    headings = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate")
    (tmp_path / "runbooks" / "A.md").write_text("\n".join(f"## {heading}" for heading in headings))
    assert main("check", rules, "--known", "node_*") == 0
    assert main("check", rules) == 1


def test_check_without_a_file_means_the_rules_of_the_config_or_else_those_that_we_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main("check") == 0
    assert capsys.readouterr().out.endswith(f" rules in {len(_PACKS)} files: nothing to remark\n")
    shop = tmp_path / "shop"
    (shop / "rules").mkdir(parents=True)
    (shop / "runbooks").mkdir()
    headings = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate")
    (shop / "runbooks" / "A.md").write_text("\n".join(f"## {heading}" for heading in headings))
    labels = "labels: {severity: ticket, owner: web}, annotations: {summary: s, runbook_url: runbooks/A}"
    text = f"groups: [{{name: g, rules: [{{alert: A, expr: shop_queue > 1, {labels}}}]}}]\n"
    (shop / "rules" / "own.yml").write_text(text)
    (shop / "config.yaml").write_text("rules: [rules/*.yml]\n")
    assert main("check", "--config", shop / "config.yaml", "--known", "shop_queue") == 0
    assert capsys.readouterr().out == "1 rule in 1 file: nothing to remark\n"
    monkeypatch.chdir(shop)
    assert main("check") == 1
    assert "no rule makes the metric shop_queue" in capsys.readouterr().out
    assert main("check", _PACKS[0], "--config", shop / "config.yaml") == 2
    assert capsys.readouterr().err == "name files, or a config with --config, not both\n"
    Path("config.yaml").write_text("rules: [missing.yml]\n")
    with pytest.raises(ConfigError, match="no file matches"):
        main("check")


def test_a_missing_file_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main("check", tmp_path / "gone.yml") == 2
    assert capsys.readouterr().err == f"{tmp_path}/gone.yml: there is no such file\n"


def test_test_prints_a_verdict_a_file(capsys: pytest.CaptureFixture[str]):
    good, broken = _TESTS / "good" / "for.yml", _TESTS / "broken" / "wrong-value.yml"
    assert main("test", good) == 0
    assert capsys.readouterr().out == f"{good}: 1 test passed\n"
    assert main("test", good, broken) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{good}: 1 test passed"
    assert lines[-1] == f"{broken}: 1 test FAILED, 1 difference"
    assert "    - {} 3" in lines


def test_export_makes_links_whole_and_changes_nothing_else(tmp_path: Path):
    assert main("export", *_PACKS, "--to", tmp_path / "out", "--external-url", "https://watch.example/") == 0
    written = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in written] == [path.name for path in _PACKS]
    for before, after in zip(_PACKS, written, strict=True):
        text = after.read_text()
        assert text.replace("https://watch.example/runbooks/", "runbooks/") == before.read_text()
        assert text.count("runbook_url: https://watch.example/runbooks/") == before.read_text().count(
            "runbook_url: runbooks/"
        )
        assert read_file(after).problems == ()


def test_export_finds_links_however_they_are_written(tmp_path: Path):
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, rules: [\n"
        "  {alert: A, expr: up, annotations: {summary: 'see runbooks/A', runbook_url: 'runbooks/A'}},\n"
        "  {alert: B, expr: up, annotations: {runbook_url: https://else.example/runbooks/B}}]}]\n"
    )
    assert main("export", rules, "--to", tmp_path / "out", "--external-url", "https://w.example") == 0
    [first, second] = read_file(tmp_path / "out" / "rules.yml").groups[0].rules
    assert dict(first.annotations) == {"summary": "see runbooks/A", "runbook_url": "https://w.example/runbooks/A"}  # type: ignore[union-attr]
    assert dict(second.annotations) == {"runbook_url": "https://else.example/runbooks/B"}  # type: ignore[union-attr]


def test_export_without_a_file_means_the_packs_that_we_ship(tmp_path: Path):
    assert main("export", "--to", tmp_path) == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in _PACKS
    }


def test_export_of_a_config_takes_its_rules_and_its_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "own.yml").write_text(
        "groups: [{name: g, rules: [{alert: A, expr: up, annotations: {runbook_url: runbooks/SiteDown}}]}]\n"
    )
    config = tmp_path / "config.yaml"
    config.write_text("external_url: https://watch.example\nrules: [builtin/web, own.yml]\n")
    out = tmp_path / "out"
    assert main("export", "--config", config, "--to", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["own.yml", "web.yml"]
    assert "runbook_url: https://watch.example/runbooks/SiteDown" in (out / "own.yml").read_text()
    assert main("export", "--config", config, "--to", out, "--external-url", "https://else.example") == 0
    assert "runbook_url: https://else.example/runbooks/SiteDown" in (out / "web.yml").read_text()
    capsys.readouterr()
    assert main("export", tmp_path / "own.yml", "--config", config, "--to", out) == 2
    assert capsys.readouterr().err == "name files, or a config with --config, not both\n"
    config.write_text("rules: [missing.yml]\n")
    assert main("export", "--config", config, "--to", out) == 2
    assert "config.yaml:1:9: rules: no file matches" in capsys.readouterr().err


@pytest.mark.integration
def test_prometheus_accepts_what_is_exported(tmp_path: Path):
    assert main("export", *_PACKS, "--to", tmp_path, "--external-url", "https://watch.example") == 0
    checked = [require_program("promtool"), "check", "rules", *map(str, tmp_path.iterdir())]
    done = subprocess.run(checked, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_export_refuses_what_it_cannot_do(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    bad = _ROOT / "tests" / "alerts" / "rulefiles" / "bad" / "bad-for.yml"
    assert main("export", bad, "--to", tmp_path / "out") == 2
    assert f"{bad}:6:14: `for`" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main("export", _PACKS[0], "--to", tmp_path, "--external-url", "watch.example") == 2
    assert "'watch.example' is no address that a browser opens" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main("export", _PACKS[0], "--to", tmp_path / "file" / "deeper") == 3
    assert "cannot write the rules there" in capsys.readouterr().err
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / _PACKS[0].name).write_text("")
    assert main("export", _PACKS[0], tmp_path / "twin" / _PACKS[0].name, "--to", tmp_path / "out") == 2
    assert "another file of the name" in capsys.readouterr().err
