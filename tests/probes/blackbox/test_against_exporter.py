"""/probe beside the real prometheus-blackbox-exporter: metric for metric, over targets good and bad."""

import asyncio
import datetime
import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.probes.blackbox.comparing import compare
from tests.sockets import (
    Authority,
    Shop,
    after_head,
    answer,
    name_server,
    on_loop,
    refused_port,
    self_signed,
    serve,
    silence,
)

pytestmark = pytest.mark.integration


def modules(ca: str) -> dict[str, Any]:
    tls, ip4 = {"ca_file": ca}, {"preferred_ip_protocol": "ip4"}

    def http(**words: Any) -> dict[str, Any]:
        return {"prober": "http", "timeout": "1s", "http": {"tls_config": tls, **ip4, **words}}

    def tcp(**words: Any) -> dict[str, Any]:
        return {"prober": "tcp", "timeout": "1s", "tcp": {"tls_config": tls, **ip4, **words}}

    def dns(name: str, **words: Any) -> dict[str, Any]:
        return {"prober": "dns", "timeout": "1s", "dns": {"query_name": name, "query_type": "A", **ip4, **words}}

    header = {"header": "X-Color", "regexp": "^red$"}
    return {
        "http": http(),
        "http1": http(enable_http2=False),
        "head": http(method="HEAD"),
        "post": http(method="POST", body="a=1", headers={"X-Mine": "1", "Host": "other.example"}),
        "404": http(valid_status_codes=[404]),
        "stay": http(follow_redirects=False),
        "stay302": http(follow_redirects=False, valid_status_codes=[302]),
        "body": http(fail_if_body_matches_regexp=["(?i)error"]),
        "nobody": http(fail_if_body_not_matches_regexp=["Shop", "cart"]),
        "red": http(fail_if_header_matches=[header]),
        "notred": http(fail_if_header_not_matches=[header]),
        "maybered": http(fail_if_header_not_matches=[{**header, "allow_missing": True}]),
        "gzip": http(compression="gzip"),
        "small": http(body_size_limit="10B"),
        "nossl": http(fail_if_ssl=True),
        "ssl": http(fail_if_not_ssl=True),
        "version": http(valid_http_versions=["HTTP/2.0"]),
        "blind": http(tls_config={"insecure_skip_verify": True}),
        "basic": http(basic_auth={"username": "mei", "password": "s3cret"}),
        "tcp": tcp(),
        "tls": tcp(tls=True),
        "smtp": tcp(query_response=[{"expect": "^220 (\\S+)"}, {"send": "EHLO ${1}"}, {"expect": "^250 mail"}]),
        "ssh": tcp(query_response=[{"expect": "^SSH-2.0-"}]),
        "dns": dns("shop.example"),
        "nxdomain": dns("nowhere.example", valid_rcodes=["NXDOMAIN"]),
        "soa": dns("shop.example", query_type="SOA"),
        "dnstcp": dns("shop.example", transport_protocol="tcp"),
        "rr": dns("shop.example", validate_answer_rrs={"fail_if_not_matches_regexp": ["\\t10\\.0\\.0\\.\\d$"]}),
        "norr": dns("shop.example", validate_answer_rrs={"fail_if_matches_regexp": [".*10.0.0.2"]}),
        "allrr": dns("shop.example", validate_answer_rrs={"fail_if_all_match_regexp": ["IN\\tA"]}),
        "notallrr": dns("shop.example", validate_answer_rrs={"fail_if_all_match_regexp": ["0.0.1$"]}),
        "nonerr": dns("shop.example", validate_answer_rrs={"fail_if_none_matches_regexp": ["IN\\tAAAA"]}),
        "icmp": {"prober": "icmp", "timeout": "1s", "icmp": ip4},
    }


