"""One ICMP echo: without privileges where the kernel lets us, else with a raw socket, else it says what to change."""

import asyncio
import os
import socket
import struct
import sys
from dataclasses import dataclass
from time import perf_counter

from probes.net.errors import NetError, TimedOut, from_os_error

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence (RFC 792, RFC 4443)
_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
#: Long enough that no late reply to an older echo is taken for ours.
_COOKIE = 16
_IP_RECVTTL = 12  # linux/in.h; Python's socket module does not name it
_ENOUGH = 65_536


@dataclass(frozen=True, slots=True)
class Echo:
    """A reply: seconds on the way and back, and the hops that it had left (TTL), None if the kernel did not say."""

    seconds: float
    hop_limit: int | None


async def ping(ip: str, seconds: float, *, size: int = 0, ttl: int = 0) -> Echo:
    """Send one echo with `size` bytes beside our own cookie, and wait for its reply.

    Raises TimedOut after `seconds`; NetError when the address is unreachable, or (ours) when we may not ping at all.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    cookie = os.urandom(_COOKIE) + b"\0" * size
    with _open(family) as line:
        _prepare(line, family, ttl)
        try:
            sent = perf_counter()
            line.sendto(_request(family, cookie), (ip, 0))
            async with asyncio.timeout(seconds):
                hop_limit = await _reply(line, family, cookie)
        except TimeoutError:
            raise TimedOut(f"echo: {ip} did not answer within {seconds:.3g}s", "echo") from None
        except OSError as error:
            raise from_os_error(error, ip, "echo") from error
        return Echo(perf_counter() - sent, hop_limit)


def _open(family: socket.AddressFamily) -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            line = socket.socket(family, kind | socket.SOCK_NONBLOCK, _PROTOCOL[family])
        except PermissionError:
            continue
        except OSError as error:
            raise from_os_error(error, "the network by ICMP", "echo") from error
        return line
    raise NetError(
        "echo: this process may not ping; allow its group by `sysctl net.ipv4.ping_group_range='0 2147483647'`,"
        " or give it CAP_NET_RAW",
        "echo",
        ours=True,
    )


def _prepare(line: socket.socket, family: socket.AddressFamily, ttl: int) -> None:
    """Ask the kernel for the hop limit of what comes, and set that of what goes."""
    if family == socket.AF_INET:
        line.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        if ttl:
            line.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        if ttl:
            line.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)


def _request(family: socket.AddressFamily, cookie: bytes) -> bytes:
    """The packet. Its checksum is ours to compute for IPv4; for IPv6 the kernel does, as it knows the addresses."""
    kind, identifier = _ECHO[family][0], os.getpid() & 0xFFFF
    packet = _HEADER.pack(kind, 0, 0, identifier, 1) + cookie
    checksum = _checksum(packet) if family == socket.AF_INET else 0
    return _HEADER.pack(kind, 0, checksum, identifier, 1) + cookie


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


async def _reply(line: socket.socket, family: socket.AddressFamily, cookie: bytes) -> int | None:
    """Wait for the reply with our cookie; everything else on the line is somebody else's."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(line, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            try:
                packet, ancillary, _, _ = line.recvmsg(_ENOUGH, 1024)
            except BlockingIOError:
                continue
            if line.type == socket.SOCK_RAW and family == socket.AF_INET:
                packet = packet[(packet[0] & 0x0F) * 4 :]  # a raw socket gives the IP header too
            if packet[:1] == bytes([_ECHO[family][1]]) and packet[_HEADER.size :] == cookie:
                return _hop_limit(ancillary)
    finally:
        loop.remove_reader(line)


def _hop_limit(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            return int.from_bytes(data[:4], sys.byteorder)
    return None
