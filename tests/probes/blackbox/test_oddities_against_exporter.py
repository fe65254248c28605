"""/probe beside the real exporter: answers of which one cannot say whether they are HTTP, and where the two differ."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.probes.blackbox.comparing import Target, compare
from tests.sockets import Shop, answer, on_loop, serve

pytestmark = pytest.mark.integration

_HEAD = b"HTTP/1.1 200 OK\r\n"
_EMPTY = b"Content-Length: 0\r\n\r\n"
_CHUNKS = b"Transfer-Encoding: chunked\r\n"
#: What each server sends.
ODDITIES = {
    "no reason": b"HTTP/1.1 200\r\n" + _EMPTY,
    "a status of 999": b"HTTP/1.1 999 X\r\n" + _EMPTY,
    "a status of two digits": b"HTTP/1.1 99 X\r\n" + _EMPTY,
    "HTTP/2 in words": b"HTTP/2 200 OK\r\n" + _EMPTY,
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\n" + _EMPTY,
    "a length that is none": _HEAD + b"Content-Length: x\r\n\r\nok",
    "two lengths": _HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "the same length twice": _HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "more than its length": _HEAD + b"Content-Length: 2\r\n\r\nokmore",
    "neither headers nor length": _HEAD + b"\r\n",
    "no length": _HEAD + b"\r\nold",
    "a chunk that is none": _HEAD + _CHUNKS + b"\r\nzz\r\n",
    "half a chunk": _HEAD + _CHUNKS + b"\r\n5\r\nhel",
    "chunks, words about them, and a trailer": _HEAD + _CHUNKS + b"\r\n2;a=b\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
    "chunks and a length": _HEAD + _CHUNKS + b"Content-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "204 with a body": b"HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nok",
    "a header without a colon": _HEAD + b"no colon\r\n\r\n",
    "a header on two lines": _HEAD + b"X-A: a\r\n b\r\n" + _EMPTY,
    "a space in a header's name": _HEAD + b"X A: a\r\n" + _EMPTY,
    "a zero byte in a header": _HEAD + b"X-A: a\0b\r\n" + _EMPTY,
    "lines that end as in Unix": _HEAD.replace(b"\r", b"") + b"Content-Length: 2\n\nok",
    "a header of 100 kB": _HEAD + b"X-A: " + b"a" * 100_000 + b"\r\n" + _EMPTY,
    "another protocol": b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(body=b"ok"),
    "a date that is none": answer(headers={"Last-Modified": "yesterday"}),
    "a redirect to another scheme": answer("302 Found", headers={"Location": "ftp://shop.example/"}),
}
_STRICT = "our parser (llhttp, as in Node) takes this for no HTTP, Go's does"
#: Why the two differ, where they do.
EXPLAINED = {
    "HTTP/1.2": _STRICT,
    "a space in a header's name": _STRICT,
    "a redirect to another scheme": "both fail; Go counts the redirect, we count those that led somewhere",
}


@on_loop
async def test_the_same_or_explained(tmp_path: Path) -> None:
    modules = {"http": {"prober": "http", "timeout": "1s", "http": {"preferred_ip_protocol": "ip4"}}}
    async with AsyncExitStack() as stack:

        async def at(conversation: Any) -> str:
            return f"127.0.0.1:{await stack.enter_async_context(serve(conversation))}"

        wanted: list[Target] = [(what, "http", await at(Shop(sent))) for what, sent in ODDITIES.items()]
        found = await compare(tmp_path, modules, wanted)
    differing = {line.split(": probe_")[0] for line in found}
    assert not [line for line in found if line.split(": probe_")[0] not in EXPLAINED]
    assert not EXPLAINED.keys() - differing, "these differ no more; take them off EXPLAINED"
