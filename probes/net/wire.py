"""One connection to a server, plain or in TLS, with nothing between the socket and the one who reads."""

import asyncio
import ssl
from typing import Any, Protocol

from probes.net.certificate import TlsFacts, facts_of
from probes.net.errors import NetError
from probes.net.tls import TlsError, from_ssl_error

#: A TLS record holds no more (RFC 8446, 5.1), and OpenSSL gives one record at a time.
_READ = 16 * 1024
#: So many bytes are handed on in one turn of the loop, about; the rest waits for the next, so that no server, however
#: small the pieces that it sends, keeps timers and other looks from theirs.
_TURN = 32 * 1024


class Reader(Protocol):
    """What takes the bytes of a connection as they come."""

    def feed(self, data: bytes) -> None:
        """More bytes, decrypted."""

    def closed(self, error: Exception | None) -> None:
        """The other side is gone: in good order, or by this error. Called once."""


class _Early:
    """Keeps what comes before anybody reads."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.feed = self.data.append

    def closed(self, error: Exception | None) -> None:
        """Nothing to do: the wire itself remembers that it is lost."""


class Wire(asyncio.Protocol):
    """A connected socket. TLS runs in memory right here, so that each phase can be told apart to the microsecond
    and a conversation can turn to TLS in the middle (STARTTLS).
    """

    __slots__ = (
        "_behind",
        "_early",
        "_hold",
        "_incoming",
        "_outgoing",
        "_paused",
        "_reader",
        "_rest",
        "_shaking",
        "alpn",
        "error",
        "ip",
        "loop",
        "lost",
        "session",
        "tls",
        "transport",
    )

    def __init__(self) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, always first
        self.loop: asyncio.AbstractEventLoop = None  # type: ignore[assignment]  # set by `connect`
        self.ip = ""
        self.alpn = ""
        self.session: Any = None  # what a protocol keeps from one request to the next
        self.tls: ssl.SSLObject | None = None
        self.lost = False
        self.error: Exception | None = None
        self._shaking: asyncio.Future[None] | None = None
        self._early = _Early()
        self._reader: Reader = self._early
        self._behind = False  # something has come that this turn has no time for: of plain bytes, `_rest`
        self._rest = b""
        self._paused = False

    @property
    def is_quiet(self) -> bool:
        """Open, and nothing has come that nobody asked for."""
        return not self.lost and not self._early.data and not self._behind

    def attach(self, reader: Reader) -> None:
        """From now on `reader` gets what comes, beginning with what came before."""
        early, self._early.data = b"".join(self._early.data), []
        self._early.feed = self._early.data.append
        self._reader = reader
        if early:
            reader.feed(early)
        if self.lost:
            reader.closed(self.error)

    def detach(self) -> None:
        """Keep what comes until somebody reads again."""
        self._reader = self._early

    def write(self, data: bytes) -> None:
        """Send; a connection that is gone swallows it, and its reader has been told."""
        if self.tls is None:
            self.transport.write(data)
        else:
            self._hold = False
            self.tls.write(data)
            self.transport.write(self._outgoing.read())

    def pause(self) -> None:
        """Let the other side wait with more."""
        self._paused = True
        self.transport.pause_reading()

    def resume(self) -> None:
        """Let it go on."""
        self._paused = False
        if not self._behind:
            self.transport.resume_reading()

    def close(self) -> None:
        """Hang up, politely where that costs no waiting."""
        self._behind = False
        if self.tls is not None and not self.lost and self._shaking is None:
            try:
                self.tls.unwrap()
            except (ssl.SSLError, OSError):  # SSLWantRead: we do not wait for the other's goodbye
                self.transport.write(self._outgoing.read())
        self.transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._behind = False
        self.transport.abort()

    async def start_tls(self, context: ssl.SSLContext, host: str, *, hold: bool = False) -> TlsFacts:
        """Shake hands as a client of `host` (sent as SNI and checked). Raises TlsError, or NetError if cut off.

        `hold` keeps our last message of the handshake back until the first `write`: whoever speaks at once saves a
        packet, as browsers do.
        """
        self._hold = hold
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host or None)
        if self.lost:
            raise self._cut_off(host)
        self._incoming.write(b"".join(self._early.data))
        self._early.data.clear()
        shaking = self._shaking = self.loop.create_future()
        self._shake()
        try:
            await shaking
        except ssl.SSLError as error:
            raise from_ssl_error(error, host) from error
        except (OSError, EOFError):
            raise self._cut_off(host) from None
        finally:
            self._shaking = None
        facts = facts_of(self.tls)
        self.alpn = facts.alpn
        return facts

    def _cut_off(self, host: str) -> NetError:
        if isinstance(self.error, OSError):
            return NetError(f"tls: {host} reset the connection during the TLS handshake", "tls")
        return TlsError(f"tls: {host} closed the connection during the TLS handshake")

    def _shake(self) -> None:
        assert self.tls is not None
        assert self._shaking is not None
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.transport.write(self._outgoing.read())
        except (ssl.SSLError, ssl.CertificateError) as error:
            self.transport.write(self._outgoing.read())  # the alert that tells the server why
            if not self._shaking.done():
                self._shaking.set_exception(error)
        else:
            if not self._hold:
                self.transport.write(self._outgoing.read())
            if not self._shaking.done():
                self._shaking.set_result(None)
            self._shaking = None
            self._decrypt()

    def _decrypt(self) -> None:
        assert self.tls is not None
        later = max(self._incoming.pending - _TURN, 0)
        try:
            # Asking only while there is something: each SSLWantReadError costs microseconds.
            while self._incoming.pending > later or self.tls.pending():
                data = self.tls.read(_READ)
                if not data:  # TLS' own goodbye (close_notify), while TCP may stay open
                    self._hung_up(None)
                    break
                self._reader.feed(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._hung_up(error)
            self.transport.abort()
        if later and not self.lost:
            self._put_off()
        if self._outgoing.pending and not self._hold:
            self.transport.write(self._outgoing.read())

    def _put_off(self) -> None:
        """What is left has to wait for the next turn of the loop, and the other side with more of it."""
        self._behind = True
        self.transport.pause_reading()
        asyncio.get_running_loop().call_soon(self._catch_up)

    def _catch_up(self) -> None:
        if not self._behind:  # we have hung up
            return
        self._behind, rest, self._rest = False, self._rest, b""
        self.data_received(rest)
        if not self._behind and not self._paused:
            self.transport.resume_reading()

    def _hung_up(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost, self.error = True, error
            self._reader.closed(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: connected."""
        self.transport = transport  # type: ignore[assignment]  # TCP's is both ways, though uvloop's is no asyncio class

    def data_received(self, data: bytes) -> None:
        """asyncio: more bytes."""
        if self.tls is None:
            if len(data) > _TURN:
                data, self._rest = data[:_TURN], data[_TURN:]
                self._put_off()
            self._reader.feed(data)
            return
        self._incoming.write(data)
        if self._shaking is None:
            self._decrypt()
        elif not self._shaking.done():
            self._shake()

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio: the other side, or we, hung up."""
        if self._behind:  # what it said before is heard first
            asyncio.get_running_loop().call_soon(self.connection_lost, error)
            return
        shaking = self._shaking
        self._hung_up(error)
        if shaking is not None and not shaking.done():
            shaking.set_exception(error if isinstance(error, OSError) else EOFError())
