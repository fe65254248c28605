"""/probe beside the real exporter: every option of a module, over targets that need it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.health import over_h2
from tests.probes.blackbox.comparing import Target, compare
from tests.probes.net.test_http2 import say, speaker
from tests.sockets import Authority, Shop, Zone, answer, name_server, on_loop, refused_port, serve

pytestmark = pytest.mark.integration

HERE, TOKEN = "127.0.0.1", "correct-horse-battery"
PAGE = answer(body=b"<h1>Shop</h1>")
ZONE: Zone = {
    ("shop.example.", "A"): ["10.0.0.1"],
    ("shop.example.", "ANY"): ["shop.example. IN A 10.0.0.1"],
    ("shop.example.", "MX"): ["10 mail.shop.example."],
    ("shop.example.", "TXT"): ['"v=spf1 -all"'],
    ("www.shop.example.", "A"): ["www.shop.example. IN CNAME shop.example.", "shop.example. IN A 10.0.0.1"],
    ("refused.example.", "*"): "REFUSED",
    ("broken.example.", "*"): "SERVFAIL",
    ("mad.example.", "*"): "garbage",
    ("quiet.example.", "*"): "silent",
}


def of(prober: str, **words: Any) -> dict[str, Any]:
    return {"prober": prober, "timeout": "1s", prober: {"preferred_ip_protocol": "ip4", **words}}


def dns(name: str = "shop.example", kind: str = "A", **words: Any) -> dict[str, Any]:
    return of("dns", query_name=name, query_type=kind, **words)


async def differences(folder: Path, modules: dict[str, Any], wanted: list[Target]) -> str:
    return "\n".join(await compare(folder, modules, wanted))


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An HTTP proxy that serves the shop itself, and connects through for TLS."""
    verb, goal, _ = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
    if verb != b"CONNECT":
        writer.write(PAGE)
        return
    host, _, port = goal.decode().rpartition(":")
    behind, beyond = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    await asyncio.gather(pump(reader, beyond), pump(behind, writer))


