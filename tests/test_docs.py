"""The documents keep their promises: links lead somewhere, every kind and command is named, the example probe runs."""

import asyncio
import re
import sys
import types
from pathlib import Path

import pytest

from alerts.notifiers import CHANNELS
from monitor.cli import COMMANDS, build_parser
from monitor.config import load
from probes import KINDS
from probes.backup import ENGINES
from probes.base import Outcome, Run
from tests.site import site

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(ROOT.glob("*.md"))
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = document.read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text) + re.findall(
        r'(?:src|href)="(?!https?:)([^"]+)"', text
    )
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("runbook", sorted((ROOT / "runbooks").glob("*.md")), ids=lambda path: path.stem)
def test_runbooks_link_to_runbooks(runbook):
    links = re.findall(r"\]\(([^)]+)\)", runbook.read_text())
    assert [link for link in links if not (runbook.parent / link).exists()] == []


def test_the_readme_names_every_kind():
    kinds = [*KINDS.names(), *ENGINES.names(), *CHANNELS.names()]
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", README.lower()))
    known = {"postgres-dump": "pg_dump", "sqlite": "sqlite"}
    assert [kind for kind in kinds if kind not in words and known.get(kind, "?") not in README.lower()] == []


def test_the_readme_names_every_command():
    commands = build_parser()._subparsers._group_actions[0].choices
    assert len(commands) >= len(COMMANDS)
    assert [command for command in commands if not re.search(rf"\b{command}\b", README)] == []


def test_the_configs_of_the_readme_are_right(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    whole, channel = (re.sub(r"^   ", "", block, flags=re.MULTILINE) for block in blocks)
    for name in ("slack-bot", "slack-signing"):
        (tmp_path / name).write_text("xoxb-secret")
    config = tmp_path / "config.yaml"
    config.write_text(whole + channel.replace("/run/secrets/", f"{tmp_path}/"))
    assert [probe.name for probe in load(config).probes] == ["this-host", "home", "certificate"]


def test_the_probe_of_the_architecture_runs():
    code = re.search(r"```python\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.DOTALL)
    assert code
    module = types.ModuleType("carrier")
    sys.modules["carrier"] = module  # pydantic looks annotations up there
    exec(re.sub(r"^   ", "", code[1], flags=re.MULTILINE), module.__dict__)

    async def look(url: str) -> Outcome:
        probe = module.CarrierProbe(module.CarrierSettings(name="carrier", type="carrier", url=url))
        finding = await probe.check(Run(asyncio.get_running_loop().time() + 5, 0.0, "test"))
        return finding.outcome

    with site() as page:
        assert asyncio.run(look(page.url)) is Outcome.UP
        page.status = 503
        assert asyncio.run(look(page.url)) is Outcome.DOWN
