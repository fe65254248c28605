"""The icmp probe in networks of its own: with and without privileges, with loss, without a route, without an answer."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.icmp import IcmpProbe, IcmpSettings
from probes.net.ping import Volley, _checksum
from tests.looking import look
from tests.programs import require_program
from tests.sockets import name_server, on_loop

ROOT = Path(__file__).parents[2]
UNPRIVILEGED = "setpriv --bounding-set -net_raw"


def ping(*setup: str, prefix: str = "", drop: int | None = None, **words: Any) -> dict[str, Any]:
    """A look in a network namespace that has nothing but loopback; `setup` are commands for it."""
    require_program("ip")
    new = [require_program("unshare"), "--net", *(["--user", "--map-root-user"] if os.getuid() else [])]
    if subprocess.run([*new, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets us make no network namespace")
    words = {"host": "127.0.0.1", "gap": "10ms", "patience": 3.0, **words}
    look = [sys.executable, "-m", "tests.probes.pinging", json.dumps(words), *([str(drop)] if drop else [])]
    script = "; ".join(["set -e", "ip link set lo up", *setup, f'exec {prefix} "$@"'])
    ended = subprocess.run(
        [*new, "sh", "-c", script, "sh", *look], capture_output=True, cwd=ROOT, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def allow(groups: str) -> str:
    return f"sysctl -qw net.ipv4.ping_group_range='{groups}'"


@pytest.mark.integration
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(("groups", "prefix"), [("0 0", UNPRIVILEGED), ("1 0", "")], ids=["unprivileged", "raw socket"])
def test_a_host_that_answers_is_up(groups: str, prefix: str, host: str) -> None:
    found = ping(allow(groups), prefix=prefix, host=host)
    assert (found["outcome"], found["reason"]) == ("up", "")
    seen = found["seen"]
    assert seen["probe_icmp_packet_loss_ratio"] == 0
    assert 0 < seen["probe_icmp_duration_seconds{rtt}"] < 1
    assert seen["probe_icmp_duration_seconds{setup}"] > 0
    assert seen["probe_icmp_duration_seconds{resolve}"] >= 0
    assert seen["probe_icmp_reply_hop_limit"] == 64
    assert seen["probe_ip_protocol"] == (6 if ":" in host else 4)
    assert found["facts"]["answered"] == "3 of 3"
    names = {name.partition("{")[0] for name in seen}
    assert names <= {metric.name for metric in IcmpProbe.metrics}


@pytest.mark.integration
@pytest.mark.parametrize(("groups", "prefix"), [("0 0", UNPRIVILEGED), ("1 0", "")], ids=["unprivileged", "raw socket"])
def test_it_goes_out_from_where_it_is_told(groups: str, prefix: str) -> None:
    one, two = "ip addr add 10.0.0.1/32 dev lo", "ip addr add 10.0.0.2/32 dev lo"
    found = ping(one, two, allow(groups), prefix=prefix, host="10.0.0.1", source="10.0.0.2")
    assert (found["outcome"], found["reason"]) == ("up", "")
    lost = ping(one, allow(groups), prefix=prefix, host="10.0.0.1", source="10.0.0.2")
    reason = "setup: cannot reach 10.0.0.1: this machine does not have the source address 10.0.0.2"
    assert (lost["outcome"], lost["reason"]) == ("unknown", reason)


@pytest.mark.integration
def test_without_privileges_it_says_what_to_do() -> None:
    found = ping(allow("1 0"), prefix=UNPRIVILEGED)
    assert found["outcome"] == "unknown"
    assert found["reason"] == (
        "setup: this machine lets us send no pings; as root, either allow our group to"
        ' (sysctl -w net.ipv4.ping_group_range="0 0"), or give Shopwatch the capability'
        " (AmbientCapabilities=CAP_NET_RAW in its systemd unit, --cap-add NET_RAW for a container)"
    )
    assert "probe_icmp_packet_loss_ratio" not in found["seen"]


@pytest.mark.integration
@pytest.mark.parametrize(("groups", "prefix"), [("0 0", UNPRIVILEGED), ("1 0", "")])
def test_silence_is_down_at_the_deadline(groups: str, prefix: str) -> None:
    silent = "sysctl -qw net.ipv4.icmp_echo_ignore_all=1"
    found = ping(silent, allow(groups), prefix=prefix, packets=2, patience=0.5)
    assert found["outcome"] == "down"
    assert re.fullmatch(r"rtt: 127\.0\.0\.1 answered none of 2 pings within 0\.4\d*s", found["reason"])
    assert found["seen"]["probe_icmp_packet_loss_ratio"] == 1
    assert "probe_icmp_duration_seconds{rtt}" not in found["seen"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "outcome", "reason"),
    [
        ({}, "up", ""),
        (
            {"degraded": {"loss": "0%"}},
            "degraded",
            "loss: expected 0% of the pings to 127.0.0.1 lost at most, 50% were",
        ),
        ({"degraded": {"loss": "50%"}}, "up", ""),
        ({"expect": {"loss": "40%"}}, "down", "loss: expected 40% of the pings to 127.0.0.1 lost at most, 50% were"),
    ],
)
def test_loss_is_counted_and_judged(words: dict[str, Any], outcome: str, reason: str) -> None:
    found = ping(drop=2, packets=4, patience=0.6, **words)
    assert (found["outcome"], found["reason"]) == (outcome, reason)
    assert found["seen"]["probe_icmp_packet_loss_ratio"] == 0.5
    assert found["facts"]["answered"] == "2 of 4"


@pytest.mark.integration
def test_no_route_is_ours_and_a_host_that_a_router_calls_unreachable_is_down() -> None:
    found = ping(host="192.0.2.1")
    assert (found["outcome"], found["reason"]) == (
        "unknown",
        "setup: cannot reach 192.0.2.1: this machine has no route there",
    )
    found = ping("ip route add unreachable 192.0.2.1", host="192.0.2.1")
    assert found["outcome"] == "down"
    assert found["reason"].startswith("setup: 192.0.2.1 is unreachable")


@on_loop
async def test_a_name_without_address_is_down() -> None:
    async with name_server({("shop.example.", "A"): ["127.0.0.1"]}) as (dns, _):
        finding = await look(IcmpProbe, type="icmp", host="shop.example", ip=6, resolver=[f"127.0.0.1:{dns}"])
    assert finding.outcome == "down"
    assert finding.reason == "resolve: shop.example has no IPv6 address (no AAAA record)"


@given(st.binary(max_size=200))
def test_a_checksum_holds(data: bytes) -> None:
    whole = data + b"\0" * (len(data) % 2)
    assert _checksum(whole + struct.pack("!H", _checksum(whole))) == 0


class _Nowhere:
    """The little of a socket that a volley asks for."""

    family, type = 2, 3


@given(st.binary(max_size=80))
def test_what_is_no_reply_of_ours_is_ignored(packet: bytes) -> None:
    volley = Volley(_Nowhere(), 32)  # type: ignore[arg-type]  # no socket is used here
    volley._take(packet, [], 0.0)
    assert volley.echoes.seconds == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"host": "http://shop.example/"}, "is not a host name"),
        ({"packets": 0}, "greater than or equal to 1"),
        ({"packets": 50, "gap": "1s"}, "50 packets take 49s to send, and timeout is 5s"),
        ({"expect": {"loss": 0.5}}, "0.5 is not a ratio; write a percentage"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        IcmpSettings.model_validate(
            {"name": "router", "type": "icmp", "host": "gw.shop.example", **words}, context={"folder": Path("/")}
        )
