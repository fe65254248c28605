"""HTTP/2 on a wire, one request at a time, measured like HTTP/1.1."""

import asyncio
from time import perf_counter
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from h2.settings import SettingCodes

from probes.net.errors import NetError
from probes.net.http1 import MAX_HEAD
from probes.net.message import Answer, Request
from probes.net.wire import Wire

#: Headers that belong to one connection and have no place in HTTP/2 (RFC 9113, 8.2.2).
_OF_CONNECTION = (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"host")
#: Nothing is pushed to us, and headers have the same bound as in HTTP/1.1.
_SETTINGS = {SettingCodes.ENABLE_PUSH: 0, SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD}
_CONFIG = h2.config.H2Configuration(client_side=True, header_encoding=None, validate_inbound_headers=True)
#: So many frames that bring an answer no further are borne with while we wait for it: an upload of 10 MiB may be
#: acknowledged with some thousand.
_MOST_CONTROL_FRAMES = 10_000
_DATA = 0  # RFC 9113's type of such a frame


class _Flooded(h2.exceptions.DenialOfServiceError):
    """More control frames than anybody needs."""


class _Connection(h2.connection.H2Connection):
    """h2's state of a connection, with two things that h2 has no settings for: an end to control frames, and a
    GOAWAY after which the answers that are under way still come (RFC 9113, 6.8; python-hyper/h2#1181).
    """

    patience = _MOST_CONTROL_FRAMES

    def _receive_frame(self, frame: Any) -> Any:
        if frame.type != _DATA or not frame.data:
            self.patience -= 1
            if self.patience < 0:
                raise _Flooded
        return super()._receive_frame(frame)

    def _receive_goaway_frame(self, frame: Any) -> Any:
        farewell = h2.events.ConnectionTerminated()
        farewell.error_code, farewell.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [farewell]


class Session:
    """The state of one HTTP/2 connection, which outlives its requests."""

    def __init__(self, wire: Wire) -> None:
        self.h2: Any = _Connection(_CONFIG)
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values=_SETTINGS)
        self.h2.initiate_connection()
        self.ended = False
        self._wire = wire
        self.flush()

    def flush(self) -> None:
        """Send what there is to send."""
        data = self.h2.data_to_send()
        if data:
            self._wire.write(data)


class Http2:
    """Reads one answer. The same shape as Http1: `done`, `answer`, `first_byte`, `began`, `keep_alive`, `stop`."""

    def __init__(self, where: str, session: Session, *, max_body: int) -> None:
        self.answer = Answer(version="2")
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first_byte = 0.0
        self.keep_alive = True
        self._where = where
        self._session = session
        self._max_body = max_body
        self._stream = 0
        self._body: list[bytes] = []
        self._size = 0
        self._unsent = b""
        self._has_failed = False

    @property
    def began(self) -> bool:
        """Whether anything of an answer has come."""
        return self.first_byte != 0.0

    def ask(self, request: Request) -> None:
        """Send the request; its body as fast as the server's window allows."""
        url, connection = request.url, self._session.h2
        authority = next((value for name, value in request.headers if name.lower() == b"host"), url.authority.encode())
        headers = [
            (b":method", request.method.encode()),
            (b":scheme", url.scheme.encode()),
            (b":authority", authority),
            (b":path", url.target.encode()),
        ]
        headers += [(n.lower(), v) for n, v in request.headers if n.lower() not in _OF_CONNECTION]
        self._stream = connection.get_next_available_stream_id()
        self._unsent = request.body
        connection.patience = _MOST_CONTROL_FRAMES
        connection.send_headers(self._stream, headers, end_stream=not request.body)
        self._send_body()
        self._session.flush()

    def _send_body(self) -> None:
        connection = self._session.h2
        while self._unsent:
            room = min(connection.local_flow_control_window(self._stream), connection.max_outbound_frame_size)
            if room <= 0:
                return
            piece, self._unsent = self._unsent[:room], self._unsent[room:]
            connection.send_data(self._stream, piece, end_stream=not self._unsent)

    def feed(self, data: bytes) -> None:
        """More bytes of the connection."""
        if self._has_failed:
            return
        now = perf_counter()
        if data.startswith(b"HTTP/1"):  # h2 would take it for the length of a frame, and wait for the rest
            self._fail("agreed on HTTP/2 and answered in HTTP/1")
            return
        try:
            for event in self._session.h2.receive_data(data):
                self._take(event, now)
            if self._unsent:
                self._send_body()
        except _Flooded:
            what = "no whole answer" if self.began else "no answer"
            self._fail(f"sent more than {_MOST_CONTROL_FRAMES} control frames and {what}")
        except h2.exceptions.ProtocolError as error:
            self.keep_alive = False
            self._fail(f"broke the rules of HTTP/2: {error}")
        self._session.flush()

    def _take(self, event: Any, now: float) -> None:
        match event:
            case h2.events.ConnectionTerminated(last_stream_id=last):
                self.keep_alive, self._session.ended = False, True
                if event.error_code or (last or 0) < self._stream:
                    self._fail(f"ended the HTTP/2 connection: {_name(event.error_code)}")
            case h2.events.ResponseReceived(stream_id=self._stream):
                self.first_byte = now
                self._head(event.headers)
            case h2.events.DataReceived(stream_id=self._stream):
                self._data(event)
            case h2.events.StreamEnded(stream_id=self._stream):
                self.stop()
                if not self.done.done():
                    self.done.set_result(None)
            case h2.events.StreamReset(stream_id=self._stream):
                self._fail(f"gave the request up: {_name(event.error_code)}")

    def _head(self, headers: list[tuple[bytes, bytes]]) -> None:
        for name, value in headers:
            if name == b":status":
                self.answer.status = int(value)
            else:
                self.answer.headers.append((bytes(name), bytes(value)))
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
            self._fail(f"sent more than {MAX_HEAD // 1024} KiB of headers")

    def _data(self, event: Any) -> None:
        self._size += len(event.data)
        self._body.append(event.data)
        if self._size > self._max_body:
            self._fail(f"sent a body of more than {self._max_body} bytes (the limit, max_body)")
        elif event.flow_controlled_length:
            self._session.h2.acknowledge_received_data(event.flow_controlled_length, self._stream)

    def closed(self, error: Exception | None) -> None:
        """The connection has ended."""
        verb = "reset" if error else "closed"
        how = f"after {self._size} bytes of the body" if self.began else "without answering"
        self._fail(f"{verb} the connection {how}")

    def stop(self) -> None:
        """Read no more: what came until now is in `answer`."""
        self.answer.body = b"".join(self._body)

    def _fail(self, what: str) -> None:
        phase = "transfer" if self.began else "processing"
        self.keep_alive, self._has_failed = False, True
        if not self.done.done():
            self.stop()
            self.done.set_exception(NetError(f"{phase}: {self._where} {what}", phase))


def _name(code: Any) -> str:
    """RFC 9113's name of an error code."""
    try:
        return h2.errors.ErrorCodes(code).name
    except ValueError:
        return f"error {code}"
