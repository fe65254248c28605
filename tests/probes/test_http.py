"""The http probe against well-behaved and hostile servers: each outcome and each sentence."""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome, Run
from probes.http import HttpProbe, HttpSettings
from tests.looking import look, numbers
from tests.sockets import Shop, after_head, answer, name_server, on_loop, refused_port, serve, silence

PAGE = answer(body=b"<h1>Shop</h1><button>Add to cart</button>", headers={"Content-Type": "text/html"})


async def of(conversation: Any, patience: float = 5.0, path: str = "/", **words: Any) -> Finding:
    async with serve(conversation) as port:
        finding = await look(HttpProbe, type="http", url=f"http://127.0.0.1:{port}{path}", patience=patience, **words)
        # The port is another each time; the sentences are compared without it.
        return Finding(
            finding.outcome,
            finding.reason.replace(f":{port}", ":PORT"),
            finding.samples,
            finding.evidence,
        )


@on_loop
async def test_a_good_page_is_up_with_phases_and_facts() -> None:
    finding = await of(Shop(PAGE), expect={"status": 200, "text": "Add to cart", "css": "button"})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_http_status_code"] == 200
    assert seen["probe_http_version"] == 1.1
    assert seen["probe_http_content_length"] == seen["probe_http_uncompressed_body_length"] == 41
    assert seen["probe_http_ssl"] == seen["probe_http_redirects"] == seen["probe_failed_due_to_regex"] == 0
    assert seen["probe_ip_protocol"] == 4
    phases = ("resolve", "connect", "processing", "transfer")
    assert all(seen[f"probe_http_duration_seconds{{{phase}}}"] >= 0 for phase in phases)
    assert finding.evidence
    assert [step.name for step in finding.evidence.steps] == list(phases)
    assert ("status", "200") in finding.evidence.facts


@on_loop
async def test_every_sample_is_declared() -> None:
    declared = {metric.name for metric in HttpProbe.metrics}
    for conversation in (Shop(PAGE), Shop(answer("500 No")), after_head()):
        finding = await of(conversation)
        assert {sample.name for sample in finding.samples} <= declared


@on_loop
async def test_the_phases_measure_what_the_server_does() -> None:
    body = answer(body=b"x" * 10)
    finding = await of(after_head(0.2, body[:-5], 0.3, body[-5:]))
    seen = numbers(finding)
    assert finding.outcome is Outcome.UP
    assert 0.19 <= seen["probe_http_duration_seconds{processing}"] < 0.29
    assert seen["probe_http_duration_seconds{transfer}"] >= 0.29


WRONG_ANSWERS: list[tuple[bytes, dict[str, Any], str]] = [
    (
        answer("500 Oops", b"sorry"),
        {},
        "status: expected 2xx, got 500 from http://127.0.0.1:PORT/",
    ),
    (
        answer("404 Gone"),
        {"status": [200, 301]},
        "status: expected 200 or 301, got 404 from http://127.0.0.1:PORT/",
    ),
    (
        PAGE,
        {"text": "Buy now"},
        "text: expected 'Buy now' in the body (41 bytes from http://127.0.0.1:PORT/), it is not there",
    ),
    (
        PAGE,
        {"css": "a.product"},
        "css: expected 'a.product' in the page (41 bytes from http://127.0.0.1:PORT/), nothing matches",
    ),
    (
        PAGE,
        {"headers": {"Content-Type": "json"}},
        "headers: expected Content-Type to contain 'json', got 'text/html' (http://127.0.0.1:PORT/)",
    ),
    (
        answer(body=b'{"status": "declined"}'),
        {"json": {"$.status": "paid"}},
        "json: expected $.status to be 'paid', got 'declined' (http://127.0.0.1:PORT/)",
    ),
    (
        PAGE,
        {"size": {"min": "1KiB"}},
        "size: expected at least 1024 bytes from http://127.0.0.1:PORT/, got 41",
    ),
]


@pytest.mark.parametrize(("came", "expect", "reason"), WRONG_ANSWERS)
@on_loop
async def test_a_wrong_answer_is_down_and_says_expected_came_where(
    came: bytes, expect: dict[str, Any], reason: str
) -> None:
    finding = await of(Shop(came), expect=expect)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)
    assert finding.evidence
    assert finding.evidence.excerpt == came.partition(b"\r\n\r\n")[2].decode()


