import argparse
import asyncio
import http.server
import json
import re
import threading

import pytest

from monitor.cli import probe as command
from monitor.config.shard import shard_of
from monitor.heartbeats import Heartbeats
from monitor.store import Store

CONFIG = """
version: 1
location: here
store: sqlite:state.db
probes:
  - {{name: home, type: http, url: "{url}/", expect: {{status: 200}}}}
  - {{name: gone, type: http, url: "{url}/gone", expect: {{status: 200}}}}
  - {{name: job, type: heartbeat, every: 1d, grace: 1h}}
"""


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"\x1b[31mno such page\x1b[0m" if self.path == "/gone" else b"welcome"
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def config(tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.format(url=f"http://127.0.0.1:{server.server_port}"))
        yield path
        server.shutdown()
        thread.join()


def run(config, *arguments):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["probe", *arguments, "--config", str(config)])
    return args.run(args)


def test_a_look_is_shown_phase_by_phase(config, capsys):
    assert run(config, "home") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("home (http): up in ")
    assert re.search(r"\n  connect +up +[0-9.]+ ms\n", shown)
    assert re.search(r"\n  [0-9]+ metrics; --metrics shows them\n", shown)
    assert "probe_http" not in shown


def test_the_numbers_of_a_look_are_shown_when_asked_for(config, capsys):
    assert run(config, "home", "--metrics") == 0
    shown = capsys.readouterr().out
    assert "--metrics" not in shown
    assert "probe_http_status_code" in shown
    assert 'probe_http_duration_seconds{phase="connect"}' in shown


def test_a_look_that_is_down_says_why_and_sends_no_escapes_to_the_terminal(config, capsys):
    assert run(config, "gone") == 1
    shown = capsys.readouterr().out
    assert shown.startswith("gone (http): down in ")
    assert "404" in shown
    assert "\x1b" not in shown


def test_a_look_as_json_is_the_result(config, capsys):
    assert run(config, "gone", "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["probe"], result["type"], result["finding"]["outcome"]) == ("gone", "http", "down")
    assert result["finding"]["reason"]


def test_a_job_is_judged_by_what_it_reported_to_the_service(config, capsys):
    assert run(config, "job") == 3
    assert "no report yet" in capsys.readouterr().out
    store = Store(f"sqlite:{config.parent}/state.db")
    heartbeats = Heartbeats(store)
    heartbeats.expect(["job"])
    asyncio.run(heartbeats.report("job", ok=False, message="disk full"))
    store.close()
    assert run(config, "job") == 1
    assert "disk full" in capsys.readouterr().out


def test_another_machine_s_page_can_be_looked_at_here_but_its_jobs_report_there(config, capsys):
    whole = config.read_text()
    there = shard_of("job", 2)
    here = 3 - there
    config.write_text(f"shard: {here}/2\n{whole}")
    assert run(config, "job") == 3
    assert capsys.readouterr().err == f"'job' reports to shard {there} of 2, and this is shard {here}; ask there\n"
    for number in (1, 2):
        config.write_text(f"shard: {number}/2\n{whole}")
        assert run(config, "home") == 0


def test_an_unknown_name_is_a_usage_error_with_a_hint(config, capsys):
    assert run(config, "hom") == 2
    assert f"{config} has no probe called 'hom'; did you mean home?" in capsys.readouterr().err
    assert run(config, "zzz") == 2
    assert "it has gone, home, job" in capsys.readouterr().err


def test_a_store_that_cannot_be_opened_means_we_could_not_look(config, capsys):
    (config.parent / "state.db").write_text("not a database at all, but long enough to be taken for one" * 20)
    assert run(config, "job") == 3
    assert "state.db" in capsys.readouterr().err
