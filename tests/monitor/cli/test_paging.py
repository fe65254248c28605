"""The commands of whoever is on call, with Shopwatch running and with it down."""

import json
import socket
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from alerts.incident import Decision, State
from alerts.notifiers.base import NotifyError
from monitor.cli import main
from monitor.cli.talk import address_of, config_of
from monitor.config import load
from monitor.demo.run import SERVICE_PORT, Places, default_state, open_demo
from monitor.duty import duty_of
from monitor.web.incidents import router
from tests.alerts.making import alert, labels
from tests.monitor.making import Now, Remembering, Room, room
from tests.monitor.test_pager import _fail
from tests.monitor.web.serving import serve
from tests.servers import free_port

CONFIG = """\
listen: 127.0.0.1:{port}
store: sqlite:state.db
oncall:
  people: [{{name: mei, timezone: Asia/Taipei}}, {{name: ana}}]
  rotations: [{{name: primary, people: [mei, ana], handover: Mon 10:00, timezone: Asia/Taipei}}]
  overrides:
    - {{rotation: primary, person: ana, from: 2026-12-24T00:00+08:00, to: 2026-12-26T00:00+08:00}}
  escalations:
    - name: page
      steps:
        - {{notify: [primary], by: [console], within: 5m}}
        - {{notify: [everyone], by: [console], within: 10m, repeat: 1}}
routes:
  - {{match: {{severity: page}}, escalation: page}}
  - {{notify: [console]}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.format(port=free_port()))
    return file


@pytest.fixture
def console() -> Remembering:
    return Remembering("console")


@pytest.fixture
def made(config: Path, console: Remembering) -> Iterator[Room]:
    read = load(config)
    with room(read.store, [console], duty=duty_of(read), clock=Now()) as made:
        yield made


@pytest.fixture
def url(made: Room) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(made.desk, made.store))
    with serve(app) as url:
        yield url


def _open(made: Room) -> str:
    answer = made.desk.submit(alert(made.time())).result(30)[0]
    assert isinstance(answer, Decision)
    assert answer.incident is not None
    return answer.incident.key


def test_ack_silence_and_listing_over_http(
    made: Room, config: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--url", url, "--config", str(config)]
    assert main(["incidents", *at]) == 0
    assert capsys.readouterr().out == "No incident is open.\n"
    key = _open(made)
    assert main(["incidents", *at]) == 1
    assert f"{key}  open       page" in capsys.readouterr().out
    assert main(["ack", key, "--by", "mei", *at]) == 0
    assert capsys.readouterr().out == f"{key}: mei is on it (by the API)\n"
    assert main(["silence", "probe=checkout", "--for", "2h", "--reason", "deploy", "--by", "mei", *at]) == 0
    assert 'probe="checkout" is silenced until' in capsys.readouterr().out
    assert main(["incidents", "--json", "--all", *at]) == 1
    [one] = json.loads(capsys.readouterr().out)
    assert (one["acked_by"], one["silenced_by"], one["silenced_because"]) == ("mei", "mei", "deploy")
    assert main(["incidents", *at]) == 1
    assert f"{key}  silenced   page" in capsys.readouterr().out


def test_what_another_incident_holds_back_is_not_called_silenced(
    made: Room, config: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page, ticket = (
        labels("CheckoutFailing", probe="checkout", location="taipei"),
        labels("CheckoutSlow", severity="ticket", probe="checkout", location="taipei"),
    )
    made.desk.submit(alert(made.time(), labels=page), alert(made.time(), labels=ticket)).result(30)
    for at in (["--url", url], ["--config", str(config)]):
        assert main(["incidents", *at]) == 1
        shown = capsys.readouterr().out
        assert "  open       page" in shown
        assert "  held back  ticket" in shown
    main(["incidents", "--json", "--url", url])
    [held] = [one for one in json.loads(capsys.readouterr().out) if one["severity"] == "ticket"]
    assert (held["state"], held["silenced_by"]) == ("silenced", "inhibition"), "programs know this word"


def test_silences_are_listed_and_ended(made: Room, config: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    for at in (["--url", url], ["--config", str(config)]):  # the second finds nobody listening: in the store
        assert main(["silences", *at]) == 0
        assert capsys.readouterr().out == "Nothing is silenced.\n"
        assert main(["silence", "shop=nowhere", "--for", "2h", "--reason", "deploy", "--by", "mei", *at]) == 0
        assert "It matches nothing now: no probe, no backup and no open incident." in capsys.readouterr().out
        assert main(["silences", "--json", *at]) == 0
        [one] = json.loads(capsys.readouterr().out)
        assert main(["silences", *at]) == 0
        line = capsys.readouterr().out
        assert line.startswith(f"{one['id']}  active until ")
        assert line.endswith('  shop="nowhere"  mei: deploy\n')
        assert main(["unsilence", one["id"], *at]) == 0
        assert capsys.readouterr().out == f'shop="nowhere" is not silenced any more by {one["id"]}\n'
        assert main(["silences", *at]) == 0
        assert capsys.readouterr().out == "Nothing is silenced.\n"
        assert main(["silences", "--all", *at]) == 0
        assert f"{one['id']}  ended " in capsys.readouterr().out
        assert main(["unsilence", "nope", *at]) == 2
        assert "there is no silence nope" in capsys.readouterr().err


def test_a_silence_of_what_is_open_does_not_say_that_it_matches_nothing(
    made: Room, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _open(made)
    assert main(["silence", "alertname=CheckoutFailing", "--for", "1h", "--reason", "x", "--url", url]) == 0
    assert "matches nothing" not in capsys.readouterr().out


@pytest.mark.parametrize("running", [True, False])
def test_an_incident_is_resolved_by_hand(
    made: Room, config: Path, url: str, running: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    key = _open(made)
    at = ["--url", url] if running else ["--config", str(config)]
    assert main(["resolve", key, "--by", "mei", *at]) == 0
    assert capsys.readouterr().out == f"{key}: Resolved by mei\n"
    incident = made.incident(key).incident
    assert incident.resolved is not None
    assert (incident.resolved.by, incident.resolved.via) == ("mei", "the API" if running else "the command line")
    assert main(["resolve", "NOPE", *at]) == 2


def test_what_cannot_be_done_is_a_sentence(made: Room, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", "NOPE", "--by", "mei", "--url", url]) == 2
    assert "there is no incident NOPE" in capsys.readouterr().err
    assert main(["silence", "probe", "--for", "2h", "--reason", "x", "--url", url]) == 2
    assert "'probe' is not a matcher" in capsys.readouterr().err
    assert main(["page", "test", "--to", "nobody", "--url", url]) == 2
    assert "no notifier and no person called 'nobody'" in capsys.readouterr().err


def test_ack_and_silence_work_when_shopwatch_is_down(
    config: Path, console: Remembering, capsys: pytest.CaptureFixture[str]
) -> None:
    read = load(config)
    with room(read.store, [console], duty=duty_of(read), clock=Now()) as made:
        key = _open(made)
    at = ["--config", str(config)]
    assert main(["incidents", *at]) == 1
    assert main(["ack", key, "--by", "mei", *at]) == 0
    told = capsys.readouterr()
    assert f"{key}: mei is on it (by the command line)" in told.out
    assert "Shopwatch does not answer at http://127.0.0.1:" in told.err
    assert main(["ack", "NOPE", *at]) == 2
    assert main(["silence", "probe=checkout", "--for", "1h", "--reason", "x", "--by", "mei", *at]) == 0
    assert main(["silence", "probe=checkout", "--for", "1", "--reason", "x", "--by", "mei", *at]) == 2
    assert "'1' is not a duration" in capsys.readouterr().err
    with room(read.store, [console], duty=duty_of(read), clock=Now()) as made:
        incident = made.incident(key).incident
        assert incident.ack is not None
        assert incident.state is State.SILENCED


def test_another_address_is_never_mistaken_for_this_store(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ack", "K7Q2", "--url", f"http://127.0.0.1:{free_port()}", "--config", str(config)]) == 3
    assert "does not answer" in capsys.readouterr().err
    assert not (config.parent / "state.db").exists()


def test_whoever_does_not_say_who_they_are_reads_as_whom_they_acted(
    made: Room, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUDO_USER", "ana")
    key = _open(made)
    assert main(["ack", key, "--url", url]) == 0
    assert capsys.readouterr().out == f"{key}: ana is on it (by the API) (you are ana here; --by NAME says otherwise)\n"


@contextmanager
def open_demo_beside(held: socket.socket) -> Iterator[Places]:
    """A demo whose Shopwatch has a port of its own, where nobody else's can be met: the usual one is taken."""
    with suppress(OSError):
        held.bind(("127.0.0.1", SERVICE_PORT))
    with open_demo(default_state(), 0, 3600) as places:
        yield places


