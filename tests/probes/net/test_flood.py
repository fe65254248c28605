"""Servers that send without end, in tiny pieces: a look's deadline holds, and the looks beside it are not held up."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from probes.base import Finding, Outcome
from probes.http import HttpProbe
from tests.looking import look
from tests.sockets import Authority, Shop, answer, on_loop, serve

SETTINGS, PING = b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0" + b"x" * 8
HEADERS = b"\0\0\1\1\4\0\0\0\1\x88"  # :status 200, and more to come
NOTHING, LITTLE = b"\0\0\0\0\0\0\0\0\1", b"\0\0\1\0\0\0\0\0\1x"
FLOODED = "localhost:PORT sent more than 10000 control frames"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def flood(first: bytes, again: bytes, tls: ssl.SSLContext | None) -> Iterator[int]:
    """A server in a thread of its own: to whoever asks it says `first`, and then `again` until they hang up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        try:
            plain, _ = listener.accept()
            with tls.wrap_socket(plain, server_side=True) if tls else plain as line:
                line.settimeout(10)
                line.recv(65536)
                line.sendall(first)
                while True:
                    line.sendall(again * (256 * 1024 // len(again)))
        except OSError:
            pass

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()
        thread.join(10)


async def beside(look_: Any) -> tuple[Finding, float]:
    """What a look found, and the longest time, in seconds, that the loop left a sleeper asleep meanwhile."""
    loop, longest = asyncio.get_running_loop(), 0.0
    task = asyncio.create_task(look_)
    while not task.done():
        since = loop.time()
        await asyncio.sleep(0.01)
        longest = max(longest, loop.time() - since)
    return await task, longest


@pytest.mark.parametrize(
    ("first", "again", "sentence"),
    [
        (SETTINGS, SETTINGS, f"processing: {FLOODED} and no answer"),
        (SETTINGS, PING, f"processing: {FLOODED} and no answer"),
        (SETTINGS + HEADERS, NOTHING, f"transfer: {FLOODED} and no whole answer"),
        (SETTINGS + HEADERS, LITTLE, "transfer: no whole answer within "),
    ],
    ids=["SETTINGS", "PING", "empty DATA", "DATA byte by byte"],
)
@on_loop
async def test_frames_without_end(tmp_path: Path, first: bytes, again: bytes, sentence: str) -> None:
    authority = Authority(tmp_path)
    tls = authority.server("localhost")
    tls.set_alpn_protocols(["h2"])
    with flood(first, again, tls) as port:
        words: dict[str, Any] = {"type": "http", "ip": 4, "tls": {"ca": str(authority.ca)}, "max_body": "1GB"}
        seeking = look(HttpProbe, url=f"https://localhost:{port}/", http2=True, patience=2.0, **words)
        finding, longest = await asyncio.wait_for(beside(seeking), 30)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.replace(str(port), "PORT").startswith(sentence)
    assert longest < 1.5


@pytest.mark.parametrize("secret", [False, True], ids=["plain", "tls"])
@on_loop
async def test_chunks_without_end(tmp_path: Path, secret: bool) -> None:
    authority = Authority(tmp_path)
    with flood(CHUNKS, b"1\r\nx\r\n", authority.server("localhost") if secret else None) as port:
        words: dict[str, Any] = {"type": "http", "ip": 4, "tls": {"ca": str(authority.ca)}, "max_body": "1GB"}
        scheme = "https" if secret else "http"
        seeking = look(HttpProbe, url=f"{scheme}://localhost:{port}/", patience=1.0, **words)
        finding, longest = await asyncio.wait_for(beside(seeking), 30)
    assert finding.reason.startswith("transfer: no whole answer within ")
    assert longest < 1.5


@pytest.mark.parametrize("secret", [False, True], ids=["plain", "tls"])
@on_loop
async def test_what_comes_in_one_go_is_read_to_its_end_and_in_order(tmp_path: Path, secret: bool) -> None:
    """More than one turn's worth, and the server hangs up at once."""
    authority = Authority(tmp_path)
    body = b"".join(b"%07d\n" % number for number in range(400_000))
    text = "0399999"
    async with serve(Shop(answer(body=body)), tls=authority.server("localhost") if secret else None) as port:
        words: dict[str, Any] = {"type": "http", "ip": 4, "tls": {"ca": str(authority.ca)}, "max_body": "1GB"}
        scheme = "https" if secret else "http"
        finding = await look(HttpProbe, url=f"{scheme}://localhost:{port}/", expect={"text": text}, **words)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
