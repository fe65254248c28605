"""The lean DNS reader beside dnspython, and against packets that mean harm."""

import struct
import time
from itertools import pairwise

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.net.address import Address
from probes.net.errors import TimedOut
from probes.net.resolver import Resolver
from probes.net.stub import AAAA, NXDOMAIN, A, ask_addresses, read_reply, write_query
from tests.sockets import Zone, name_server, on_loop

SHOP = dns.name.from_text("Shop.Example.").to_wire() or b""
LABEL = st.text("abcxyz0-", min_size=1, max_size=10).filter(lambda text: text.strip("-") == text)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(lambda labels: ".".join(labels) + ".")


def answer(*records: str, code: int = 0, name: str = "shop.example.", kind: str = "A") -> bytes:
    message = dns.message.make_response(dns.message.make_query(name, kind))
    message.set_rcode(dns.rcode.from_flags(code, 0))
    for record in records:
        owner, _, rest = record.partition(" ")
        type_, _, value = rest.partition(" ")
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", type_, value))
    return message.to_wire()


def test_a_question_is_what_dnspython_would_ask() -> None:
    query = dns.message.from_wire(write_query(7, SHOP, AAAA))
    assert (query.id, query.flags, str(query.question[0])) == (7, dns.flags.RD, "Shop.Example. IN AAAA")


@given(NAME, st.lists(NAME, max_size=3), st.lists(st.ip_addresses(v=4).map(str), max_size=5, unique=True))
def test_aliases_and_addresses_are_read_as_dnspython_reads_them(name: str, via: list[str], ips: list[str]) -> None:
    chain = list(dict.fromkeys([name, *via]))
    records = [f"{owner} CNAME {to}" for owner, to in pairwise(chain)]
    records += [f"{chain[-1]} A {ip}" for ip in ips]
    data = answer(*records, name=name)
    wire = dns.name.from_text(name).to_wire() or b""
    assert set(read_reply(data, wire, A).addresses) == set(ips)


def test_the_other_family_and_codes() -> None:
    assert read_reply(answer("shop.example. AAAA 2001:db8::1", kind="AAAA"), SHOP, AAAA).addresses == ("2001:db8::1",)
    assert read_reply(answer(code=3), SHOP, A).code == NXDOMAIN


def test_what_belongs_to_another_name_is_not_taken() -> None:
    data = answer("evil.example. A 10.6.6.6", "shop.example. A 10.0.0.1", "shop.example. AAAA ::1")
    assert read_reply(data, SHOP, A).addresses == ("10.0.0.1",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 12,
        answer("shop.example. A 10.0.0.1", name="other.example."),
        write_query(1, SHOP, A),  # a question is no answer
        answer("shop.example. A 10.0.0.1")[:-2],
        answer()[:6] + b"\0\1" + answer()[8:] + b"\xc0\x1e",  # a name that points at itself
        answer()[:6] + b"\0\1" + answer()[8:] + b"\x50" + b"a" * 80,
    ],
    ids=["nothing", "zeros", "another name", "a question", "cut short", "a loop", "a long label"],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError, struct.error)):
        read_reply(data, SHOP, A)


@given(st.binary(max_size=200), st.integers(0, 65535))
def test_no_packet_however_hostile_does_harm(tail: bytes, count: int) -> None:
    data = answer()[:6] + count.to_bytes(2, "big") + answer()[8:30] + tail
    started = time.perf_counter()
    try:
        reply = read_reply(data, SHOP, A)
    except (ValueError, IndexError, struct.error, OSError):
        reply = None
    assert time.perf_counter() - started < 1
    assert reply is None or len(reply.addresses) <= 200


@on_loop
async def test_one_family_does_not_wait_long_for_the_other() -> None:
    zone: Zone = {("shop.example.", "A"): ["10.0.0.1"], ("shop.example.", "AAAA"): "silent"}
    async with name_server(zone) as (port, _):
        started = time.perf_counter()
        assert await Resolver([Address("127.0.0.1", port)], patience=9.0).resolve("shop.example") == ("10.0.0.1",)
        assert time.perf_counter() - started < 2  # silence would take three seconds of each try


@on_loop
async def test_a_family_that_has_none_does_not_hide_the_others_silence() -> None:
    zone: Zone = {("shop.example.", "AAAA"): "silent", ("shop.example.", "MX"): ["10 mail.example."]}
    async with name_server(zone) as (port, _):
        with pytest.raises(TimedOut):
            await ask_addresses(Address("127.0.0.1", port), SHOP, (AAAA, A), 0.3)


@on_loop
async def test_an_answer_too_long_for_a_datagram_is_asked_for_over_tcp() -> None:
    ips = [f"10.0.{n // 250}.{n % 250}" for n in range(150)]
    async with name_server({("shop.example.", "A"): ips, ("*", "TC"): "yes"}) as (port, _):
        replies = await ask_addresses(Address("127.0.0.1", port), SHOP, (A,), 3.0)
    assert set(replies[A].addresses) == set(ips)