@pytest.mark.integration
def test_without_a_config_here_the_running_demo_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with socket.socket() as held, open_demo_beside(held) as places:
        said = f"There is no ./config.yaml: this is about the demo's Shopwatch at {places.service}\n"
        assert main(["oncall", "now"]) == 0
        told = capsys.readouterr()
        assert (told.out[:9], told.err) == ("primary: ", said)
        for command in (["incidents"], ["page", "test"]):
            main(command)
            assert capsys.readouterr().err.startswith(f"{said}Shopwatch does not answer at {places.service}")
        main(["incidents", "--url", "http://127.0.0.1:1"])
        assert "demo" not in capsys.readouterr().err
        main(["probe", "home"])
        shown = capsys.readouterr()
        assert (shown.out[:12], shown.err) == ("home (http):", said)
        assert main(["backup", "list"]) == 0
        assert capsys.readouterr().err == said
        (tmp_path / "config.yaml").write_text("version: 1\n")
        assert main(["probe", "home"]) == 2
        assert capsys.readouterr().err.startswith("config.yaml has no probe called 'home'")
        assert main(["oncall", "now"]) == 1
        assert capsys.readouterr().err == ""


def test_without_any_config_the_usual_address_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["oncall", "now"]) == 2
    assert "config.yaml" in capsys.readouterr().err
    assert address_of(config_of(Namespace(config=None))) == "http://127.0.0.1:9469"


