"""`shopwatch demo` starts a shop, leaves nothing running, and can be told to break and mend it."""

import argparse
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from monitor.cli import demo as command
from monitor.config import load
from monitor.demo.run import DemoError, config_path, default_state, find_demo, open_demo
from tests.servers import until

pytestmark = pytest.mark.integration

_COMMAND = """
import argparse, sys
from monitor.cli import demo
parser = argparse.ArgumentParser(prog="shopwatch")
demo.add(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""


def _start(state: Path) -> subprocess.Popen:
    arguments = [sys.executable, "-c", _COMMAND, "demo", "--state", str(state), "--shop-only", "--shopper-every", "0"]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _up(state: Path) -> bool:
    with suppress(DemoError, httpx.HTTPError):
        return httpx.get(find_demo(state).shop, trust_env=False).status_code == 200
    return False


def _children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers(required=True))
    args = parser.parse_args(["demo", *words])
    return args.run(args)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_a_second_run_works(tmp_path, number):
    for _ in range(2):
        process = _start(tmp_path)
        until(lambda: _up(tmp_path), "the shop to open")
        children = _children(process.pid)
        assert children
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert all(map(_gone, children))
        assert "Break it" in output
        assert f"demo --state {tmp_path} break declined" in output
        assert not (tmp_path / "demo.json").exists()


def test_a_shop_ends_when_its_starter_was_killed(tmp_path):
    process = _start(tmp_path)
    until(lambda: _up(tmp_path), "the shop to open")
    children = _children(process.pid)
    process.kill()
    process.communicate()
    until(lambda: all(map(_gone, children)), "the shop to end")
    again = _start(tmp_path)
    until(lambda: _up(tmp_path), "the shop to open again")
    again.terminate()
    assert again.wait(30) == 0
    again.stdout.close()


def test_a_second_demo_with_the_same_state_is_refused_and_one_with_another_gets_other_ports(demo, tmp_path, capsys):
    assert _run("--state", str(demo.state), "--shop-only") == 3
    assert "a demo is already running with its state in" in capsys.readouterr().err
    with open_demo(tmp_path, 0, 3600) as places:
        assert places.shop != demo.places.shop
        assert httpx.get(places.shop, trust_env=False).status_code == 200


def test_break_and_mend_turn_the_switches(demo, capsys):
    state = ["--state", str(demo.state)]
    assert _run("break", "declined", *state) == 0
    assert "declines every card" in capsys.readouterr().out
    with demo.browser() as browser:
        assert browser.get("/switches.json").json()["declined"] is True
        assert _run(*state, "mend", "declined") == 0
        assert browser.get("/switches.json").json()["declined"] is False
        assert _run("mend", *state) == 0
    assert "everything is mended" in capsys.readouterr().out


def test_break_without_a_demo_says_how_to_start_one(tmp_path, capsys):
    assert _run("break", "slow", "--state", str(tmp_path)) == 3
    assert "no demo is running" in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        _run("break", "everything")
    assert usage.value.code == 2


def test_a_state_below_a_file_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert _run("--state", str(tmp_path / "file" / "x"), "--shop-only") == 3
    assert "cannot keep its state" in capsys.readouterr().err


def test_the_config_survives_a_strange_folder(tmp_path):
    state = tmp_path / """it's "a" #1: ${HOME}"""
    with open_demo(state, 0, 3600) as places:
        config = load(config_path(state), {})
        assert config.url == places.service
        assert str(state) in config.store
        assert config_path(state).stat().st_mode & 0o777 == 0o600


def test_the_usual_state_is_this_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_state() == tmp_path / "shopwatch" / "demo"


def test_shoppers_keep_orders_moving(tmp_path):
    def orders(url: str) -> float:
        lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("shop_orders_total "))

    with open_demo(tmp_path, shopper_every=0.3, backup_every=3600) as places:
        before = orders(places.shop)
        until(lambda: orders(places.shop) >= before + 3, "three orders")