@asynccontextmanager
async def targets(folder: Path, authority: Authority) -> AsyncIterator[list[tuple[str, str, str]]]:
    """(what it is, module, target) of each."""
    page = answer(
        body=b"<h1>Shop</h1> cart", headers={"X-Color": "red", "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT"}
    )
    good = authority.server("localhost", "127.0.0.1")
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)
    old = authority.server("127.0.0.1", expires=past)
    hops = {b"/": b"/1", b"/1": b"/2"}

    def hop(head: bytes) -> bytes:
        to = hops.get(head.split()[1])
        return answer("302 Found", headers={"Location": to.decode()}) if to else page

    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.write(b"250 mail greets " + await reader.readline())
        await reader.read()

    zone = {("shop.example.", "A"): ["10.0.0.1", "10.0.0.2"], ("shop.example.", "SOA"): ["ns. root. 7 1 2 3 4"]}
    packed = answer(body=gzip.compress(b"hello " * 50), headers={"Content-Encoding": "gzip"})
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with AsyncExitStack() as stack:

        async def at(conversation: Any, **words: Any) -> str:
            return f"127.0.0.1:{await stack.enter_async_context(serve(conversation, **words))}"

        shop, secure = await at(Shop(page)), await at(Shop(page), tls=good)
        hopping, loop = await at(Shop(hop)), await at(Shop(answer("302 Found", headers={"Location": "/"})))
        mute, gone = await at(silence), f"127.0.0.1:{refused_port()}"
        zipped, mailing = await at(Shop(packed)), await at(mail)
        dns, _ = await stack.enter_async_context(name_server(zone))
        yield [
            ("a good page", "http", shop),
            ("a good page by URL", "http", f"http://{shop}/a?b=c"),
            ("HEAD", "head", shop),
            ("POST with a Host header", "post", shop),
            ("404", "http", await at(Shop(answer("404 Not Found", b"no")))),
            ("404 as wanted", "404", await at(Shop(answer("404 Not Found", b"no")))),
            ("500", "http", await at(Shop(answer("500 Oops", b"error")))),
            ("204", "http", await at(Shop(answer("204 No Content", length=False)))),
            ("redirects", "http", hopping),
            ("a redirect not followed", "stay", hopping),
            ("a redirect that is wanted", "stay302", hopping),
            ("a redirect loop", "http", loop),
            (
                "a redirect to a dead port",
                "http",
                await at(Shop(answer("301 M", headers={"Location": f"http://{gone}/"}))),
            ),
            ("a body that must not match", "body", await at(Shop(answer(body=b"an ERROR")))),
            ("a body that must not match, and does not", "body", shop),
            ("a body that must match", "nobody", shop),
            ("a body that must match, and does not", "nobody", await at(Shop(answer(body=b"Shop")))),
            ("a header that must not match", "red", shop),
            ("a header that must match", "notred", shop),
            ("a header that must match, and is missing", "notred", zipped),
            ("a header that may be missing", "maybered", zipped),
            ("a packed body", "gzip", zipped),
            ("a packed body nobody unpacks", "http", zipped),
            ("a body that is not packed", "gzip", shop),
            ("a body over the limit", "small", shop),
            ("chunks", "http", await at(Shop(chunked))),
            ("HTTP/1.0 without length", "http", await at(Shop(b"HTTP/1.0 200 OK\r\n\r\nold"))),
            ("nothing", "http", await at(after_head())),
            ("half a body", "http", await at(after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))),
            ("garbage", "http", await at(after_head(b"what?\r\n\r\n"))),
            ("refused", "http", gone),
            ("no such name", "http", "http://nowhere.invalid/"),
            ("never answers", "http", mute),
            ("never ends", "http", await at(after_head(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", 9.0))),
            ("early hints", "http", await at(Shop(b"HTTP/1.1 103 Early Hints\r\n\r\n" + page))),
            ("basic auth", "basic", shop),
            ("TLS", "http", f"https://{secure}/"),
            ("TLS, HTTP/1 only", "http1", f"https://{secure}/"),
            ("TLS that must not be", "nossl", f"https://{secure}/"),
            ("no TLS that must be", "ssl", shop),
            ("HTTP/2 that must be", "version", f"https://{secure}/"),
            ("expired", "http", "https://" + await at(Shop(page), tls=old) + "/"),
            ("self-signed", "http", "https://" + await at(Shop(page), tls=self_signed(folder, "localhost")) + "/"),
            ("self-signed and blind", "blind", "https://" + await at(Shop(page), tls=self_signed(folder, "a")) + "/"),
            ("another name", "http", "https://" + await at(Shop(page), tls=authority.server("other.example")) + "/"),
            ("no TLS there", "http", f"https://{shop}/"),
            ("TLS that stalls", "http", f"https://{mute}/"),
            ("an open port", "tcp", shop),
            ("a closed port", "tcp", gone),
            ("a port by a name that is not", "tcp", "nowhere.invalid:25"),
            ("a conversation", "smtp", mailing),
            ("another answer, and then silence", "ssh", mailing),
            ("another answer, and then the end", "ssh", await at(Shop(page))),
            ("TLS by TCP", "tls", secure),
            ("no TLS by TCP", "tls", shop),
            ("a record", "dns", f"127.0.0.1:{dns}"),
            ("a record by TCP", "dnstcp", f"127.0.0.1:{dns}"),
            ("a name that must not exist", "nxdomain", f"127.0.0.1:{dns}"),
            ("a serial", "soa", f"127.0.0.1:{dns}"),
            ("records as wanted", "rr", f"127.0.0.1:{dns}"),
            ("a record that must not be", "norr", f"127.0.0.1:{dns}"),
            ("all records alike", "allrr", f"127.0.0.1:{dns}"),
            ("not all records alike", "notallrr", f"127.0.0.1:{dns}"),
            ("no record as wanted", "nonerr", f"127.0.0.1:{dns}"),
            ("a silent name server", "dns", gone),
            ("an echo", "icmp", "127.0.0.1"),
        ]


@on_loop
async def test_the_same_verdicts_and_the_same_metrics(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with targets(tmp_path, authority) as wanted:
        assert len(wanted) >= 30
        differences = await compare(tmp_path, modules(str(authority.ca)), wanted)
    assert not differences, "\n".join(differences)