@on_loop
async def test_a_failed_text_is_marked_as_blackbox_exporter_marks_it() -> None:
    assert numbers(await of(Shop(PAGE), expect={"text": "Buy"}))["probe_failed_due_to_regex"] == 1


HOSTILE: list[tuple[str, Callable[[], Any], dict[str, Any], str]] = [
    (
        "hangs up without answering",
        after_head,
        {},
        "processing: 127.0.0.1:PORT closed the connection without answering",
    ),
    (
        "hangs up in the headers",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nServer: x\r\n"),
        {},
        "transfer: 127.0.0.1:PORT closed the connection in the middle of the headers",
    ),
    (
        "promises more than it sends",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
        {},
        "transfer: 127.0.0.1:PORT closed the connection after 5 of 100 bytes of the body",
    ),
    (
        "ends a chunked body early",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        {},
        "transfer: 127.0.0.1:PORT closed the connection after 5 bytes of the body",
    ),
    (
        "chunk sizes are garbage",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"),
        {},
        "transfer: 127.0.0.1:PORT sent what is not HTTP: Invalid character in chunk size",
    ),
    (
        "does not speak HTTP",
        lambda: after_head(b"SSH-2.0-OpenSSH_9.2\r\n"),
        {},
        "transfer: 127.0.0.1:PORT sent what is not HTTP: 'SSH-2.0-OpenSSH_9.2\\r\\n'",
    ),
    (
        "one header without end",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nX-Bomb: ", *[b"a" * 65536] * 6, close=False),
        {},
        "transfer: 127.0.0.1:PORT sent more than 256 KiB of headers without end",
    ),
    (
        "headers without number",
        lambda: after_head(b"HTTP/1.1 200 OK\r\n", b"X-Many: yes\r\n" * 30_000, close=False),
        {},
        "transfer: 127.0.0.1:PORT sent more than 256 KiB of headers without end",
    ),
    (
        "only ever 'wait'",
        lambda: after_head(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, close=False),
        {},
        "processing: 127.0.0.1:PORT sent more than 20 informational answers (1xx) and no real one",
    ),
    (
        "a body over the cap",
        lambda: after_head(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 4, close=False),
        {"max_body": "100KiB"},
        "transfer: 127.0.0.1:PORT sent a body of more than 102400 bytes (the limit, max_body)",
    ),
    (
        "a gzip bomb",
        lambda: Shop(answer(body=gzip.compress(b"\0" * 3_000_000), headers={"Content-Encoding": "gzip"})),
        {"max_body": "1MiB"},
        "transfer: 127.0.0.1:PORT sent a body that unpacks to more than 1048576 bytes (max_body)",
    ),
    (
        "says gzip and is not",
        lambda: Shop(answer(body=b"plain", headers={"Content-Encoding": "gzip"})),
        {},
        "transfer: 127.0.0.1:PORT sent a body that is not gzip:"
        " Error -3 while decompressing data: incorrect header check",
    ),
    (
        "gzip cut short",
        lambda: Shop(answer(body=gzip.compress(b"hello" * 100)[:-9], headers={"Content-Encoding": "gzip"})),
        {},
        "transfer: 127.0.0.1:PORT sent a body that is not gzip: it ends too early",
    ),
    (
        "an encoding nobody asked for",
        lambda: Shop(answer(body=b"?", headers={"Content-Encoding": "rot13"})),
        {},
        "transfer: 127.0.0.1:PORT sent the body encoded as 'rot13', which was not asked for",
    ),
    (
        "redirects to itself",
        lambda: Shop(answer("302 Found", headers={"Location": "/"})),
        {"redirects": 3},
        "processing: http://127.0.0.1:PORT/ redirects on after 3 redirects (a loop?)",
    ),
    (
        "redirects to another scheme",
        lambda: Shop(answer("302 Found", headers={"Location": "ftp://127.0.0.1/"})),
        {},
        "processing: http://127.0.0.1:PORT/ redirects to 'ftp', which is no http URL",
    ),
    (
        "redirects to what is no address",
        lambda: Shop(answer("302 Found", headers={"Location": "http://[::1/?token=x"})),
        {},
        "processing: http://127.0.0.1:PORT/ redirects to 'http://[::1/', which is no http URL",
    ),
]


