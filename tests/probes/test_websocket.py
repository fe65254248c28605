"""The websocket probe against a server by the library websockets, and against servers that break the protocol."""

import asyncio
import base64
import hashlib
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.net.phases import Phases
from probes.net.stream import Stream
from probes.net.websocket import WebSocket
from probes.websocket import WebsocketProbe, WebsocketSettings
from tests.looking import look, numbers
from tests.servers import free_port, port_open, started
from tests.sockets import Authority, on_loop, refused_port, serve, silence

PYTHON, LIBRARY = Path("/usr/bin/python3"), Path("/usr/lib/python3/dist-packages/websockets")
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture(scope="module")
def real() -> Iterator[int]:
    if not (PYTHON.exists() and LIBRARY.exists()):
        message = "the Debian package python3-websockets is not installed (make test installs it as root)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    port, script = free_port(), (Path(__file__).parent / "echoing.py").read_text()
    with (
        tempfile.TemporaryDirectory(prefix="shopwatch-websocket-") as folder,
        started([str(PYTHON), "-c", script, str(port)], folder, lambda: port_open(port)),
    ):
        yield port


async def asked(port: int, path: str = "/", scheme: str = "ws", **words: Any) -> Finding:
    finding = await look(WebsocketProbe, type="websocket", url=f"{scheme}://127.0.0.1:{port}{path}", **words)
    assert "hunter2" not in repr(finding)
    return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@pytest.mark.integration
@on_loop
async def test_handshake_ping_and_an_answer(real: int) -> None:
    long = "ä" * 40_000
    for text in ("hello", "x" * 300, long):
        words: dict[str, Any] = {"send": text, "expect": {"message": f"^you said {text[:500]}", "within": "4s"}}
        finding = await asked(real, **words)
        assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    phases = {name.partition("{")[2][:-1] for name in seen if name.startswith("probe_websocket_duration_seconds")}
    assert phases == {"resolve", "connect", "handshake", "ping", "message"}
    assert (seen["probe_websocket_status_code"], seen["probe_failed_due_to_regex"]) == (101, 0)
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in WebsocketProbe.metrics}
    assert finding.evidence
    assert len(finding.evidence.excerpt) == 2000


@pytest.mark.integration
@on_loop
async def test_another_message_is_down(real: int) -> None:
    finding = await asked(real, send="a", expect={"message": "^b$"}, patience=0.5)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(
        r"message: not done within .*; expected a message matching /\^b\$/, the last one was 'you said a'",
        finding.reason,
    )
    assert numbers(finding)["probe_failed_due_to_regex"] == 1
    assert finding.evidence
    assert finding.evidence.excerpt == "you said a"


@pytest.mark.integration
@on_loop
async def test_subprotocols_and_refusals(real: int) -> None:
    assert (await asked(real, protocols=["shop.v2", "shop.v1"])).outcome is Outcome.UP
    finding = await asked(real, protocols=["chat"])
    assert finding.outcome is Outcome.DOWN
    where = "handshake: ws://127.0.0.1:PORT/"
    assert finding.reason == f"{where} chose the subprotocol None; expected one of chat"
    finding = await asked(real, "/secret")
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        f"{where}secret answered the handshake with 401; expected 101",
    )
    assert (await asked(real, "/secret", auth={"bearer": "hunter2"})).outcome is Outcome.UP
    assert (await asked(real, "/secret", headers={"Authorization": "Bearer hunter2"})).outcome is Outcome.UP
    finding = await asked(real, "/closing")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "ping: ws://127.0.0.1:PORT/closing closed the connection with 1008 not for you"


