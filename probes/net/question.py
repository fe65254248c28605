"""One DNS question to one server, and its answer: by UDP, and by TCP when the answer was too long for UDP."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message

from probes.net.address import Address
from probes.net.errors import NetError, TimedOut, from_os_error
from probes.net.source import connect_from, datagrams

#: A DNS message over a connection is prefixed by its length in two bytes (RFC 1035, 4.2.2; RFC 7858, 3.3).
_LENGTH = struct.Struct("!H")


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the datagram that answers `query`; anything else that arrives is somebody else's and ignored."""

    def __init__(self, query: dns.message.Message, answer: "asyncio.Future[dns.message.Message]") -> None:
        self._query = query
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            message = dns.message.from_wire(data, ignore_trailing=True, raise_on_truncation=False)
        except (dns.exception.DNSException, ValueError, IndexError):
            return
        if self._query.is_response(message) and not self._answer.done():
            self._answer.set_result(message)

    def error_received(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


async def ask(
    server: Address,
    query: dns.message.Message,
    seconds: float,
    *,
    transport: str = "udp",
    phase: str = "resolve",
    source: str = "",
) -> dns.message.Message:
    """The server's answer, whatever it says, from an address of this machine if `source` names one. `transport` is
    udp (then tcp if the answer was cut short), datagram (udp, cut short or not) or tcp.

    Raises TimedOut after `seconds` without an answer, NetError when the server cannot be reached.
    """
    where = f"the name server {server}"
    try:
        async with asyncio.timeout(seconds):
            if transport != "tcp":
                answer = await _by_udp(server, query, await datagrams(server, source, where, phase))
                if transport == "datagram" or not answer.flags & dns.flags.TC:
                    return answer
            opened = await connect_from(source, server, where, phase) if source else None
            return await _by_tcp(server, query, opened)
    except TimeoutError:
        raise TimedOut(f"{phase}: {where} did not answer within {seconds:.3g}s", phase) from None
    except OSError as error:
        raise from_os_error(error, where, phase) from error
    except (EOFError, dns.exception.DNSException, ValueError) as error:
        raise NetError(f"{phase}: {where} sent no valid DNS answer over TCP ({error})", phase) from error


async def _by_udp(server: Address, query: dns.message.Message, line: dict[str, Any]) -> dns.message.Message:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dns.message.Message] = loop.create_future()
    # A new socket for each question: its random source port is what makes a forged answer hard (RFC 5452).
    endpoint, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(query, answer), **line)
    try:
        endpoint.sendto(query.to_wire())
        return await answer
    finally:
        endpoint.close()


async def _by_tcp(server: Address, query: dns.message.Message, opened: socket.socket | None) -> dns.message.Message:
    if opened:
        reader, writer = await asyncio.open_connection(sock=opened)
    else:
        reader, writer = await asyncio.open_connection(*server)
    try:
        return await converse(query, writer.write, reader.readexactly)
    finally:
        writer.close()


async def converse(
    query: dns.message.Message, send: Callable[[bytes], None], exactly: Callable[[int], Awaitable[bytes]]
) -> dns.message.Message:
    """The question and its answer over a connection; `exactly` reads so many bytes of it.

    Raises DNSException or ValueError for what is no answer to this question.
    """
    wire = query.to_wire()
    send(_LENGTH.pack(len(wire)) + wire)
    (length,) = _LENGTH.unpack(await exactly(_LENGTH.size))
    message = dns.message.from_wire(await exactly(length), ignore_trailing=True)
    if not query.is_response(message):
        raise ValueError("an answer to another question")
    return message
