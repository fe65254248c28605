"""The dns probe against name servers that know, refuse, fail, lie and say nothing."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.dns import DnsProbe, DnsSettings
from tests.looking import look, numbers
from tests.sockets import Zone, name_server, on_loop, refused_port

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


@pytest.mark.parametrize(
    ("words", "message"),
    [
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
