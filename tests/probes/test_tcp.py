"""The tcp probe: connections, conversations, and turning to TLS in the middle of one."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.tcp import TcpProbe, TcpSettings
from tests.looking import look, numbers
from tests.sockets import Authority, name_server, on_loop, refused_port, serve, silence


async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.shop.example ESMTP\r\n")
    while line := await reader.readline():
        if line.startswith(b"EHLO"):
            writer.write(b"250-mail greets " + line[5:-2] + b"\r\n250 SIZE 1000\r\n")
        else:
            writer.write(b"221 bye")
            await writer.drain()
            return


async def of(conversation: Any, **words: Any) -> Finding:
    async with serve(conversation) as port:
        finding = await look(TcpProbe, type="tcp", address=f"127.0.0.1:{port}", **words)
        reason = finding.reason.replace(f":{port}", ":PORT")
        return Finding(finding.outcome, reason, finding.samples, finding.evidence)


@on_loop
async def test_an_open_port_is_up() -> None:
    finding = await of(silence)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_tcp_duration_seconds{connect}"] > 0
    assert (seen["probe_failed_due_to_regex"], seen["probe_ip_protocol"]) == (0, 4)
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in TcpProbe.metrics}


@on_loop
async def test_a_closed_port_is_down_and_a_name_without_address_too() -> None:
    port = refused_port()
    finding = await look(TcpProbe, type="tcp", address=f"127.0.0.1:{port}")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == f"connect: 127.0.0.1:{port} refused the connection"
    async with name_server({("shop.example.", "A"): ["127.0.0.1"]}) as (dns, _):
        words: dict[str, Any] = {"type": "tcp", "resolver": [f"127.0.0.1:{dns}"], "address": f"shop.example:{port}"}
        finding = await look(TcpProbe, **words)
        assert finding.reason == f"connect: shop.example (127.0.0.1:{port}) refused the connection"
        finding = await look(TcpProbe, **words, ip=6)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "resolve: shop.example has no IPv6 address (no AAAA record)"


@on_loop
async def test_a_conversation_that_goes_as_written_is_up() -> None:
    turns = [
        {"expect": r"^220 (\S+)"},
        {"send": r"EHLO \1"},
        {"expect": r"^250-mail greets mail\.shop\.example$"},
        {"expect": "^250 "},
        {"send": "QUIT\r\n"},
        {"expect": "^221 bye$"},
    ]
    finding = await of(mail, dialogue=turns)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert "probe_tcp_duration_seconds{dialogue}" in numbers(finding)


@on_loop
async def test_another_answer_is_down_with_what_was_said() -> None:
    finding = await of(mail, dialogue=[{"send": "QUIT"}, {"expect": "^250 ready"}])
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == (
        "dialogue: 127.0.0.1:PORT hung up; expected a line matching /^250 ready/, the last line was '221 bye'"
    )
    assert numbers(finding)["probe_failed_due_to_regex"] == 1
    assert finding.evidence
    assert finding.evidence.excerpt == "221 bye"


@on_loop
async def test_silence_is_down_at_the_deadline() -> None:
    finding = await of(silence, dialogue=[{"expect": "^220"}], patience=0.4)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(
        r"dialogue: not done within 0\.3\d+s: 127\.0\.0\.1:PORT had taken the connection, but had not said what was"
        r" expected; expected a line matching /\^220/, it had said nothing",
        finding.reason,
    )


@on_loop
async def test_a_line_without_end_is_down() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    finding = await of(babble, dialogue=[{"expect": "y"}])
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("dialogue: 127.0.0.1:PORT sent 1048576 bytes without a line break; expected")


@on_loop
async def test_a_conversation_in_tls_and_one_that_turns_to_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server("127.0.0.1")
    tls = {"ca": str(authority.ca)}

    async def turning(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        await reader.readline()
        # An injected answer in the clear must not count as one in TLS.
        writer.write(b"220 go\r\n235 signed in\r\n")
        await writer.start_tls(context)
        assert await reader.readline() == b"AUTH\r\n"
        writer.write(b"535 no\r\n")
        await writer.drain()

    turns = [{"expect": "^220"}, {"send": "STARTTLS"}, {"expect": "^220"}, {"starttls": True}]
    finding = await of(turning, tls=tls, dialogue=[*turns, {"send": "AUTH"}, {"expect": "^235"}])
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.endswith("expected a line matching /^235/, the last line was '535 no'")
    assert "probe_ssl_earliest_cert_expiry" in numbers(finding)

    async with serve(mail, tls=context) as port:
        finding = await look(
            TcpProbe, type="tcp", address=f"127.0.0.1:{port}", tls=tls, dialogue=[{"expect": "^220 mail"}]
        )
    assert finding.outcome is Outcome.UP


@on_loop
async def test_slow_is_degraded() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(b"hi\n")

    finding = await of(slow, dialogue=[{"expect": "hi"}], degraded={"after": "50ms"})
    assert finding.outcome is Outcome.DEGRADED
    assert re.fullmatch(r"slow: expected 127\.0\.0\.1:PORT within 50ms, it took \d+ms", finding.reason)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"dialogue": [{"send": "a", "expect": "b"}]}, "write exactly one of expect, send and starttls in each turn"),
        ({"dialogue": [{"expect": "a("}]}, "'a(' is not a regular expression"),
        ({"dialogue": [{"starttls": True}, {"starttls": True}]}, "a connection turns to TLS only once"),
        ({"address": 25}, "25 is not an address; write host:port"),
        ({"address": "mail:0"}, "has no valid port"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        TcpSettings.model_validate({"name": "probe", "type": "tcp", "address": "mail:25", **words})
