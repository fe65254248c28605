"""The dns probe against name servers that know, refuse, fail, lie and say nothing."""

import asyncio
import datetime
import re
from pathlib import Path
from typing import Any

import dns.message
import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.dns import DnsProbe, DnsSettings
from tests.looking import look, numbers
from tests.sockets import (
    Authority,
    NameServer,
    Shop,
    Zone,
    answer,
    name_server,
    on_loop,
    refused_port,
    self_signed,
    serve,
    silence,
)

ZONE: Zone = {
    ("shop.example.", "A"): ["10.0.0.1", "10.0.0.2"],
    ("shop.example.", "MX"): ["10 mail.shop.example."],
    ("shop.example.", "SOA"): ["ns. root. 2026112101 1 2 3 4"],
    ("www.shop.example.", "A"): ["www.shop.example. IN CNAME shop.example.", "shop.example. IN A 10.0.0.1"],
    ("broken.example.", "*"): "SERVFAIL",
    ("secret.example.", "*"): "REFUSED",
    ("quiet.example.", "*"): "silent",
    ("mad.example.", "*"): "garbage",
}


async def of(query: str, zone: Zone = ZONE, patience: float = 3.0, **words: Any) -> Finding:
    async with name_server(zone) as (port, _):
        finding = await look(DnsProbe, type="dns", query=query, server=f"127.0.0.1:{port}", patience=patience, **words)
        return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@on_loop
async def test_a_record_is_up_and_counted(transport: str) -> None:
    finding = await of("shop.example", transport=transport, expect={"records": "10.0.0.1", "authoritative": True})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert (seen["probe_dns_answer_rrs"], seen["probe_dns_query_succeeded"]) == (1 + 1, 1)
    assert seen["probe_dns_duration_seconds{request}"] > 0
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in DnsProbe.metrics}


@on_loop
async def test_a_cut_answer_is_asked_for_again_over_tcp() -> None:
    finding = await of("shop.example", {**ZONE, ("*", "TC"): "yes"}, expect={"records": ["10.0.0.2"]})
    assert finding.outcome is Outcome.UP, finding.reason


@on_loop
async def test_other_types_and_names_behind_an_alias() -> None:
    assert (await of("shop.example", record="mx", expect={"records": "10 mail.shop.example"})).outcome is Outcome.UP
    assert (await of("www.shop.example", expect={"records": "10.0.0.1", "only": True})).outcome is Outcome.UP
    serial = await of("shop.example", record="SOA")
    assert numbers(serial)["probe_dns_serial"] == 2026112101


@pytest.mark.parametrize(
    ("query", "words", "reason"),
    [
        ("nowhere.example", {}, "answer: expected NOERROR for nowhere.example A, got NXDOMAIN from 127.0.0.1:PORT"),
        ("broken.example", {}, "answer: expected NOERROR for broken.example A, got SERVFAIL from 127.0.0.1:PORT"),
        ("secret.example", {}, "answer: expected NOERROR for secret.example A, got REFUSED from 127.0.0.1:PORT"),
        ("shop.example", {"record": "NS"}, "answer: expected a record shop.example NS, got none from 127.0.0.1:PORT"),
        (
            "shop.example",
            {"expect": {"records": ["10.0.0.9"]}},
            "answer: expected shop.example A to have 10.0.0.9, got 10.0.0.1, 10.0.0.2 from 127.0.0.1:PORT",
        ),
        (
            "shop.example",
            {"expect": {"records": ["10.0.0.1"], "only": True}},
            "answer: expected shop.example A to be 10.0.0.1 only, got 10.0.0.1, 10.0.0.2"
            " from 127.0.0.1:PORT",
        ),
        (
            "shop.example",
            {"expect": {"authoritative": False}},
            "answer: expected an answer for shop.example A that is not authoritative, got an authoritative one"
            " from 127.0.0.1:PORT",
        ),
    ],
)  # fmt: skip
@on_loop
async def test_another_answer_is_down(query: str, words: dict[str, Any], reason: str) -> None:
    finding = await of(query, **words)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)
    assert numbers(finding)["probe_dns_query_succeeded"] == 1


@on_loop
async def test_that_a_name_must_not_exist_can_be_expected() -> None:
    assert (await of("nowhere.example", expect={"code": "NXDOMAIN"})).outcome is Outcome.UP