@pytest.mark.parametrize(("conversation", "words", "reason"), [row[1:] for row in HOSTILE], ids=[r[0] for r in HOSTILE])
@on_loop
async def test_a_hostile_server_is_down_and_says_how(
    conversation: Callable[[], Any], words: dict[str, Any], reason: str
) -> None:
    finding = await of(conversation(), **words)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)
    failed = [step for step in finding.evidence.steps if step.outcome is Outcome.DOWN] if finding.evidence else []
    assert [step.name.rpartition(": ")[2] for step in failed] == [reason.partition(":")[0]]


@on_loop
async def test_a_reset_in_the_middle_of_the_body() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await asyncio.sleep(0.1)
        writer.transport.get_extra_info("socket").setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER 0: RST
        writer.transport.abort()

    finding = await of(talk)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "transfer: 127.0.0.1:PORT reset the connection after 4 of 100 bytes of the body"


DRIP: list[bytes | float] = [b"X-Drip: 1\r\n", 0.05]
DROP: list[bytes | float] = [0.3, b"x"]
SLOW: list[tuple[str, Callable[[], Any], str]] = [
    (
        "never answers",
        lambda: silence,
        "processing: no whole answer within 0.475s: 127.0.0.1:PORT had taken the request, but had not begun to answer",
    ),
    (
        "drips its headers",
        lambda: after_head(b"HTTP/1.1 200 OK\r\n", *DRIP * 100),
        "transfer: no whole answer within 0.475s: 127.0.0.1:PORT had begun to answer, but not ended;"
        " N bytes of the body had come",
    ),
    (
        "drips its body",
        lambda: after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"xxxxx", *DROP * 100),
        "transfer: no whole answer within 0.475s: 127.0.0.1:PORT had begun to answer, but not ended;"
        " N bytes of the body had come",
    ),
]


@pytest.mark.parametrize(("conversation", "reason"), [row[1:] for row in SLOW], ids=[row[0] for row in SLOW])
@on_loop
async def test_one_deadline_ends_every_delay(conversation: Callable[[], Any], reason: str) -> None:
    finding = await of(conversation(), patience=0.5)
    assert finding.outcome is Outcome.DOWN
    # How much had come by then, and the deadline to the millisecond, depend on how busy the machine is.
    assert re.sub(r"\d+ bytes", "N bytes", re.sub(r"0\.4\d+s", "0.475s", finding.reason)) == reason


@on_loop
async def test_a_refused_connection_is_down() -> None:
    port = refused_port()
    finding = await look(HttpProbe, type="http", url=f"http://127.0.0.1:{port}/")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == f"connect: 127.0.0.1:{port} refused the connection"
    assert "probe_http_status_code" not in numbers(finding)


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], ""),
        ([b"HTTP/1.1 200 OK\r\n\r\nuntil the end"], "until the end"),
        ([b"HTTP/1.0 200 OK\r\n\r\nold"], "old"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.05, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], "ok"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-T: 1\r\n\r\n"], "abc"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and what was not announced"], "ok"),
    ],
)
@on_loop
async def test_odd_but_lawful_answers_are_up(pieces: list[bytes | float], body: str) -> None:
    expect = {"text": body} if body else {"status": 204}
    finding = await of(after_head(*pieces), expect=expect)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    assert numbers(finding)["probe_http_uncompressed_body_length"] == len(body)


@on_loop
async def test_304_and_head_have_no_body_even_if_a_length_is_announced() -> None:
    length = {"Content-Length": "1000"}
    unchanged = await of(
        after_head(answer("304 Not Modified", headers=length, length=False), close=False), expect={"status": 304}
    )
    head = await of(after_head(answer(headers=length, length=False), close=False), method="HEAD")
    assert (unchanged.outcome, head.outcome) == (Outcome.UP, Outcome.UP)
    assert numbers(head)["probe_http_content_length"] == 1000