def form_server(answer: Callable[[bytes, bytes], bytes]) -> Any:
    """Answers by the head and the body of a request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        writer.write(answer(head, await reader.readexactly(int(length or 0))))

    return talk


def guarded(head: bytes) -> bytes:
    return PAGE if f"Authorization: Bearer {TOKEN}".encode() in head else answer("401 Unauthorized", b"no")


@asynccontextmanager
async def servers() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    async with AsyncExitStack() as stack:

        async def at(conversation: Any, host: str = HERE, **words: Any) -> str:
            port = await stack.enter_async_context(serve(conversation, host=host, **words))
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

        yield at


@on_loop
async def test_families_proxies_and_who_we_are(tmp_path: Path) -> None:
    token = json.dumps({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 60}).encode()
    authority = Authority(tmp_path)
    async with servers() as at:
        shop, six, gone = await at(Shop(PAGE)), await at(Shop(PAGE), host="::1"), f"{HERE}:{refused_port()}"
        secure = await at(Shop(PAGE), tls=authority.server(HERE))
        private, by = await at(Shop(guarded)), await at(proxy)

        def give(head: bytes, form: bytes) -> bytes:
            wanted = parse_qs(form.decode()).get("audience") == ["shop"]
            return answer(body=token if wanted else b"{}", headers={"Content-Type": "application/json"})

        tokens = await at(form_server(give))
        oauth2: dict[str, Any] = {"client_id": "probe", "client_secret": "x", "token_url": f"http://{tokens}/t"}
        oauth2 |= {"scopes": ["read"], "endpoint_params": {"audience": "shop"}}
        tls = {"ca_file": str(authority.ca)}
        modules = {
            "http": of("http"),
            "usual": {"prober": "http", "timeout": "1s"},
            "six_only": of("http", preferred_ip_protocol="ip6", ip_protocol_fallback=False),
            "proxy": of("http", proxy_url=f"http://{by}", tls_config=tls),
            "proxy_skip": of("http", proxy_url=f"http://{by}", skip_resolve_phase_with_proxy=True),
            "dead_proxy": of("http", proxy_url=f"http://{gone}"),
            "bearer": of("http", bearer_token=TOKEN),
            "authorization": of("http", authorization={"credentials": TOKEN}),
            "oauth2": of("http", oauth2=oauth2),
            "basic": of("http", basic_auth={"username": "mei", "password": "secret"}),
            "tcp": {"prober": "tcp", "timeout": "1s"},
        }
        wanted = [
            ("IPv6", "http", six),
            ("IPv6, preferred", "usual", six),
            ("a name, IPv6 preferred", "usual", shop.replace(HERE, "localhost")),
            ("IPv4 where only IPv6 will do", "six_only", shop),
            ("by a proxy", "proxy", shop),
            ("by a proxy in TLS", "proxy", f"https://{secure}"),
            ("by a proxy, to nobody", "proxy", f"https://{gone}"),
            ("by a proxy that resolves", "proxy_skip", shop),
            ("by no proxy", "dead_proxy", shop),
            ("a bearer token", "bearer", private),
            ("no token", "http", private),
            ("credentials", "authorization", private),
            ("a fetched token", "oauth2", private),
            ("basic", "basic", private),
            ("user and password in the URL", "http", f"http://mei:s%20cret@{shop}/"),
            ("a path with a space", "http", f"http://{shop}/a b"),
            ("a path beyond ASCII", "http", f"http://{shop}/ü?ü=ü#top"),
            ("TCP over IPv6", "tcp", six),
            ("TCP by name", "tcp", shop.replace(HERE, "localhost")),
        ]
        assert not await differences(tmp_path, modules, wanted)


@on_loop
async def test_tls_and_versions_of_http(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls, ours = {"ca_file": str(authority.ca)}, str(authority.client("probe"))

    def http(**words: Any) -> dict[str, Any]:
        return of("http", **{"tls_config": tls, **words})

    def certificate() -> ssl.SSLContext:
        return authority.server("localhost", HERE)

    async with servers() as at:
        secure, second = await at(Shop(PAGE), tls=certificate()), await at(speaker(say), tls=over_h2(certificate()))
        demanding, old = await at(Shop(PAGE), tls=authority.demand(certificate())), certificate()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        aged = await at(Shop(PAGE), tls=old)
        away = await at(Shop(answer("302 Found", headers={"Location": f"https://{secure}/"})))
        modules = {
            "http": http(),
            "mine": http(tls_config={**tls, "cert_file": ours, "key_file": ours}),
            "tls13": http(tls_config={**tls, "min_version": "TLS13"}),
            "named": http(tls_config={**tls, "server_name": "localhost"}),
            "misnamed": http(tls_config={**tls, "server_name": "other.example"}),
            "two": http(valid_http_versions=["HTTP/2.0"]),
            "one": http(valid_http_versions=["HTTP/1.0", "HTTP/1.1"]),
            "not_two": http(enable_http2=False),
            "ssl": http(fail_if_not_ssl=True),
        }
        wanted = [
            ("a certificate of ours", "mine", f"https://{demanding}"),
            ("none of ours", "http", f"https://{demanding}"),
            ("TLS 1.2", "http", f"https://{aged}"),
            ("TLS 1.2 where 1.3 is wanted", "tls13", f"https://{aged}"),
            ("TLS 1.3", "tls13", f"https://{secure}"),
            ("the right name", "named", f"https://{secure}"),
            ("the wrong name", "misnamed", f"https://{secure}"),
            ("HTTP/2", "http", f"https://{second}"),
            ("HTTP/2 as wanted", "two", f"https://{second}"),
            ("HTTP/2 that is not wanted", "one", f"https://{second}"),
            ("HTTP/1.1 as wanted", "one", f"https://{secure}"),
            ("HTTP/1.1 where HTTP/2 is wanted", "two", f"https://{secure}"),
            ("no HTTP/2 offered", "not_two", f"https://{secure}"),
            ("from http to https", "ssl", away),
        ]
        assert not await differences(tmp_path, modules, wanted)


@on_loop
async def test_methods_redirects_and_conditions(tmp_path: Path) -> None:
    codes = [101, 204, 300, 301, 302, 303, 304, 305, 307, 308]
    modules = {
        "http": of("http"),
        "stay": of("http", follow_redirects=False, valid_status_codes=codes),
        "old_stay": of("http", no_follow_redirects=True, valid_status_codes=codes),
        "basic": of("http", basic_auth={"username": "mei", "password": "secret"}),
        "cookies": of("http", fail_if_header_matches=[{"header": "set-cookie", "allow_missing": True, "regexp": ".*"}]),
        "no_cookie": of("http", fail_if_header_matches=[{"header": "set-cookie", "regexp": "x"}]),
        "maybe_b": of("http", fail_if_header_not_matches=[{"header": "x-a", "regexp": "^b$", "allow_missing": True}]),
        "b": of("http", fail_if_header_not_matches=[{"header": "x-a", "regexp": "^b$"}]),
        "short": of("http", body_size_limit="5B", fail_if_body_not_matches_regexp=["Shop"]),
        "short_no": of("http", body_size_limit="5B", fail_if_body_matches_regexp=["nothing"]),
        "long": of("http", body_size_limit="1MB"),
    }
    modules |= {way: of("http", method=way, body="a=1") for way in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
    async with servers() as at:
        shop = await at(Shop(PAGE))

        async def to(status: int, goal: str = "") -> str:
            return await at(Shop(answer(f"{status} Go", headers={"Location": goal or f"http://{shop}/"})))

        wanted = [(way, way, shop) for way in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")]
        wanted += [(f"{status}, POST", "POST", await to(status)) for status in (301, 302, 303, 307, 308)]
        wanted += [(f"{status}", "http", await to(status)) for status in (300, 303, 305, 307, 308)]
        wanted += [(f"{status}, stay", "stay", await to(status, "/x")) for status in (300, 301, 302, 307)]
        wanted += [
            ("302 where nothing is followed", "old_stay", await to(302)),
            ("302 without a place", "http", await at(Shop(answer("302 Found")))),
            ("302 without a place, stay", "stay", await at(Shop(answer("302 Found")))),
            ("302 to what is no URL", "http", await to(302, "http://[::1/")),
            ("302 with credentials", "basic", await to(302)),
            ("304", "stay", await at(Shop(answer("304 Same", length=False)))),
            ("a cookie", "cookies", await at(Shop(answer(headers={"Set-Cookie": "a=b"})))),
            ("no cookie", "cookies", shop),
            ("no cookie where one must be", "no_cookie", shop),
            ("no header where none need be", "maybe_b", shop),
            ("several of a header", "b", await at(Shop(answer(headers={"X-A": "a", "x-A": "b"})))),
            ("none of a header", "b", shop),
            ("a body over the limit and a pattern", "short", shop),
            ("a body over the limit and another pattern", "short_no", shop),
            ("a body within the limit", "long", shop),
        ]
        assert not await differences(tmp_path, modules, wanted)


@on_loop
async def test_dialogues_records_and_echoes(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good, tls = authority.server(HERE), {"ca_file": str(authority.ca)}

    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for said in (b"220 mail.example ESMTP ready\r\n", b"250-mail\r\n250-STARTTLS\r\n250 OK\r\n", b"220 go\r\n"):
            writer.write(said)
            await writer.drain()
            if said != b"220 go\r\n":
                await reader.readline()
        await writer.start_tls(good)
        await reader.readline()
        writer.write(b"250 AUTH\r\n")
        await reader.read()

    starttls = [
        {"expect": "^220 ([^ ]+) ESMTP (.+)$"},
        {"send": "EHLO prober ${1} ${2}\r"},
        {"expect": "^250-STARTTLS"},
        {"send": "STARTTLS\r"},
        {"expect": "^220"},
        {"starttls": True},
        {"send": "EHLO prober\r"},
        {"expect": "^250 AUTH"},
    ]
    page = [{"send": "GET / HTTP/1.0\r\n\r"}, {"expect": "^HTTP/1.. 200"}]
    modules = {
        "starttls": of("tcp", query_response=starttls, tls_config=tls),
        "untrusting": of("tcp", query_response=starttls),
        "early": of("tcp", query_response=[{"expect": "^220"}, {"starttls": True}], tls_config=tls),
        "say": of("tcp", query_response=[{"send": "hello"}]),
        "page": of("tcp", query_response=page),
        "safe_page": of("tcp", tls=True, query_response=page, tls_config=tls),
        "any": dns(kind="ANY"),
        "aaaa": dns(kind="AAAA"),
        "ch": dns("version.bind", "TXT", query_class="CH"),
        "alone": dns(recursion_desired=False),
        "authority": dns(validate_authority_rrs={"fail_if_not_matches_regexp": ["x"]}),
        "additional": dns(validate_additional_rrs={"fail_if_matches_regexp": ["x"]}),
        "codes": dns("refused.example", valid_rcodes=["NXDOMAIN", "REFUSED"]),
        "broken": dns("broken.example"),
        "mad": dns("mad.example"),
        "mad_tcp": dns("mad.example", transport_protocol="tcp"),
        "quiet": dns("quiet.example"),
        "root": dns("."),
        "mx": dns(kind="MX", validate_answer_rrs={"fail_if_not_matches_regexp": ["MX\\t10 mail.shop.example.$"]}),
        "txt": dns(kind="TXT", validate_answer_rrs={"fail_if_matches_regexp": ['"v=spf1 -all"']}),
        "alias": dns("www.shop.example"),
        "echo": of("icmp", ttl=3, payload_size=100),
        "any_echo": {"prober": "icmp", "timeout": "1s"},
    }
    async with servers() as at, name_server(ZONE) as (port, _):
        post, shop, safe = await at(mail), await at(Shop(PAGE)), await at(Shop(PAGE), tls=good)
        wanted = [
            ("STARTTLS", "starttls", post),
            ("STARTTLS, a certificate of nobody", "untrusting", post),
            ("STARTTLS that nobody offered", "early", post),
            ("words without an answer", "say", shop),
            ("HTTP by hand", "page", shop),
            ("HTTPS by hand", "safe_page", safe),
            ("HTTPS by hand where none is", "safe_page", shop),
            ("a name server by name", "mx", f"localhost:{port}"),
            ("an echo by name", "echo", "localhost"),
            ("an echo by no name", "echo", "nowhere.invalid"),
            ("an echo over IPv6", "any_echo", "::1"),
        ]
        wanted += [(name, name, f"{HERE}:{port}") for name, module in modules.items() if module["prober"] == "dns"]
        assert not await differences(tmp_path, modules, wanted)