@pytest.mark.parametrize("query", ["quiet.example", "mad.example"])
@on_loop
async def test_a_server_that_says_nothing_of_use_is_down_at_the_deadline(query: str) -> None:
    finding = await of(query, patience=0.4)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"request: the name server 127.0.0.1:PORT did not answer within 0.3\d+s", finding.reason)
    assert numbers(finding)["probe_dns_query_succeeded"] == 0


@on_loop
async def test_one_of_several_servers_failing_is_degraded_and_all_is_down() -> None:
    async with name_server(ZONE) as (good, _), name_server({}) as (bad, _):
        words: dict[str, Any] = {"type": "dns", "query": "shop.example"}
        one = await look(DnsProbe, server=[f"127.0.0.1:{good}", f"127.0.0.1:{bad}"], **words)
        both = await look(DnsProbe, server=[f"127.0.0.1:{bad}", f"127.0.0.1:{refused_port()}"], **words)
    assert one.outcome is Outcome.DEGRADED
    assert one.reason == f"answer: expected NOERROR for shop.example A, got NXDOMAIN from 127.0.0.1:{bad}"
    success = {dict(s.labels)["server"]: s.value for s in one.samples if s.name == "probe_dns_server_success"}
    assert success == {f"127.0.0.1:{good}": 1, f"127.0.0.1:{bad}": 0}
    assert both.outcome is Outcome.DOWN
    assert both.reason.count(";") == 1
    assert both.reason.endswith("refused the connection")


@on_loop
async def test_slow_is_degraded_or_down() -> None:
    fast = await of("shop.example", degraded={"after": "1m"})
    slow = await of("shop.example", degraded={"after": "1ms"}, transport="tcp", expect={"within": "1m"})
    assert fast.outcome is Outcome.UP
    assert slow.outcome in (Outcome.DEGRADED, Outcome.UP)  # a loopback answer may take less than a millisecond
    if slow.outcome is Outcome.DEGRADED:
        assert re.fullmatch(r"slow: expected 127.0.0.1:PORT to answer within 1ms, it took \d+ms", slow.reason)


async def over_tls(port: int, folder: Path, patience: float = 5.0, **words: Any) -> Finding:
    trust = {"ca": str(folder / "ca.pem")}
    words = {"server": f"localhost:{port}", "query": "shop.example", "tls": trust, **words}
    finding = await look(DnsProbe, type="dns", transport="tls", patience=patience, **words)
    return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@on_loop
async def test_a_record_over_tls_has_its_phases_and_its_certificate(tmp_path: Path) -> None:
    server, authority = NameServer(ZONE), Authority(tmp_path)
    async with serve(server.by_tcp, tls=authority.server("localhost")) as port:
        finding = await over_tls(port, tmp_path, expect={"records": "10.0.0.1", "authoritative": True})
        other = await over_tls(port, tmp_path, expect={"records": "10.0.0.9"})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert server.questions == ["shop.example. A"] * 2
    seen = numbers(finding)
    took = [seen[f"probe_dns_duration_seconds{{{leg}}}"] for leg in ("resolve", "connect", "tls", "request")]
    assert all(seconds > 0 for seconds in took)
    assert seen[f"probe_dns_server_duration_seconds{{localhost:{port}}}"] == pytest.approx(sum(took[1:]))
    assert seen["probe_ssl_earliest_cert_expiry"] > 1e9
    assert seen["probe_ip_protocol"] == 4
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in DnsProbe.metrics}
    assert other.outcome is Outcome.DOWN
    assert other.reason == (
        "answer: expected shop.example A to have 10.0.0.9, got 10.0.0.1, 10.0.0.2 from localhost:PORT"
    )


@on_loop
async def test_a_bad_certificate_of_a_name_server_is_down_and_read(tmp_path: Path) -> None:
    server, authority = NameServer(ZONE), Authority(tmp_path)
    async with serve(server.by_tcp, tls=authority.server("other.example")) as port:
        wrong = await over_tls(port, tmp_path)
        named = await over_tls(port, tmp_path, tls={"ca": str(authority.ca), "name": "other.example"})
    async with serve(server.by_tcp, tls=self_signed(tmp_path, "localhost")) as port:
        unknown = await over_tls(port, tmp_path)
        blind = await over_tls(port, tmp_path, tls={"verify": False})
    assert (wrong.outcome, wrong.reason) == (
        Outcome.DOWN,
        "tls: expected a certificate for localhost, got one for other.example",
    )
    assert numbers(wrong)["probe_ssl_earliest_cert_expiry"] > 1e9
    assert named.outcome is Outcome.UP, named.reason
    assert unknown.outcome is Outcome.DOWN
    assert "is self-signed" in unknown.reason
    assert blind.outcome is Outcome.UP, blind.reason


