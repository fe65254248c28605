"""Asks a name server for addresses, both families in one go: the few bytes of DNS that every look needs, read lean.

dnspython takes 200 µs for an answer, which is more than the rest of a plain HTTP look; what is longer than a datagram
is left to it.
"""

import asyncio
import secrets
import socket
import struct
from typing import NamedTuple

import dns.message

from probes.net.address import Address
from probes.net.errors import TimedOut, from_os_error
from probes.net.question import ask

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
_CNAME, _IN = 5, 1
_HEADER, _QUESTION, _RECORD = struct.Struct("!6H"), struct.Struct("!HH"), struct.Struct("!HHIH")
_FAMILIES = {A: socket.AF_INET, AAAA: socket.AF_INET6}
#: RFC 8305, 3: once one family has an address, the other's answer is waited for so many seconds and no more.
_RESOLUTION_DELAY = 0.05
_MOST_RECORDS = 200
_MOST_JUMPS = 20


class Reply(NamedTuple):
    """What a server said of one type: RFC 1035's code, and the addresses."""

    code: int
    addresses: tuple[str, ...] = ()
    cut: bool = False


def write_query(identifier: int, name: bytes, kind: int) -> bytes:
    """A question (RFC 1035, 4); `name` is as it goes on the wire."""
    return _HEADER.pack(identifier, 0x0100, 1, 0, 0, 0) + name + _QUESTION.pack(kind, _IN)


def read_reply(data: bytes, name: bytes, kind: int) -> Reply:
    """The answer to that question. Raises ValueError, IndexError or struct.error for what is none."""
    _, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
    asked = name + _QUESTION.pack(kind, _IN)
    start = _HEADER.size
    if not flags & 0x8000 or questions != 1 or data[start : start + len(asked)].lower() != asked.lower():
        raise ValueError("an answer to another question")
    code = flags & 0x000F
    if flags & 0x0200:
        return Reply(code, cut=True)
    owner, place, addresses = name.lower(), start + len(asked), []
    for _ in range(min(answers, _MOST_RECORDS)):
        holder, place = _name(data, place)
        type_, class_, _, length = _RECORD.unpack_from(data, place)
        place += _RECORD.size
        if class_ == _IN and holder == owner:  # what belongs to another name answers another question
            if type_ == _CNAME:
                owner = _name(data, place)[0]
            elif type_ == kind:
                addresses.append(socket.inet_ntop(_FAMILIES[kind], data[place : place + length]))
        place += length
    return Reply(code, tuple(addresses))


def _name(data: bytes, place: int) -> tuple[bytes, int]:
    """A name in lower case as it would stand uncompressed, and where what follows it begins."""
    parts: list[bytes] = []
    after = -1
    for _ in range(_MOST_JUMPS + 128):
        length = data[place]
        if length >= 0xC0:  # a pointer to where the rest of the name stands already
            if after < 0:
                after = place + 2
            place = (length & 0x3F) << 8 | data[place + 1]
            continue
        parts.append(data[place : place + 1 + length])
        place += 1 + length
        if length == 0:
            return b"".join(parts).lower(), place if after < 0 else after
        if length > 63:
            raise ValueError("a label that is too long")
    raise ValueError("a name without end")


class _Answers(asyncio.DatagramProtocol):
    """Collects the replies of one server; `done` ends when they suffice."""

    def __init__(self, name: bytes, asked: dict[int, int], done: "asyncio.Future[None]") -> None:
        self.replies: dict[int, Reply] = {}
        self._name, self._asked, self._done = name, asked, done
        self._loop = asyncio.get_running_loop()

    def datagram_received(self, data: bytes, address: object) -> None:
        """A reply, or something else that is ignored."""
        try:
            kind = self._asked[data[0] << 8 | data[1]]
            reply = read_reply(data, self._name, kind)
        except (LookupError, ValueError, struct.error, OSError):
            return
        self.replies[kind] = reply
        if len(self.replies) == len(self._asked) or reply.code == NXDOMAIN:
            self._finish()
        elif reply.addresses:
            self._loop.call_later(_RESOLUTION_DELAY, self._finish)

    def error_received(self, error: Exception) -> None:
        """The kernel says that nobody listens there, or that there is no way."""
        if not self._done.done():
            self._done.set_exception(error)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def ask_addresses(server: Address, name: bytes, kinds: tuple[int, ...], seconds: float) -> dict[int, Reply]:
    """What the server says of each kind (A, AAAA) of `name`; of one of them only, when it says nothing of the other.

    Raises TimedOut when it leaves a question open for so many seconds and gave no address, NetError when it cannot be
    reached.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    identifiers = {secrets.randbits(16): kind for kind in kinds}
    while len(identifiers) < len(kinds):
        identifiers = {secrets.randbits(16): kind for kind in kinds}
    answers = _Answers(name, identifiers, done)
    try:
        # A new socket each time: its random source port is what makes a forged answer hard (RFC 5452).
        line, _ = await loop.create_datagram_endpoint(lambda: answers, remote_addr=server)
        try:
            for identifier, kind in identifiers.items():
                line.sendto(write_query(identifier, name, kind))
            async with asyncio.timeout(seconds):
                await done
        finally:
            line.close()
    except TimeoutError:
        if not any(reply.addresses for reply in answers.replies.values()):
            message = f"resolve: the name server {server} did not answer within {seconds:.3g}s"
            raise TimedOut(message, "resolve") from None
    except OSError as error:
        raise from_os_error(error, f"the name server {server}", "resolve") from error
    for kind, reply in answers.replies.items():
        if reply.cut:
            answers.replies[kind] = await _by_tcp(server, name, kind, seconds)
    return answers.replies


async def _by_tcp(server: Address, name: bytes, kind: int, seconds: float) -> Reply:
    query = dns.message.from_wire(write_query(secrets.randbits(16), name, kind))
    answer = await ask(server, query, seconds, transport="tcp")
    return read_reply(answer.to_wire(), name, kind)
