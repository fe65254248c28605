"""The dead man's switch: pinged over a real socket while all is well; not pinged, with the reason, when it is not."""

import asyncio
import contextlib
import http.server
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from monitor.deadman import Deadman, DeadmanSettings
from probes.settings import Secret
from tests.servers import free_port

pytestmark = pytest.mark.anyio
SECRET = "/5e3c-r37-uu1d"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Switch:
    """A dead man's switch on loopback."""

    def __init__(self) -> None:
        self.pings: list[str] = []
        self.status, self.pause = 200, 0.0
        switch = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                switch.pings.append(self.path)
                time.sleep(switch.pause)
                with contextlib.suppress(OSError):
                    self.send_response(switch.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{SECRET}"


@pytest.fixture
def switch() -> Iterator[Switch]:
    made = Switch()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Watch:
    """A deadman that runs, with faults of the test's own."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.registry = CollectorRegistry()
        self.deadman = Deadman(lambda: self.faults, time.time, self.registry, settle=0.0)

    def count(self, outcome: str) -> float:
        return self.registry.get_sample_value("shopwatch_deadman_pings_total", {"outcome": outcome}) or 0.0

    async def until(self, outcome: str, count: float = 1) -> None:
        async with asyncio.timeout(20):
            while self.count(outcome) < count:  # noqa: ASYNC110 - a counter has no event to wait for
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(settings: DeadmanSettings | None) -> AsyncIterator[Watch]:
    watch = Watch()
    watch.deadman.apply(settings)
    task = asyncio.create_task(watch.deadman.run())
    try:
        yield watch
    finally:
        task.cancel()


def at(url: str, **more: float) -> DeadmanSettings:
    return DeadmanSettings(url=Secret(url), **{"every": 0.05, **more})


async def test_it_pings_again_and_again_while_all_is_well(switch):
    async with running(at(switch.url)) as watch:
        await watch.until("sent", 3)
    assert set(switch.pings) == {SECRET}
    assert watch.count("failed") == watch.count("withheld") == 0


async def test_it_is_silent_while_something_is_wrong_and_says_what_once(switch, caplog):
    caplog.set_level(logging.INFO)
    async with running(None) as watch:
        watch.faults = ["the next step of K7Q2 is overdue by 2m", "the prober process 0 does not run", "c", "d"]
        watch.deadman.apply(at(switch.url))
        await watch.until("withheld", 3)
        assert switch.pings == []
        assert watch.registry.get_sample_value("shopwatch_deadman_sound") == 0
        watch.faults = []
        await watch.until("sent")
        assert watch.registry.get_sample_value("shopwatch_deadman_sound") == 1
    said = [record.message for record in caplog.records if "not pinged" in record.message]
    assert said == [
        "the dead man's switch is not pinged: the next step of K7Q2 is overdue by 2m; "
        "the prober process 0 does not run; c, and 1 more"
    ]
    assert "the dead man's switch is pinged again" in caplog.text


@pytest.mark.parametrize("trouble", ["503", "slow", "nobody", "no address", "no file"])
async def test_a_switch_that_takes_no_ping_is_told_of_without_its_address(switch, caplog, trouble, tmp_path):
    settings = at(switch.url, timeout=0.2)
    said = "it answers 503"
    if trouble == "503":
        switch.status = 503
    elif trouble == "slow":
        switch.pause, said = 1.0, "no answer within 200ms"
    elif trouble == "nobody":
        settings, said = at(f"http://127.0.0.1:{free_port()}{SECRET}"), "ConnectError"
    elif trouble == "no address":
        settings, said = at(SECRET), "UnsupportedProtocol"
    else:
        missing = Path(tmp_path, "missing")
        settings = DeadmanSettings(url=Secret(file=missing), every=0.05)
        said = f"cannot read the secret file {missing}: No such file or directory"
    async with running(settings) as watch:
        await watch.until("failed", 2)
    assert f"the dead man's switch did not take the ping: {said}" in caplog.text
    assert SECRET not in "".join(line for line in caplog.messages if "HTTP Request" not in line)
    assert watch.count("sent") == 0


async def test_a_bug_in_the_look_at_ourselves_ends_nothing(switch, caplog):
    async with running(at(switch.url)) as watch:
        await watch.until("sent")

        class Broken(list[str]):
            def __iter__(self) -> Iterator[str]:
                raise RuntimeError("a bug")

        watch.faults = Broken()
        before = len(switch.pings)
        await asyncio.sleep(0.2)
        assert len(switch.pings) <= before + 1
        watch.faults = []
        await watch.until("sent", watch.count("sent") + 2)
    assert "could not be pinged" in caplog.text


async def test_a_reload_takes_effect_at_once(switch):
    async with running(at(switch.url, every=3600.0)) as watch:
        await watch.until("sent")
        watch.deadman.apply(at(switch.url + "/other", every=3600.0))
        await watch.until("sent", 2)
        watch.deadman.apply(None)
    assert switch.pings == [SECRET, f"{SECRET}/other"]


async def test_settings_without_an_address_are_refused():
    with pytest.raises(ValidationError, match="a dead man's switch needs url, or url_file"):
        DeadmanSettings()