@pytest.mark.parametrize(
    ("packed", "name"),
    [
        (gzip.compress(b"hello ", mtime=0), "gzip"),
        (gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo ", mtime=0), "x-gzip"),
        (zlib.compress(b"hello "), "deflate"),
        (zlib.compress(b"hello ")[2:-4], "deflate"),
        (gzip.compress(zlib.compress(b"hello "), mtime=0), "deflate, gzip"),
    ],
)
@on_loop
async def test_packed_bodies_are_unpacked(packed: bytes, name: str) -> None:
    finding = await of(Shop(answer(body=packed, headers={"Content-Encoding": name})), expect={"text": "hello"})
    assert finding.outcome is Outcome.UP, finding.reason
    assert numbers(finding)["probe_http_uncompressed_body_length"] == 6


@on_loop
async def test_redirects_are_followed_counted_and_timed_hop_by_hop() -> None:
    hops = {b"/": "/a", b"/a": "/b"}
    shop = Shop(
        lambda head: answer("302 Found", headers={"Location": there}) if (there := hops.get(head.split()[1])) else PAGE
    )
    finding = await of(shop)
    assert finding.outcome is Outcome.UP
    assert numbers(finding)["probe_http_redirects"] == 2
    assert finding.evidence
    assert [step.name for step in finding.evidence.steps][:2] == ["1: resolve", "1: connect"]
    assert [request.split()[1] for request in shop.requests] == [b"/", b"/a", b"/b"]


@on_loop
async def test_a_redirect_itself_can_be_what_is_expected() -> None:
    shop = Shop(answer("302 Found", headers={"Location": "/login?next=1"}))
    finding = await of(shop, redirects=0, expect={"status": 302, "location": "/login"})
    assert finding.outcome is Outcome.UP
    finding = await of(shop, redirects=0, expect={"status": 302, "location": "/cart"})
    assert finding.reason == "location: expected a redirect to '/cart', got 'http://127.0.0.1:PORT/login'"


@on_loop
async def test_credentials_do_not_follow_to_another_server() -> None:
    other = Shop(PAGE)
    async with serve(other) as there:
        first = Shop(answer("307 Temporary", headers={"Location": f"http://127.0.0.1:{there}/"}))
        words: dict[str, Any] = {"method": "POST", "body": "a=1", "headers": {"Cookie": "s=1", "X-Mine": "1"}}
        finding = await of(first, auth={"basic": {"user": "mei", "password": "secret"}}, **words)
    assert finding.outcome is Outcome.UP
    assert b"authorization: Basic bWVpOnNlY3JldA==" in first.requests[0]
    assert b"Cookie: s=1" in first.requests[0]
    assert b"uthorization" not in other.requests[0]
    assert b"Cookie" not in other.requests[0]
    assert b"X-Mine: 1" in other.requests[0]
    assert other.requests[0].startswith(b"POST / ")
    assert other.requests[0].endswith(b"a=1")


@on_loop
async def test_a_303_turns_a_post_into_a_get() -> None:
    shop = Shop(
        lambda head: PAGE if head.startswith(b"GET /thanks") else answer("303 See", headers={"Location": "/thanks"})
    )
    finding = await of(shop, method="POST", body="a=1")
    assert finding.outcome is Outcome.UP
    assert b"Content-Length" not in shop.requests[1]


@on_loop
async def test_proxies_and_netrc_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login mei password secret")
    monkeypatch.setenv("HOME", str(tmp_path))
    shop = Shop(PAGE)
    assert (await of(shop)).outcome is Outcome.UP
    assert b"uthorization" not in shop.requests[0]


@on_loop
async def test_a_bearer_token_is_read_from_its_file_at_each_look(tmp_path: Path) -> None:
    token, shop = tmp_path / "token", Shop(PAGE)
    token.write_text("first\n")
    await of(shop, auth={"bearer_file": str(token)})
    token.write_text("second\n")
    await of(shop, auth={"bearer_file": str(token)})
    assert [b"Bearer first" in shop.requests[0], b"Bearer second" in shop.requests[1]] == [True, True]
    token.unlink()
    finding = await of(shop, auth={"bearer_file": str(token)})
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == f"auth: cannot read the secret file {token}: No such file or directory"


@on_loop
async def test_a_token_is_fetched_by_client_credentials() -> None:
    tokens = Shop(answer(body=json.dumps({"access_token": "t0k", "expires_in": 3600}).encode()))
    shop = Shop(PAGE)
    async with serve(tokens) as port:
        url = f"http://127.0.0.1:{port}/token"
        words = {"token_url": url, "client_id": "me", "client_secret": "s3", "scope": "read"}
        auth = {"oauth2": words | {"parameters": {"audience": "https://api.example/"}}}
        assert (await of(shop, auth=auth)).outcome is Outcome.UP
    form = b"grant_type=client_credentials&scope=read&audience=https%3A%2F%2Fapi.example%2F"
    assert tokens.requests[0].endswith(form)
    assert b"Bearer t0k" in shop.requests[0]
    finding = await of(shop, auth=auth)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == f"auth: no token from {url}: connect: 127.0.0.1:{port} refused the connection"


GUARDED = [
    (
        answer("429 Too Many Requests", headers={"Retry-After": "30"}),
        "a rate limiter answered 429 Too Many Requests (Retry-After: 30)",
    ),
    (
        answer("403 Forbidden", headers={"cf-mitigated": "challenge"}),
        "Cloudflare's challenge turned the probe away with 403 (header cf-mitigated)",
    ),
    (
        answer("403 Forbidden", b"<html>Incapsula incident ID: 1"),
        "Imperva's firewall turned the probe away with 403",
    ),
]


@pytest.mark.parametrize(("came", "who"), GUARDED)
@on_loop
async def test_a_guard_blocks_and_is_not_the_shop_being_down(came: bytes, who: str) -> None:
    finding = await of(Shop(came))
    assert (finding.outcome, finding.reason) == (Outcome.BLOCKED, f"blocked: {who} at http://127.0.0.1:PORT/")


@on_loop
async def test_a_plain_403_is_the_shops_own_and_an_expected_429_is_up() -> None:
    assert (await of(Shop(answer("403 Forbidden")))).outcome is Outcome.DOWN
    assert (await of(Shop(answer("503 Service Unavailable")))).outcome is Outcome.DOWN
    assert (await of(Shop(answer("429 Slow Down")), expect={"status": 429})).outcome is Outcome.UP


@on_loop
async def test_slow_is_degraded_and_slower_is_down() -> None:
    slow = after_head(0.15, PAGE)
    degraded = await of(slow, degraded={"after": "100ms"}, expect={"within": "4s"})
    assert degraded.outcome is Outcome.DEGRADED
    assert re.fullmatch(r"slow: expected http://127.0.0.1:PORT/ within 100ms, it took \d+ms", degraded.reason)
    down = await of(slow, degraded={"after": "50ms"}, expect={"within": "100ms"})
    assert down.outcome is Outcome.DOWN
    assert re.fullmatch(r"within: expected http://127.0.0.1:PORT/ within 100ms, it took \d+ms", down.reason)


@on_loop
async def test_the_query_which_may_hold_a_token_is_not_shown() -> None:
    finding = await of(Shop(answer("500 Oops")), path="/pay?token=s3cret")
    assert "s3cret" not in repr(finding)


@on_loop
async def test_a_name_is_asked_of_the_resolver_given_and_its_failures_are_told() -> None:
    zone = {
        ("shop.example.", "A"): ["127.0.0.1"],
        ("xn--bcher-kva.example.", "A"): ["127.0.0.1"],
        ("broken.example.", "*"): "SERVFAIL",
    }
    async with name_server(zone) as (dns, asked), serve(shop := Shop(PAGE)) as port:
        words: dict[str, Any] = {"type": "http", "resolver": [f"127.0.0.1:{dns}"]}
        good = await look(HttpProbe, url=f"http://shop.example:{port}/", **words)
        unicode = await look(HttpProbe, url=f"http://BÜCHER.example:{port}/", **words)
        missing = await look(HttpProbe, url=f"http://nowhere.example:{port}/", **words)
        broken = await look(HttpProbe, url=f"http://broken.example:{port}/", **words)
    assert (good.outcome, unicode.outcome) == (Outcome.UP, Outcome.UP)
    assert f"Host: shop.example:{port}".encode() in shop.requests[0]
    assert f"Host: xn--bcher-kva.example:{port}".encode() in shop.requests[1]
    assert "shop.example. A" in asked.questions
    assert missing.outcome is Outcome.DOWN
    assert missing.reason == f"resolve: there is no such name as nowhere.example (NXDOMAIN from 127.0.0.1:{dns})"
    assert broken.outcome is Outcome.DOWN
    assert broken.reason == (
        f"resolve: the name server 127.0.0.1:{dns} could not resolve broken.example (SERVFAIL): the domain's own name"
        " servers fail or its DNSSEC signatures do not hold"
    )


@on_loop
async def test_an_ipv6_literal_is_a_host() -> None:
    async with serve(shop := Shop(PAGE), host="::1") as port:
        finding = await look(HttpProbe, type="http", url=f"http://[::1]:{port}/")
    assert finding.outcome is Outcome.UP, finding.reason
    assert numbers(finding)["probe_ip_protocol"] == 6
    assert f"Host: [::1]:{port}".encode() in shop.requests[0]


WAYS: list[tuple[dict[str, Any], str]] = [
    ({"redirects": 0}, "redirects: expected 0, followed 1: http://127.0.0.1:PORT/ → http://127.0.0.1:PORT/there"),
    ({"http": "2"}, "http: expected HTTP/2 from http://127.0.0.1:PORT/there, got HTTP/1.1"),
    ({"tls": "1.2"}, "tls: expected TLS 1.2 at least from http://127.0.0.1:PORT/there, got no TLS"),
    (
        {"url": "http://shop.example/"},
        "url: expected to end at http://shop.example/, ended at http://127.0.0.1:PORT/there",
    ),
]


@pytest.mark.parametrize(("expect", "reason"), WAYS)
@on_loop
async def test_the_way_to_the_answer_can_be_expected(expect: dict[str, Any], reason: str) -> None:
    away = answer("302 Found", headers={"Location": "/there?x=1"})
    shop = Shop(lambda head: PAGE if head.startswith(b"GET /there") else away)
    finding = await of(shop, expect=expect)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, reason)
    assert (await of(shop, expect={"redirects": 1, "http": "1.1"})).outcome is Outcome.UP


