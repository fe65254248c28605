"""WebSocket (RFC 6455) as a client speaks it: the handshake, messages, pings, and the goodbye."""

import base64
import hashlib
import secrets
import struct

from probes.net.message import Headers, header
from probes.net.stream import MAX_PIECE, Stream

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MOST_HEADERS = 200
_CONTINUED, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_NORMAL = struct.pack("!H", 1000)


class WebSocket:
    """Our side of a connection, over a stream on which TLS, if any, is done. Deadlines are the caller's.

    Reads raise NetError when the other side hangs up, closes, or breaks the protocol.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._begun = 0  # the kind of a message whose end has not come yet
        self._parts = b""

    async def shake(self, target: str, authority: str, headers: Headers) -> tuple[int, Headers]:
        """Ask for the upgrade; the status and headers that came. Whether it was granted is for the caller to judge,
        but a 101 that is no answer to our key is refused here.
        """
        key = base64.b64encode(secrets.token_bytes(16))
        lines = [f"GET {target} HTTP/1.1".encode(), b"Host: " + authority.encode()]
        lines += [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13"]
        lines += [b"Sec-WebSocket-Key: " + key, *(name + b": " + value for name, value in headers)]
        self._stream.send(b"\r\n".join([*lines, b"", b""]))
        status, came = await self._head()
        wanted = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        if status == 101 and (header(came, b"sec-websocket-accept") or b"").strip() != wanted:
            raise self._stream.error("answered 101, but not to our Sec-WebSocket-Key: a cache or proxy is in the way")
        return status, came

    async def _head(self) -> tuple[int, Headers]:
        first = await self._stream.line()
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise self._stream.error(f"sent what is not HTTP: {first[:60]!r}")
        came: Headers = []
        while line := (await self._stream.line()).encode():
            name, _, value = line.partition(b":")
            came.append((name.strip().lower(), value.strip()))
            if len(came) > _MOST_HEADERS:
                raise self._stream.error(f"sent more than {_MOST_HEADERS} headers")
        return int(rest[:3]), came

    async def ping(self) -> None:
        """Send a ping and wait for its pong; messages that come meanwhile are skipped."""
        payload = secrets.token_bytes(8)
        self._send(_PING, payload)
        while True:
            kind, data = await self._frame()
            if kind == _PONG and data == payload:
                return

    def say(self, text: str) -> None:
        """Send a text message."""
        self._send(_TEXT, text.encode())

    async def hear(self) -> str:
        """The next text message; others are skipped."""
        while True:
            kind, data = await self._frame()
            if kind == _TEXT:
                return data.decode("utf-8", "replace")

    def close(self) -> None:
        """Say goodbye, without waiting for theirs."""
        self._send(_CLOSE, _NORMAL)

    def _send(self, kind: int, payload: bytes) -> None:
        size, mask = len(payload), secrets.token_bytes(4)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 2**16:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        cover = int.from_bytes((mask * (size // 4 + 1))[:size])
        self._stream.send(head + mask + (int.from_bytes(payload) ^ cover).to_bytes(size))

    async def _frame(self) -> tuple[int, bytes]:
        """The next whole message, or a pong. Pings are answered here, and a close is the end."""
        while True:
            first, second = await self._stream.exactly(2)
            kind, is_last, size = first & 15, first & 0x80, second & 0x7F
            if first & 0x70 or second & 0x80:
                raise self._stream.error(
                    "broke the protocol: a masked frame, or one with an extension nobody agreed to"
                )
            if size == 126:
                (size,) = struct.unpack("!H", await self._stream.exactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self._stream.exactly(8))
            data = await self._stream.exactly(size)
            if kind == _CLOSE:
                raise self._stream.error(f"closed the connection{_why(data)}")
            if kind == _PING:
                self._send(_PONG, data)
            elif kind == _PONG:
                return _PONG, data
            elif (message := self._joined(kind, data, bool(is_last))) is not None:
                return message

    def _joined(self, kind: int, data: bytes, is_last: bool) -> tuple[int, bytes] | None:
        """The message that this frame ends, or None while more of it is to come."""
        if kind not in (_CONTINUED, _TEXT, _BINARY):
            raise self._stream.error(f"broke the protocol: there is no kind of frame {kind}")
        if (kind == _CONTINUED) != bool(self._begun):
            raise self._stream.error("broke the protocol: a message within a message, or the end of none")
        self._begun = self._begun or kind
        self._parts += data
        if len(self._parts) > MAX_PIECE:
            raise self._stream.error(f"sent a message of more than {MAX_PIECE} bytes")
        if not is_last:
            return None
        message = (self._begun, self._parts)
        self._begun, self._parts = 0, b""
        return message


def _why(data: bytes) -> str:
    if len(data) < 2:
        return " without a reason"
    (code,) = struct.unpack_from("!H", data)
    return f" with {code} {data[2:100].decode('utf-8', 'replace')}".rstrip()