def test_a_broken_config_does_not_keep_anyone_from_an_ack(
    made: Room, config: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = _open(made)
    config.write_text("nonsense: [")
    assert main(["ack", key, "--by", "mei", "--config", str(config)]) == 2
    assert "Give --url, such as --url http://127.0.0.1:9469" in capsys.readouterr().err
    assert main(["ack", key, "--by", "mei", "--config", str(config), "--url", url]) == 0


def test_a_test_page_is_told_and_closed(
    made: Room, url: str, console: Remembering, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["page", "test", "--to", "ana", "--by", "mei", "--url", url]) == 0
    assert capsys.readouterr().out == "console: told\n"
    page = console.sent[0][0]
    assert page.headline == "A test page: nothing is broken"
    assert [person.name for person in page.people] == ["ana"]
    assert made.incident(page.key).incident.over


def test_a_test_page_that_does_not_arrive_says_why(
    made: Room, url: str, console: Remembering, capsys: pytest.CaptureFixture[str]
) -> None:
    console.trouble = _fail(NotifyError("the token was revoked", permanent=True))
    assert main(["page", "test", "--by", "mei", "--url", url]) == 1
    assert capsys.readouterr().out == "console: NOT told: the token was revoked\n"


def test_a_test_page_needs_shopwatch(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["page", "test", "--config", str(config)]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_on_call_at_a_time(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oncall", "who", "--at", "2026-12-25T09:00+08:00", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "primary: ana until Sat 26 Dec 00:00 Asia/Taipei (ana stands in)\n"
    assert main(["oncall", "now", "--config", str(config)]) == 0
    assert capsys.readouterr().out.startswith("primary: ")
    with pytest.raises(SystemExit) as caught:
        main(["oncall", "who", "--at", "tomorrow", "--config", str(config)])
    assert caught.value.code == 2


def test_nobody_on_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\n")
    assert main(["oncall", "now", "--config", str(tmp_path / "config.yaml")]) == 1
    assert "Nobody is on call" in capsys.readouterr().out


def test_an_alert_is_simulated_to_its_end(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({"labels": {"alertname": "CheckoutFailing", "severity": "page"}}))
    at = ["--at", "2026-12-25T09:00+08:00", "--config", str(config)]
    assert main(["oncall", "simulate", str(file), *at]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "CheckoutFailing goes by the escalation page; its incident is alertname=CheckoutFailing, severity=page"
    )
    assert [line.strip() for line in lines[1:]] == [
        "+0s  CheckoutFailing fires, says Shopwatch's own rules",
        "+0s  Paged ana by console (step 1 of 2)",
        "+5m  No ack within 5m. Paged mei, ana by console (step 2 of 2)",
        "+15m  No ack within 10m. Paged mei, ana by console (step 2 of 2, repeat 1 of 1)",
        "+25m  nobody acked, and every step has been taken",
    ]


def test_a_ticket_is_simulated(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "alert.json"
    file.write_text(json.dumps({"labels": {"alertname": "HostDiskFull", "severity": "ticket"}}))
    assert main(["oncall", "simulate", str(file), "--config", str(config)]) == 0
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        "HostDiskFull is told once, by console; its incident is alertname=HostDiskFull, severity=ticket",
        "+0s  HostDiskFull fires, says Shopwatch's own rules",
        "+0s  Told the channel by console",
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"labels": {"a": 1}}', '{"labels": {"a": "b"}}', '{"labels": []}']
)
def test_what_is_no_alert_is_a_sentence(
    config: Path, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "alert.json"
    file.write_text(content)
    assert main(["oncall", "simulate", str(file), "--config", str(config)]) == 2
    assert str(file) in capsys.readouterr().err