@on_loop
async def test_servers_that_do_not_speak_dns_over_tls(tmp_path: Path) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        await asyncio.sleep(60)

    async def mad(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\0\4what")

    async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\1\0no")

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = dns.message.make_query("other.example", "A")
        reply = dns.message.make_response(query).to_wire()
        writer.write(len(reply).to_bytes(2, "big") + reply)

    good = Authority(tmp_path).server("localhost")
    where = "request: the name server localhost:PORT"
    for conversation, tls, patience, reason in (
        (
            mute,
            good,
            0.5,
            r"request: not done within 0.4\d*s: localhost:PORT \(127.0.0.1\) had taken the connection, .*",
        ),
        (silence, None, 0.5, r"tls: not done within 0.4\d*s: .* had not finished the TLS handshake"),
        (Shop(answer()), None, 5.0, r"tls: .*localhost.*"),
        (mad, good, 5.0, f"{where} sent no valid DNS answer .*"),
        (short, good, 5.0, f"{where} hung up after b'no'"),
        (other, good, 5.0, rf"{where} sent no valid DNS answer \(an answer to another question\)"),
    ):
        async with serve(conversation, tls=tls) as port:
            finding = await over_tls(port, tmp_path, patience)
        assert finding.outcome is Outcome.DOWN
        assert re.fullmatch(reason, finding.reason), finding.reason
        assert numbers(finding)["probe_dns_query_succeeded"] == 0
    gone = await over_tls(refused_port(), tmp_path)
    assert gone.outcome is Outcome.DOWN
    assert gone.reason.startswith("connect: localhost")


@on_loop
async def test_of_several_servers_the_certificate_that_ends_first_is_told(tmp_path: Path) -> None:
    server, authority = NameServer(ZONE), Authority(tmp_path)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)
    early = authority.server("localhost", expires=soon)
    async with serve(server.by_tcp, tls=authority.server("localhost")) as one, serve(server.by_tcp, tls=early) as two:
        finding = await over_tls(one, tmp_path, server=[f"localhost:{one}", f"localhost:{two}"])
    assert finding.outcome is Outcome.UP, finding.reason
    assert numbers(finding)["probe_ssl_earliest_cert_expiry"] == pytest.approx(soon.timestamp(), abs=2)


def test_a_server_of_dns_over_tls_needs_no_port_either() -> None:
    words = {"name": "probe", "type": "dns", "query": "shop.example", "transport": "tls", "server": ["::1", "ns:5353"]}
    assert [str(server) for server in DnsSettings.model_validate(words).server] == ["[::1]:853", "ns:5353"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"transport": "tls"}, "transport: tls needs a server, such as dns.shop.example"),
        ({"tls": {"verify": False}}, "tls is only spoken with transport: tls, and this is transport: udp"),
        ({"query": "a..b"}, "'a..b' is not a domain name"),
        ({"record": "AXXX"}, "'AXXX' is not a DNS record type, such as A"),
        ({"record": "AXFR"}, "'AXFR' is not the type of a record that can be asked for"),
        ({"expect": {"code": "FINE"}}, "'FINE' is not a DNS answer code, such as NOERROR"),
        ({"expect": {"records": ["ten"]}}, "'ten' is not the value of a record of type A"),
        ({"server": "::1:5x"}, "is not an address; write an IPv6 address in brackets"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        DnsSettings.model_validate({"name": "probe", "type": "dns", "query": "shop.example", **words})


def test_a_server_needs_no_port() -> None:
    words = {"name": "probe", "type": "dns", "query": "shop.example", "server": ["10.0.0.1", "::1", "ns1.example:5353"]}
    settings = DnsSettings.model_validate(words)
    assert [str(server) for server in settings.server] == ["10.0.0.1:53", "[::1]:53", "ns1.example:5353"]
