"""Failed looks and the canary's word, with a real prober and real sockets."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest

from monitor.perch import Perch
from monitor.prober.prober import Prober
from probes.base import Finding, Outcome, Result
from probes.tcp import TcpSettings

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000.0


@pytest.fixture
def anyio_backend():
    return "asyncio"


def settings(name, port, **more):
    return TcpSettings.model_validate(
        {"name": name, "type": "tcp", "address": f"127.0.0.1:{port}", "every": 1.0, "timeout": 0.3, **more}
    )


class Port:
    """Something that accepts connections on loopback, and can stop and go on."""

    def __init__(self):
        self.open()
        self.number = self._socket.getsockname()[1]

    def open(self, number=0):
        self._socket = socket.create_server(("127.0.0.1", number), backlog=100)

    def reopen(self):
        self.open(self.number)

    def close(self):
        self._socket.close()


class Door:
    """A prober with a perch before it, and what came through."""

    def __init__(self, probes, names=()):
        self.results = []
        self.perch = Perch(self.take, lambda name: self.prober.look_now(name))  # noqa: PLW0108 - it is made below
        self.perch.apply(names, probes)
        self.prober = Prober(probes, "here", self.perch.take, lambda missed: None)

    def take(self, results):
        self.results += [(time.time(), result) for result in results]

    def of(self, name):
        return [result for _, result in self.results if result.probe == name]

    async def until(self, condition, within=20.0):
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - what is awaited is told by no event
                await asyncio.sleep(0.005)


@asynccontextmanager
async def watching(probes, names):
    door = Door(probes, names)
    await door.prober.start()
    try:
        yield door
    finally:
        await door.prober.stop(0.1)


@pytest.fixture
def ports():
    both = Port(), Port()
    yield both
    for one in both:
        one.close()


@pytest.mark.integration
async def test_what_fails_with_the_canary_is_our_own_network(ports):
    shop, uplink = ports
    probes = [settings("shop", shop.number), settings("uplink", uplink.number, every=5.0)]
    async with watching(probes, ["uplink"]) as door:
        await door.until(lambda: door.of("shop"))
        assert door.of("shop")[0].outcome is Outcome.UP
        uplink.close()
        shop.close()
        await door.until(lambda: door.of("shop")[-1].outcome is not Outcome.UP)
        assert door.of("shop")[-1].finding.reason == "our own network: the canary uplink fails too"
        assert all(result.outcome is not Outcome.DOWN for result in door.of("shop"))
        await door.until(lambda: door.of("uplink")[-1].outcome is Outcome.DOWN)  # its own failure is told as it is
        assert dict(door.perch.alive()) == {"uplink": False}
        assert door.perch.excused >= 1
        uplink.reopen()
        await door.until(lambda: door.of("shop")[-1].outcome is Outcome.DOWN)  # the shop's own trouble is not hidden
        assert "refused" in door.of("shop")[-1].finding.reason


@pytest.mark.integration
async def test_a_failure_of_the_shop_waits_only_for_a_look_at_the_canary(ports):
    shop, uplink = ports
    probes = [settings("shop", shop.number), settings("uplink", uplink.number, every=60.0)]
    async with watching(probes, ["uplink"]) as door:
        await door.until(lambda: door.of("shop"))
        shop.close()
        await door.until(lambda: door.of("shop")[-1].outcome is Outcome.DOWN)
        came, failed = next((at, result) for at, result in door.results if result.outcome is Outcome.DOWN)
        assert (
            came - failed.at < 5
        )  # some 30 ms on a machine of one's own, where the canary's own slot is a minute away
        assert any(result.extra for result in door.of("uplink"))


def look(probe, outcome, began=0.0):
    return Result(probe, "tcp", NOW + began, 0.0, 0.1, Finding(outcome, "refused"))


class Perched:
    """A perch alone, with the canary `bird`, which looks every 0.2 s."""

    def __init__(self, names=("bird",)):
        self.told, self.asked = [], []
        probes = [settings("home", 1), settings("bird", 2, every=0.2, timeout=0.1)]
        self.perch = Perch(self.told.extend, self.asked.append)
        self.perch.apply(names, probes)

    @property
    def outcomes(self):
        return [(result.probe, str(result.outcome)) for result in self.told]


async def test_without_a_canary_nothing_waits():
    it = Perched(names=())
    it.perch.take([look("home", Outcome.DOWN)])
    assert (it.outcomes, it.asked) == ([("home", "down")], [])


async def test_results_of_one_probe_stay_in_order():
    it = Perched()
    it.perch.take([look("home", Outcome.DOWN), look("home", Outcome.UP, 1.0), look("home", Outcome.DOWN, 2.0)])
    assert (it.told, it.asked) == ([], ["bird"])
    it.perch.take([look("bird", Outcome.DOWN, 0.2)])
    assert it.outcomes == [("home", "unknown"), ("home", "up"), ("bird", "down")]
    it.perch.take([look("home", Outcome.DOWN, 3.0), look("bird", Outcome.UP, 3.2)])
    assert it.outcomes[3:] == [("home", "down"), ("home", "down"), ("bird", "up")]


async def test_a_canary_that_keeps_silent_hides_nothing_for_longer_than_its_interval():
    it = Perched()
    it.perch.take([look("home", Outcome.DOWN)])
    await asyncio.sleep(0.1)
    it.perch.take([look("bird", Outcome.UNKNOWN, 0.2)])
    assert it.outcomes == [("bird", "unknown")]
    assert it.asked == ["bird", "bird"]
    await asyncio.sleep(0.3)
    assert it.outcomes == [("bird", "unknown"), ("home", "down")]
    it.perch.take([look("home", Outcome.UP, 1.0)])
    assert it.outcomes[-1] == ("home", "up")


async def test_a_reload_lets_go_of_what_waits():
    it = Perched()
    it.perch.take([look("home", Outcome.DOWN)])
    it.perch.apply((), [settings("home", 1)])
    assert it.outcomes == [("home", "down")]
    await asyncio.sleep(0.3)
    assert len(it.told) == 1


async def test_a_reload_that_leaves_the_canary_alone_keeps_what_it_said():
    it = Perched()
    it.perch.take([look("bird", Outcome.DOWN)])
    it.perch.apply(("bird",), [settings("home", 1), settings("bird", 2, every=0.2, timeout=0.1)])
    it.perch.take([look("home", Outcome.DOWN, 0.1)])
    assert it.outcomes[-1] == ("home", "unknown")
