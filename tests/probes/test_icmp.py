"""The icmp probe: echoes that come back, some that do not, and none that we may send."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Outcome, Run
from probes.icmp import IcmpProbe, IcmpSettings
from probes.net.echo import ping
from probes.net.errors import NetError
from probes.net.reach import Degraded
from tests.looking import look, numbers
from tests.programs import require_program
from tests.sockets import name_server, on_loop

_LOOK = """
import asyncio, json
from probes.icmp import IcmpProbe
from tests.looking import look
finding = asyncio.run(look(IcmpProbe, type="icmp", host="127.0.0.1"))
print(json.dumps([finding.outcome, finding.reason]))
"""


@pytest.fixture
def may_ping() -> None:
    try:
        asyncio.run(ping("127.0.0.1", 2.0))
    except NetError as error:
        if not error.ours:
            raise
        pytest.skip(str(error))


@pytest.mark.usefixtures("may_ping")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@on_loop
async def test_this_machine_answers(host: str) -> None:
    finding = await look(IcmpProbe, type="icmp", host=host, count=5, size=1000)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert (seen["probe_icmp_loss_ratio"], seen["probe_icmp_reply_hop_limit"]) == (0, 64)
    assert 0 < seen["probe_icmp_duration_seconds{rtt}"] < 1
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in IcmpProbe.metrics}
    assert finding.evidence
    assert [step.name for step in finding.evidence.steps] == [f"echo {number}" for number in range(1, 6)]


@pytest.mark.usefixtures("may_ping")
@on_loop
async def test_a_slow_answer_is_degraded() -> None:
    at_once = Degraded(after=1e-9)  # shorter than any echo takes
    settings = IcmpSettings(name="probe", host="127.0.0.1", degraded=at_once)
    probe = IcmpProbe(settings)
    await probe.open()
    finding = await probe.check(Run(asyncio.get_running_loop().time() + 5, 0.0, "run"))
    assert finding.outcome is Outcome.DEGRADED
    assert re.fullmatch(r"slow: expected 127\.0\.0\.1 to answer within \w+, it took \w+", finding.reason)


@on_loop
async def test_a_name_that_does_not_exist_is_down() -> None:
    async with name_server({}) as (port, _):
        finding = await look(IcmpProbe, type="icmp", host="nowhere.example", resolver=[f"127.0.0.1:{port}"])
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == f"resolve: there is no such name as nowhere.example (NXDOMAIN from 127.0.0.1:{port})"
    assert "probe_icmp_loss_ratio" not in numbers(finding)


@pytest.mark.usefixtures("may_ping")
@on_loop
async def test_an_echo_that_does_not_come_in_time_is_down() -> None:
    finding = await look(IcmpProbe, type="icmp", host="127.0.0.1", count=2, patience=0.0)  # no echo is as fast
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("echo: 127.0.0.1 did not answer within ")
    assert numbers(finding)["probe_icmp_loss_ratio"] == 1


def test_who_may_not_ping_is_told_how_to_be_allowed() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ping_group_range").read_text().split())
    if first <= last:
        pytest.skip(f"the kernel lets the groups {first} to {last} ping without privileges")
    setpriv = require_program("setpriv")
    command = [setpriv, "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", _LOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    if "setpriv:" in done.stderr:
        pytest.skip(f"privileges can be dropped by root only: {done.stderr.strip()}")
    outcome, reason = json.loads(done.stdout)
    assert outcome == Outcome.UNKNOWN
    assert reason == (
        "echo: this process may not ping; allow its group by `sysctl net.ipv4.ping_group_range='0 2147483647'`,"
        " or give it CAP_NET_RAW"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"host": "a b"}, "'a b' is not a host name"),
        ({"host": "x", "count": 0}, "greater than or equal to 1"),
        ({"host": "x", "expect": {"loss": 10}}, "10 is not a ratio; write a percentage"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        IcmpSettings.model_validate({"name": "probe", "type": "icmp", **words})
