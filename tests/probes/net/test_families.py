"""Both families apart: what a browser would hide, and what a strict eye sees."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.base import Finding, Outcome
from probes.http import HttpProbe
from probes.tcp import TcpProbe
from probes.tls import TlsProbe
from tests.looking import look
from tests.sockets import Authority, Shop, after_head, answer, name_server, on_loop, serve

BOTH = {("shop.example.", "A"): ["127.0.0.1"], ("shop.example.", "AAAA"): ["::1"]}
PAGE = answer(body=b"ok")


@asynccontextmanager
async def shop(four: Any, six: Any, tls: Any = None) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """One port on both loopbacks, each served by its own conversation, or by none; and the name shop.example."""
    with socket.socket() as taken, socket.socket(socket.AF_INET6) as other:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        other.bind(("::1", port))
    async with name_server(BOTH) as (dns, _):
        words = {"resolver": [f"127.0.0.1:{dns}"]}
        async with serve_or_not(four, "127.0.0.1", port, tls), serve_or_not(six, "::1", port, tls):
            yield port, words


@asynccontextmanager
async def serve_or_not(conversation: Any, host: str, port: int, tls: Any) -> AsyncIterator[None]:
    if conversation is None:
        yield
        return
    async with serve(conversation, host=host, port=port, tls=tls):
        yield


async def of(four: Any, six: Any, ip: str) -> Finding:
    async with shop(four, six) as (port, words):
        finding = await look(HttpProbe, type="http", url=f"http://shop.example:{port}/", ip=ip, **words)
        return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


def success(finding: Finding) -> dict[str, float]:
    return {dict(s.labels)["family"]: s.value for s in finding.samples if s.name == "probe_family_success"}


@pytest.mark.parametrize("ip", ["each", "both"])
@on_loop
async def test_both_good_is_up(ip: str) -> None:
    finding = await of(Shop(PAGE), Shop(PAGE), ip)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert success(finding) == {"4": 1, "6": 1}
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in HttpProbe.metrics}
    assert finding.evidence
    assert finding.evidence.steps[0].name == "IPv6: resolve"
    durations = [s for s in finding.samples if s.name == "probe_family_duration_seconds"]
    assert len(durations) == 2
    assert all(sample.value > 0 for sample in durations)


@pytest.mark.parametrize(("ip", "outcome"), [("any", Outcome.UP), ("each", Outcome.DEGRADED), ("both", Outcome.DOWN)])
@on_loop
async def test_one_that_fails_is_hidden_degraded_or_down(ip: str, outcome: Outcome) -> None:
    finding = await of(Shop(PAGE), None, ip)
    assert finding.outcome is outcome
    if ip != "any":
        assert finding.reason == "over IPv6: connect: shop.example ([::1]:PORT) refused the connection"
        assert success(finding) == {"4": 1, "6": 0}


@pytest.mark.parametrize("ip", ["each", "both"])
@on_loop
async def test_both_failing_is_down_and_both_are_told(ip: str) -> None:
    finding = await of(Shop(answer("500 Oops")), after_head(), ip)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == (
        "over IPv6: processing: shop.example:PORT closed the connection without answering;"
        " over IPv4: status: expected 2xx, got 500 from http://shop.example:PORT/"
    )


@on_loop
async def test_other_kinds_can_do_it_too(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with shop(Shop(PAGE), None, authority.server("shop.example")) as (port, words):
        address, tls = f"shop.example:{port}", {"ca": str(authority.ca)}
        tcp = await look(TcpProbe, type="tcp", address=address, ip="each", **words)
        cert = await look(TlsProbe, type="tls", address=address, ip="both", tls=tls, **words)
    assert (tcp.outcome, cert.outcome) == (Outcome.DEGRADED, Outcome.DOWN)
    assert success(tcp) == success(cert) == {"4": 1, "6": 0}
