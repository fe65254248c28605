"""Asks a time server what time it is (SNTP, RFC 5905, 14), and works out how far our own clock is off."""

import asyncio
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from probes.base import Outcome
from probes.net.address import Address
from probes.net.errors import NetError, TimedOut, from_os_error
from probes.net.source import datagrams

_PACKET = struct.Struct("!BBbbII4sQQQQ")
_ASK, _ANSWERS = 0b00_100_011, 4  # version 4, mode 3 (client); mode 4 (server)
_EPOCH = 2_208_988_800  # 1900 to 1970
_ERA = 2**32
_UNSYNCHRONISED = 16
#: What a server says to whom it will not serve (RFC 5905, 7.4).
_KISSES = (b"DENY", b"RSTR", b"RATE")


class TurnedAway(NetError):
    """A kiss-o'-death packet: the server wants no more questions from us."""

    @property
    def outcome(self) -> Outcome:
        """BLOCKED."""
        return Outcome.BLOCKED


@dataclass(frozen=True, slots=True)
class Time:
    """What one server said. All in seconds: `offset` is by how much its clock is ahead of ours, `round_trip` how long
    the answer took, `distance` how wrong it may be in the worst case, the way to us included (RFC 5905, 11.2).
    """

    offset: float
    round_trip: float
    stratum: int
    distance: float


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the datagram that answers our question; anything else is somebody else's."""

    def __init__(self, cookie: int, answer: "asyncio.Future[tuple[bytes, float]]", clock: Callable[[], float]) -> None:
        self._cookie = cookie
        self._answer = answer
        self._clock = clock

    def datagram_received(self, data: bytes, addr: object) -> None:
        now = self._clock()
        if len(data) >= _PACKET.size and not self._answer.done():
            kind, origin = data[0] & 7, _PACKET.unpack_from(data)[8]
            if kind == _ANSWERS and origin == self._cookie:
                self._answer.set_result((data, now))

    def error_received(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


async def ask_time(
    server: Address, seconds: float, shown: str, clock: Callable[[], float] = time.time, source: str = ""
) -> Time:
    """One question to the server at an IP address. `shown` names it in errors, `clock` is our own wall clock, `source`
    the address of this machine to go out from, where it matters.

    Raises NetError, always ours: a silent or confused time server says nothing about our clock. TimedOut after
    `seconds`, TurnedAway when the server says so.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[bytes, float]] = loop.create_future()
    cookie = secrets.randbits(64)  # instead of our time: it tells nobody our clock, and nobody can forge the answer
    try:
        line = await datagrams(server, source, shown, "ask")
        endpoint, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(cookie, answer, clock), **line)
        try:
            sent = clock()
            endpoint.sendto(_PACKET.pack(_ASK, 0, 0, 0, 0, 0, b"", 0, 0, 0, cookie))
            async with asyncio.timeout(seconds):
                data, came = await answer
        finally:
            endpoint.close()
    except TimeoutError:
        raise TimedOut(f"ask: {shown} did not answer within {seconds:.3g}s", "ask", ours=True) from None
    except OSError as error:
        raise NetError(str(from_os_error(error, shown, "ask")), "ask", ours=True) from error
    return read_time(data, sent, came, shown)


def read_time(data: bytes, sent: float, came: float, shown: str) -> Time:
    """The answer. `sent` and `came` are our own clock's times of the question and the answer. Raises NetError."""
    head, stratum, _, _, root_delay, root_dispersion, name, _, _, received, left = _PACKET.unpack_from(data)
    if stratum == 0 and name in _KISSES:
        raise TurnedAway(f"ask: {shown} turned the probe away with {name.decode()} (kiss-o'-death)", "ask")
    if head >> 6 == 3 or not 0 < stratum < _UNSYNCHRONISED or not left:
        raise NetError(f"ask: {shown} says that its own clock is not synchronised", "ask", ours=True)
    arrived, departed = _wall(received, sent), _wall(left, sent)
    round_trip = max(0.0, (came - sent) - (departed - arrived))
    offset = ((arrived - sent) + (departed - came)) / 2
    distance = round_trip / 2 + root_delay / 2**17 + root_dispersion / 2**16
    return Time(offset, round_trip, stratum, distance)


def _wall(stamp: int, near: float) -> float:
    """An NTP time as seconds since 1970, in the era (they last 136 years) that is nearest to `near`."""
    seconds = stamp / _ERA - _EPOCH
    return seconds + round((near - seconds) / _ERA) * _ERA
