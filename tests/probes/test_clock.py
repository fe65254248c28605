"""The clock probe against a real chronyd, and against time servers that lie, refuse, or have no time themselves."""

import asyncio
import re
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.clock import ClockProbe, ClockSettings
from probes.net.errors import NetError
from probes.net.ntp import read_time
from tests.looking import look, numbers
from tests.programs import require_program
from tests.servers import free_port, started
from tests.sockets import on_loop

EPOCH = 2_208_988_800
CHRONY = """
port {port}
bindaddress 127.0.0.1
cmdport 0
bindcmdaddress /
pidfile {folder}/pid
allow 127.0.0.1
{local}
"""


def stamp(at: float) -> int:
    return round((at + EPOCH) * 2**32) % 2**64


class TimeServer(asyncio.DatagramProtocol):
    """A time server whose clock is `ahead` of the true one."""

    def __init__(self, ahead: float = 0.0, stratum: int = 2, leap: int = 0, code: bytes = b"LOCL") -> None:
        self.ahead, self.stratum, self.leap, self.code = ahead, stratum, leap, code

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        now = stamp(time.time() + self.ahead)
        head = self.leap << 6 | 4 << 3 | 4
        answer = struct.pack("!BBbbII4s", head, self.stratum, 6, -20, 0, 0, self.code)
        for noise in (b"", b"x" * 47, answer + bytes(32), data):  # none of these is an answer to us
            self.transport.sendto(noise, address)
        self.transport.sendto(answer + struct.pack("!Q8sQQ", now, data[40:48], now, now), address)


@asynccontextmanager
async def serving(*servers: TimeServer) -> AsyncIterator[list[str]]:
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_datagram_endpoint(lambda one=server: one, local_addr=("127.0.0.1", 0)))[0]
        for server in servers
    ]
    try:
        yield [f"127.0.0.1:{one.get_extra_info('sockname')[1]}" for one in opened]
    finally:
        for one in opened:
            one.close()


async def asked(*servers: TimeServer, **words: Any) -> Finding:
    async with serving(*servers) as addresses:
        return await look(ClockProbe, type="clock", server=addresses, **words)


@pytest.fixture(params=["local stratum 3", ""], ids=["with the time", "without the time"])
def chrony(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    program = require_program("chronyd")
    with tempfile.TemporaryDirectory(prefix="shopwatch-chrony-") as folder:
        port = free_port()
        config = Path(folder, "config")
        config.write_text(CHRONY.format(port=port, folder=folder, local=request.param))
        arguments = [program, "-d", "-x", "-U", "-f", str(config)]
        with started(arguments, folder, lambda: Path(folder, "pid").exists()):
            yield f"127.0.0.1:{port}", bool(request.param)


@pytest.mark.integration
@on_loop
async def test_a_real_time_server(chrony: tuple[str, bool]) -> None:
    address, has_time = chrony
    finding = await look(ClockProbe, type="clock", server=address)
    if not has_time:
        assert finding.outcome is Outcome.UNKNOWN
        assert finding.reason == f"ask: the time server {address} says that its own clock is not synchronised"
        return
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert abs(seen["probe_clock_offset_seconds"]) <= seen["probe_clock_uncertainty_seconds"] + 0.001
    assert seen[f"probe_clock_server_stratum{{{address}}}"] == 3
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in ClockProbe.metrics}


@pytest.mark.parametrize(
    ("ahead", "words", "outcome", "reason"),
    [
        (0.0, {}, Outcome.UP, ""),
        (0.3, {"expect": {"within": "500ms"}}, Outcome.UP, ""),
        (0.9, {"expect": {"within": "500ms"}}, Outcome.DOWN, "within 500ms of the true time, it is .* behind"),
        (-3600.0, {}, Outcome.DOWN, "within 1s of the true time, it is (59m59s|1h).* ahead"),
        (0.3, {"degraded": {"within": "100ms"}}, Outcome.DEGRADED, "within 100ms of the true time, it is .* behind"),
    ],
)
@on_loop
async def test_a_clock_that_is_off(ahead: float, words: dict[str, Any], outcome: Outcome, reason: str) -> None:
    finding = await asked(TimeServer(ahead), **words)
    assert finding.outcome is outcome
    assert re.fullmatch(f"offset: expected this machine's clock {reason}" if reason else "", finding.reason)
    seen = numbers(finding)
    assert seen["probe_clock_offset_seconds"] == pytest.approx(ahead, abs=0.1 + seen["probe_clock_uncertainty_seconds"])


@on_loop
async def test_one_liar_among_three_is_outvoted() -> None:
    finding = await asked(TimeServer(), TimeServer(500.0), TimeServer())
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert finding.evidence
    assert re.fullmatch("8m20s.* behind|8m19.* behind", finding.evidence.steps[1].detail)


@on_loop
async def test_servers_without_the_time_say_nothing_of_our_clock() -> None:
    finding = await asked(TimeServer(leap=3), TimeServer(stratum=16))
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.count("says that its own clock is not synchronised") == 2
    assert not finding.samples
    finding = await asked(TimeServer(leap=3), TimeServer())
    assert finding.outcome is Outcome.UP
    finding = await asked(TimeServer(stratum=0, code=b"RATE"))
    assert finding.outcome is Outcome.BLOCKED
    assert re.fullmatch(r"ask: the time server .* turned the probe away with RATE \(kiss-o'-death\)", finding.reason)


@on_loop
async def test_silence_and_nobody_there_are_ours() -> None:
    class Silent(TimeServer):
        def datagram_received(self, data: bytes, address: Any) -> None:
            pass

    finding = await asked(Silent(), patience=0.4)
    assert finding.outcome is Outcome.UNKNOWN
    assert re.fullmatch(r"ask: the time server .* did not answer within 0\.3\d*s", finding.reason)
    finding = await look(ClockProbe, type="clock", server=f"127.0.0.1:{free_port()}")
    assert finding.outcome is Outcome.UNKNOWN
    assert "refused the connection" in finding.reason


@given(st.binary(min_size=48, max_size=60), st.floats(0, 4e9), st.floats(0, 5))
def test_any_packet_is_read_or_refused(data: bytes, sent: float, took: float) -> None:
    try:
        told = read_time(data, sent, sent + took, "it")
    except NetError:
        return
    assert abs(told.offset) <= 2**32
    assert told.round_trip >= 0


@given(st.floats(-1e6, 1e6), st.floats(1e9, 9e9), st.floats(0, 1))
def test_the_offset_is_right_in_every_era(offset: float, sent: float, way: float) -> None:
    arrived = stamp(sent + way + offset)
    head = struct.pack("!BBbbII4sQQQQ", 0b00_100_100, 1, 0, 0, 0, 0, b"GPS\0", 0, 0, arrived, arrived)
    told = read_time(head, sent, sent + 2 * way, "it")
    assert told.offset == pytest.approx(offset, abs=1e-5)
    assert told.round_trip == pytest.approx(2 * way, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"server": []}, "at least 1 item"),
        ({"server": "ntp.example:x"}, "has no valid port"),
        ({"expect": {"within": "0s"}}, "must be longer than zero"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        ClockSettings.model_validate({"name": "clock", "type": "clock", "server": "ntp.example", **words}, context={})


def test_the_port_is_123_unless_told() -> None:
    settings = ClockSettings.model_validate({"name": "c", "type": "clock", "server": ["ntp.example", "[::1]:99"]})
    assert [str(server) for server in settings.server] == ["ntp.example:123", "[::1]:99"]
