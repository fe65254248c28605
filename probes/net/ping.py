"""Echo requests and their replies (RFC 792, RFC 4443), over the kind of socket that this machine lets us have."""

import asyncio
import os
import secrets
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

from probes.net.errors import NetError, from_os_error
from probes.net.source import bind, family_of

_HEAD = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_REQUEST, _REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
_TOKEN = 8  # bytes at the start of what is echoed, by which we know our own
_SO_TIMESTAMPNS, _TIMESPEC = 35, struct.Struct("@qq")  # linux/socket.h: when the kernel got the packet
_IP_RECVTTL, _IP_RECVERR, _IPV6_RECVERR = 12, 11, 25  # linux/in.h, linux/in6.h
_READ = 65536


@dataclass(slots=True)
class Echoes:
    """What came of a volley: for each request its round-trip time in seconds, or None while it is unanswered."""

    seconds: list[float | None] = field(default_factory=list)
    hop_limit: int | None = None
    error: OSError | None = None

    @property
    def answered(self) -> list[float]:
        """The round-trip times of those that were answered."""
        return [one for one in self.seconds if one is not None]


def open_socket(ip: str, host: str, source: str = "") -> socket.socket:
    """A socket for echoes to one address: unprivileged if this machine allows it, else a raw one if we may.

    `source` is the address of this machine to go out from, where it matters. Raises NetError, ours, with what has to be
    done when neither is allowed, or when `source` cannot be had.
    """
    family = family_of(ip)
    protocol = socket.getprotobyname("ipv6-icmp" if ":" in ip else "icmp")
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
        except PermissionError:
            continue
        except OSError as error:
            raise from_os_error(error, host, "setup") from error
        try:
            _prepare(opened, family)
            if source:
                bind(opened, source, ip, host, "setup")
            opened.connect((ip, 0))
        except OSError as error:
            opened.close()
            raise from_os_error(error, host, "setup") from error
        except NetError:
            opened.close()
            raise
        return opened
    group = os.getegid()
    raise NetError(
        "setup: this machine lets us send no pings; as root, either allow our group to"
        f' (sysctl -w net.ipv4.ping_group_range="{group} {group}"), or give Shopwatch the capability'
        " (AmbientCapabilities=CAP_NET_RAW in its systemd unit, --cap-add NET_RAW for a container)",
        "setup",
        ours=True,
    )


def _prepare(opened: socket.socket, family: int) -> None:
    """Ask for what comes beside each reply: the hop limit, the kernel's time, the errors of routers on the way."""
    with suppress(OSError):  # without it we take our own time
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)


class Volley:
    """Some requests over one socket, and the replies as they come."""

    def __init__(self, opened: socket.socket, size: int) -> None:
        """`size` is how many bytes each request carries, eight at least."""
        self.echoes = Echoes()
        self._socket = opened
        self._version = 6 if opened.family == socket.AF_INET6 else 4
        self._is_raw = opened.type == socket.SOCK_RAW
        self._identifier = secrets.randbits(16)
        self._token = secrets.token_bytes(_TOKEN)
        self._payload = self._token + bytes(max(0, size - _TOKEN))
        self._sent: list[tuple[float, float]] = []  # monotonic, wall clock
        self._done = asyncio.Event()

    async def fire(self, count: int, gap: float) -> None:
        """Send `count` requests, `gap` seconds apart, and wait for their replies. The caller sets the deadline."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._receive)
        try:
            for number in range(count):
                if number:
                    await asyncio.sleep(gap)
                self._send(number)
            while None in self.echoes.seconds:
                self._done.clear()
                await self._done.wait()
        finally:
            loop.remove_reader(self._socket)

    def _send(self, number: int) -> None:
        self.echoes.seconds.append(None)
        kind = _REQUEST[self._version]
        body = _HEAD.pack(kind, 0, 0, self._identifier, number) + self._payload
        checksum = _checksum(body) if self._version == 4 else 0  # of ICMPv6 the kernel makes it
        self._sent.append((time.perf_counter(), time.time()))
        try:
            self._socket.send(_HEAD.pack(kind, 0, checksum, self._identifier, number) + self._payload)
        except OSError as error:
            self.echoes.error = error

    def _receive(self) -> None:
        while True:
            try:
                data, beside, _, _ = self._socket.recvmsg(_READ, 256)
            except BlockingIOError:
                return
            except OSError as error:  # a router on the way, or the host, says that it cannot be reached
                self.echoes.error = error
                with suppress(OSError):
                    self._socket.recvmsg(_READ, 1024, socket.MSG_ERRQUEUE)
                continue
            self._take(data, beside, time.perf_counter())

    def _take(self, data: bytes, beside: list[tuple[int, int, bytes]], now: float) -> None:
        if self._is_raw and self._version == 4 and data:
            data = data[(data[0] & 15) * 4 :]  # behind the IP header
        if len(data) < _HEAD.size:
            return
        kind, _, _, identifier, number = _HEAD.unpack_from(data)
        ours = data[_HEAD.size : _HEAD.size + _TOKEN] == self._token
        ours = ours and (identifier == self._identifier or not self._is_raw)  # the kernel chose an unprivileged one's
        if kind != _REPLY[self._version] or not ours or number >= len(self._sent):
            return
        if self.echoes.seconds[number] is None:
            self.echoes.seconds[number] = self._took(number, beside, now)
            self._done.set()

    def _took(self, number: int, beside: list[tuple[int, int, bytes]], now: float) -> float:
        sent, sent_wall = self._sent[number]
        took = now - sent
        for level, kind, value in beside:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
                seconds, nanos = _TIMESPEC.unpack_from(value)
                by_kernel = seconds + nanos / 1e9 - sent_wall
                took = by_kernel if 0 < by_kernel < took else took  # unless the clock was stepped meanwhile
            elif level in (socket.IPPROTO_IP, socket.IPPROTO_IPV6) and len(value) >= 4:
                self.echoes.hop_limit = int.from_bytes(value[:4], sys.byteorder)
        return took


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
