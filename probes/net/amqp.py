"""AMQP 0-9-1 as far as a look needs it: sign in, open a virtual host, ask how long a queue is, say goodbye.

https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
"""

import struct

from probes.net.errors import NetError
from probes.net.stream import Stream

_PROTOCOL = b"AMQP\x00\x00\x09\x01"
_FRAME, _METHOD = struct.Struct("!BHI"), struct.Struct("!HH")
_METHODS, _HEARTBEAT, _END = 1, 8, b"\xce"
_START, _START_OK, _TUNE, _TUNE_OK = (10, 10), (10, 11), (10, 30), (10, 31)
_OPEN, _OPEN_OK, _CLOSE, _CLOSE_OK = (10, 40), (10, 41), (10, 50), (10, 51)
_CHANNEL_OPEN, _CHANNEL_OPEN_OK, _CHANNEL_CLOSE = (20, 10), (20, 11), (20, 40)
_DECLARE, _DECLARE_OK = (50, 10), (50, 11)
_PASSIVE = 1
#: Codes with which a broker refuses what we are or ask: access, a queue that is another's own, the virtual host.
_REFUSED = (403, 405, 530)
_NOT_FOUND = "not found"


def short(text: str) -> bytes:
    """A short string: its length in one byte. Raises ValueError for more than 255 bytes."""
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"{text[:20]!r}… is longer than the 255 bytes that AMQP allows")
    return bytes([len(data)]) + data


def _long(data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + data


#: Who we are; and that a refused password should be told rather than end in silence.
_CAPABILITIES = _long(short("authentication_failure_close") + b"t\x01")
_CLIENT = _long(short("product") + b"S" + _long(b"shopwatch") + short("capabilities") + b"F" + _CAPABILITIES)


class Amqp:
    """Our side of a connection, over a stream on which TLS, if any, is done. Deadlines are the caller's.

    Everything raises NetError when the broker refuses, hangs up, or speaks something else.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def login(self, user: str, password: str) -> None:
        """Say who we are."""
        self._stream.send(_PROTOCOL)
        await self._answer(_START)
        self.send(0, _START_OK, _CLIENT + short("PLAIN") + _long(f"\0{user}\0{password}".encode()) + short("en_US"))
        channels, frame, _ = self._unpack("!HIH", await self._answer(_TUNE))
        self.send(0, _TUNE_OK, struct.pack("!HIH", channels, frame, 0))  # no heartbeats: we are gone before one is due

    async def open(self, vhost: str) -> None:
        """Enter a virtual host, and open a channel there."""
        self.send(0, _OPEN, short(vhost) + short("") + b"\0")
        await self._answer(_OPEN_OK)
        self.send(1, _CHANNEL_OPEN, short(""))
        await self._answer(_CHANNEL_OPEN_OK)

    async def queue(self, name: str) -> tuple[int, int]:
        """How many messages wait in a queue, and how many consumers it has. Nothing is declared or taken."""
        self.send(1, _DECLARE, struct.pack("!H", 0) + short(name) + bytes([_PASSIVE]) + _long(b""))
        body = await self._answer(_DECLARE_OK)
        (length,) = self._unpack("!B", body)
        messages, consumers = self._unpack("!II", body, 1 + length)
        return messages, consumers

    def close(self) -> None:
        """Say goodbye, without waiting for theirs."""
        self.send(0, _CLOSE, struct.pack("!H", 200) + short("bye") + _METHOD.pack(0, 0))

    def send(self, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        """Send a method."""
        self.send_frame(_METHODS, channel, _METHOD.pack(*method) + arguments)

    def send_frame(self, kind: int, channel: int, payload: bytes) -> None:
        """Send a frame: of a method, of a message's header (2), or of its body (3)."""
        self._stream.send(_FRAME.pack(kind, channel, len(payload)) + payload + _END)

    async def _answer(self, wanted: tuple[int, int]) -> bytes:
        """The arguments of the method that we wait for."""
        while True:
            first = await self._stream.exactly(1)
            if first == b"A":
                rest = (await self._stream.exactly(7))[-3:]
                raise self._stream.error(f"speaks AMQP {'-'.join(map(str, rest))}, not 0-9-1")
            if first not in (b"\x01", b"\x08"):
                raise self._stream.error(f"does not speak AMQP: what it sends begins with {first!r}")
            kind, _, size = _FRAME.unpack(first + await self._stream.exactly(_FRAME.size - 1))
            payload = await self._stream.exactly(size)
            if await self._stream.exactly(1) != _END:
                raise self._stream.error("broke the protocol: a frame without its end")
            if kind == _HEARTBEAT:
                continue
            if size < _METHOD.size:
                raise self._stream.error("broke the protocol: a frame that names no method")
            method, arguments = _METHOD.unpack_from(payload), payload[_METHOD.size :]
            if method in (_CLOSE, _CHANNEL_CLOSE):
                raise self._refused(arguments)
            if method != wanted:
                raise self._stream.error(f"broke the protocol: expected the method {wanted}, got {method}")
            return arguments

    def _refused(self, arguments: bytes) -> NetError:
        code, length = self._unpack("!HB", arguments)
        said = arguments[3 : 3 + length].decode("utf-8", "replace")
        self.send(0, _CLOSE_OK, b"")
        ours = code in _REFUSED and _NOT_FOUND not in said
        return self._stream.error(f"refused: {code} {said}", ours=ours)

    def _unpack(self, form: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
        try:
            return struct.unpack_from(form, data, offset)
        except struct.error:
            raise self._stream.error("broke the protocol: a method that is too short") from None