def upgrading(*frames: bytes, status: str = "101 Switching", accept: Callable[[bytes], bytes] | None = None) -> Any:
    """A server that grants the upgrade and then sends these bytes, whatever it hears."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
        assert key
        answer = accept(key[1]) if accept else base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())
        lines = b"HTTP/1.1 %s\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" % status.encode()
        writer.write(lines + b"Sec-WebSocket-Accept: " + answer + b"\r\n\r\n" + b"".join(frames))
        await writer.drain()
        await asyncio.sleep(0.3)

    return talk


@pytest.mark.parametrize(
    ("conversation", "outcome", "reason"),
    [
        (upgrading(status="503 Busy"), Outcome.DOWN, "handshake: WHERE answered the handshake with 503; expected 101"),
        (
            upgrading(status="429 Slow down"),
            Outcome.BLOCKED,
            "handshake: a rate limiter answered 429 .* at WHERE",
        ),
        (upgrading(accept=lambda _: b"x"), Outcome.DOWN, "handshake: WHERE answered 101, but not to our Sec-.*"),
        (upgrading(b"\x81\x80abcd"), Outcome.DOWN, "ping: WHERE broke the protocol: a masked frame, or .*"),
        (upgrading(b"\xc1\x01a"), Outcome.DOWN, "ping: WHERE broke the protocol: .* extension nobody agreed to"),
        (upgrading(b"\x83\x00"), Outcome.DOWN, "ping: WHERE broke the protocol: there is no kind of frame 3"),
        (upgrading(b"\x01\x01a\x81\x01b"), Outcome.DOWN, "ping: WHERE broke the protocol: a message within .*"),
        (upgrading(b"\x80\x01a"), Outcome.DOWN, "ping: WHERE broke the protocol: .* the end of none"),
        (upgrading(b"\x88\x00"), Outcome.DOWN, "ping: WHERE closed the connection without a reason"),
        (
            upgrading(b"\x81\x7f" + struct.pack("!Q", 2**40)),
            Outcome.DOWN,
            "ping: WHERE announced a piece of 1099511627776 bytes",
        ),
        (
            upgrading(*(kind + b"\x7f" + struct.pack("!Q", 2**20) + bytes(2**20) for kind in (b"\x01", b"\x00"))),
            Outcome.DOWN,
            "ping: WHERE sent a message of more than 1048576 bytes",
        ),
        (upgrading(b"\x8a\x03abc"), Outcome.DOWN, "ping: WHERE hung up"),
        (silence, Outcome.DOWN, "handshake: not done within .*"),
    ],
)
@on_loop
async def test_another_server(conversation: Any, outcome: Outcome, reason: str) -> None:
    patience = 0.6 if "not done" in reason else 5.0
    async with serve(conversation) as port:
        finding = await asked(port, patience=patience)
    assert finding.outcome is outcome
    assert re.fullmatch(reason.replace("WHERE", "ws://127.0.0.1:PORT/"), finding.reason)


@on_loop
async def test_what_is_no_http_is_down() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.read(1)

    async with serve(talk) as port:
        finding = await asked(port)
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        "handshake: ws://127.0.0.1:PORT/ sent what is not HTTP: '220 mail'",
    )
    finding = await asked(refused_port())
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, "connect: 127.0.0.1:PORT refused the connection")


@on_loop
async def test_in_tls_without_a_ping_and_slow(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        await upgrading()(reader, writer)

    words = {"tls": {"ca": str(authority.ca)}, "ping": False}
    async with serve(slow, tls=authority.server("127.0.0.1")) as port:
        finding = await asked(port, scheme="wss", **words, degraded={"after": "50ms"})
        assert finding.outcome is Outcome.DEGRADED
        assert re.fullmatch(r"slow: expected wss://127\.0\.0\.1:PORT/ within 50ms, it took \d+ms", finding.reason)
        assert "probe_ssl_earliest_cert_expiry" in numbers(finding)
        finding = await asked(port, scheme="wss", **words, expect={"within": "50ms"})
        assert finding.outcome is Outcome.DOWN
        assert finding.reason.startswith("within: expected wss://127.0.0.1:PORT/ within 50ms")


class _Line:
    """The little of a wire that a stream asks for: it keeps what was sent."""

    def __init__(self) -> None:
        self.sent = b""

    def attach(self, reader: Any) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.sent += data


@given(st.text(max_size=70_000))
def test_what_we_send_is_masked_and_whole(text: str) -> None:
    line = _Line()
    WebSocket(Stream(line, Phases(), "it")).say(text)  # type: ignore[arg-type]  # no connection is used here
    sent, size, start = line.sent, line.sent[1] & 0x7F, 2
    assert sent[0] == 0x81
    assert sent[1] & 0x80
    if size == 126:
        size, start = int.from_bytes(sent[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(sent[2:10], "big"), 10
    mask, payload = sent[start : start + 4], sent[start + 4 :]
    assert len(payload) == size
    assert bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)) == text.encode()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"url": "https://shop.example/live"}, "is not a WebSocket's URL; it must begin with ws:// or wss://"),
        ({"url": "ws:///live"}, "has no host"),
        ({"headers": {"a b": "c"}}, "'a b' is not a header name"),
        ({"headers": {"a": "c\r\nd: e"}}, "the value of header a holds a line break"),
        ({"expect": {"message": "("}}, "is not a regular expression"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        WebsocketSettings.model_validate({"name": "l", "type": "websocket", "url": "wss://shop.example/live", **words})