@on_loop
async def test_a_kept_connection_is_used_again_and_a_closed_one_is_not_a_failure() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):  # the third request finds the connection closed
            await reader.readuntil(b"\r\n\r\n")
            writer.write(PAGE)

    async with serve(talk) as port:
        settings = HttpSettings.model_validate(
            {"name": "probe", "type": "http", "url": f"http://127.0.0.1:{port}/", "reuse": True}
        )
        probe = HttpProbe(settings)
        await probe.open()
        for _ in range(3):
            run = Run(asyncio.get_running_loop().time() + 5, 0.0, "run")
            assert (await probe.check(run)).outcome is Outcome.UP
        await probe.close()
    assert connections == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"url": "shop.example"}, "it must begin with http:// or https://"),
        ({"url": "http://mei:pw@shop.example/"}, "carries a user or password; write them under auth"),
        ({"url": "http://shop.example:99999/"}, "is not a URL"),
        ({"url": "http:///"}, "has no host"),
        ({"url": "http://-shop.example/"}, "is not a host name"),
        ({"expect": {"status": "2x"}}, "'2x' is not an HTTP status; write 200, 2xx or a list such as [200, 204]"),
        ({"expect": {"status": True}}, "True is not an HTTP status"),
        ({"expect": {"regex": "a("}}, "'a(' is not a regular expression (RE2 syntax): missing ): a("),
        ({"expect": {"json": {"$.[": 1}}}, "'$.[' is not a JSONPath"),
        ({"expect": {"css": "a["}}, "'a[' is not a CSS selector"),
        ({"expect": {"text": ""}}, "an empty text is in every page"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "the value of header X-A holds a line break"),
        ({"ip": 5}, "Input should be 'any', '4', '6', 'each' or 'both'"),
        ({"auth": {}}, "write exactly one of basic, bearer (or bearer_file) and oauth2"),
        ({"expects": {}}, "Extra inputs are not permitted"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(words: dict[str, Any], message: str) -> None:
    given = {"name": "probe", "type": "http", "url": "http://shop.example/", **words}
    with pytest.raises(ValidationError, match=re.escape(message)):
        HttpSettings.model_validate(given)


@on_loop
async def test_a_plain_page_that_cannot_be_had_tells_of_no_tls() -> None:
    finding = await look(HttpProbe, url=f"http://127.0.0.1:{refused_port()}/")
    assert finding.evidence
    assert [step.name for step in finding.evidence.steps] == ["resolve", "connect", "processing", "transfer"]
