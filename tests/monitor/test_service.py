"""The whole corridor in one process, from a page that breaks to a person who is told, and back."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_slack import TOKEN, FakeSlack
from tests.servers import free_port, until
from tests.service import Service, service
from tests.site import Site, site

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: test
    interval: 1s
    rules:
      - alert: PageBroken
        expr: probe_success == 0
        labels: {severity: page, owner: web}
        annotations:
          summary: "{{ $labels.probe }} is broken"
          description: Customers see an error.
          runbook_url: runbooks/PageBroken
"""
HEADINGS = "".join(
    f"## {word}\ntext\n" for word in ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Escalate")
)


def config(folder: Path, page: Site, more: str = "") -> str:
    (folder / "rules").mkdir()
    (folder / "rules" / "test.yml").write_text(RULES)
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "PageBroken.md").write_text(f"# PageBroken\n{HEADINGS}")
    probe = f'{{name: home, type: http, url: "{page.url}", every: 1s, timeout: 1s, expect: {{text: Add to cart}}}}'
    return f"probes:\n  - {probe}\nrules: [rules/test.yml]\n{more}"


def test_a_broken_page_is_told_with_its_evidence_and_its_end(tmp_path):
    with site() as page, service(tmp_path, config(tmp_path, page)) as shop:
        page.status = 500
        until(lambda: "PAGE" in shop.output, "the page")
        assert "home is broken" in shop.output
        assert "500" in shop.output
        runbook = re.search(r"Runbook +(\S+)", shop.output)
        assert runbook
        assert "PageBroken" in shop.client.get(runbook[1]).text
        assert re.search(rf"Ack +shopwatch ack \w+ --url {shop.url}\n", shop.output)
        page.status = 200
        until(lambda: "RESOLVED" in shop.output, "the end")
        assert not [line for line in shop.logged if "incident" in line]  # the console has told it all


def test_an_ack_survives_a_crash_and_nothing_is_told_twice(tmp_path):
    with site() as page, service(tmp_path, config(tmp_path, page)) as shop:
        page.status = 500
        until(lambda: "PAGE" in shop.output, "the page")
        key = shop.client.get("/api/v1/incidents").json()["incidents"][0]["key"]
        assert shop.client.post(f"/api/v1/incidents/{key}/ack", json={"by": "mei"}).status_code == 200
        shop.kill()
        shop.printed.clear()
        shop.start()
        until(lambda: shop.query("ALERTS{alertname='PageBroken',alertstate='firing'}"), "the alert to fire again")
        incident = shop.client.get("/api/v1/incidents").json()["incidents"][0]
        assert (incident["key"], incident["state"]) == (key, "acked")
        assert "PAGE" not in shop.output
        page.status = 200
        until(lambda: "RESOLVED" in shop.output, "the end")


def test_a_page_decided_but_not_sent_is_sent_after_a_crash(tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    with FakeSlack() as slack, site() as page:
        slack.always = "503"
        settings = f'{{name: slack, type: slack, token_file: token, channel: "#shop-ops", base_url: "{slack.url}"}}'
        with service(tmp_path, config(tmp_path, page, f"notifiers: [{settings}]")) as shop:
            page.status = 500
            until(lambda: "cannot be told" in "".join(shop.logged), "the first try")
            shop.kill()
            assert slack.posts == []
            slack.always = None
            shop.start()
            until(lambda: slack.posts, "the page")
            page.status = 200
            until(lambda: "esolved" in str(slack.posts[0]), "the same message to say that it is over", 60)
            assert len(slack.posts) == 1


def test_a_reload_applies_the_good_and_refuses_the_bad(tmp_path):
    with site() as page, service(tmp_path, config(tmp_path, page)) as shop:
        good = shop.config.read_text()
        shop.config.write_text(good.replace("every: 1s", "evry: 1s"))
        answer = shop.client.post("/-/reload")
        assert answer.status_code == 400
        assert "did you mean every" in answer.text
        assert 'shopwatch_config_last_reload_successful{location="local"} 0.0' in shop.client.get("/metrics").text
        shop.config.write_text(good.replace("probes:", "probes:\n  - {name: more, type: host, every: 1s}"))
        shop.process.send_signal(signal.SIGHUP)
        until(lambda: 'probe="more"' in shop.client.get("/metrics").text, "the new probe")
        assert 'shopwatch_config_last_reload_successful{location="local"} 1.0' in shop.client.get("/metrics").text


def test_a_second_shopwatch_on_the_same_port_says_so(tmp_path):
    with site() as page, service(tmp_path, config(tmp_path, page)) as shop:
        run = [sys.executable, "-m", "monitor", "run", "--config", str(shop.config)]
        ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 3
        assert "is Shopwatch running there already?" in ended.stderr


def test_the_command_line_says_where_to_listen_and_to_keep_state_as_a_container_does(tmp_path):
    port, state = free_port(), tmp_path / "volume" / "state.db"
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "config.yaml").write_text("probes: [{name: this-host, type: host, every: 1s}]\n")
    shop = Service(folder / "config.yaml", port, "--listen", f"0.0.0.0:{port}", "--store", f"sqlite://{state}")
    try:
        shop.start()
        assert state.exists()
        assert sorted(path.name for path in folder.iterdir()) == ["config.yaml"]
        assert shop.client.post("/-/reload").text == "probes: 1 unchanged\n"
    finally:
        assert shop.stop() == 0
