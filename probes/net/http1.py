"""HTTP/1.1 on a wire: a request written in one go, its answer read within bounds."""

import asyncio
import ssl
from time import perf_counter
from typing import Any

import httptools

from probes.net.errors import NetError
from probes.net.lengths import one_length
from probes.net.message import Answer, Request, header
from probes.net.tls import from_ssl_error

#: An answer's status line and headers together may have so many bytes; browsers stop at about as many.
MAX_HEAD = 256 * 1024
#: So many answers "not yet" (100 Continue, 103 Early Hints) before the real one.
_MAX_INFORMATIONAL = 20
_SHOWN = 60
_WITHOUT_BODY = (204, 304)


def encode(request: Request, *, reuse: bool, target: str | None = None) -> bytes:
    """The request as bytes. `target` replaces the path where a proxy is asked."""
    lines = [
        f"{request.method} {target or request.url.target} HTTP/1.1\r\nHost: {request.url.authority}\r\n".encode("ascii")
    ]
    names = set()
    for name, value in request.headers:
        lower = name.lower()
        if lower == b"host":
            lines[0] = lines[0].partition(b"\r\n")[0] + b"\r\nHost: " + value + b"\r\n"
            continue
        names.add(lower)
        lines += (name, b": ", value, b"\r\n")
    if (request.body or request.method in ("POST", "PUT", "PATCH")) and b"content-length" not in names:
        lines.append(b"Content-Length: %d\r\n" % len(request.body))
    if not reuse and b"connection" not in names:
        lines.append(b"Connection: close\r\n")
    lines += (b"\r\n", request.body)
    return b"".join(lines)


class Http1:
    """Reads one answer from a wire. `done` ends with None or a NetError; `first_byte` is on `time.perf_counter`.

    The names on_… are those that httptools calls.
    """

    __slots__ = (
        "_body",
        "_came",
        "_head_only",
        "_head_size",
        "_in_head",
        "_informational",
        "_max_body",
        "_parser",
        "_size",
        "_stumbled",
        "_where",
        "answer",
        "done",
        "first_byte",
        "keep_alive",
    )

    def __init__(self, where: str, done: asyncio.Future[None], *, head_only: bool, max_body: int) -> None:
        self.answer = Answer()
        self.done = done
        self.first_byte = 0.0
        self.keep_alive = False
        self._where = where
        self._head_only = head_only
        self._max_body = max_body
        self._parser = self._new_parser()
        self._body: list[bytes] = []
        self._size = 0
        self._in_head = True
        self._head_size = 0
        self._came: list[bytes] = []  # with the head, and perhaps a little of the body
        self._stumbled = False
        self._informational = 0

    def _new_parser(self) -> Any:
        parser = httptools.HttpResponseParser(self)
        # As lenient as browsers: what shoppers can read must not look down to us.
        parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_chunked_length=True,
            lenient_spaces_after_chunk_size=True,
        )
        return parser

    @property
    def began(self) -> bool:
        """Whether anything of an answer has come."""
        return self.first_byte != 0.0

    def feed(self, data: bytes) -> None:
        """More bytes of the connection."""
        if self.done.done():
            self.keep_alive = False  # bytes after the answer: this connection cannot be trusted any more
            return
        if self._in_head:
            self._came.append(data)
            self._head_size += len(data)
        if self._stumbled and self._in_head:
            self._read_anew()
        else:
            self._parse(data)
        if self._in_head and self._head_size > MAX_HEAD:
            self._fail(f"sent more than {MAX_HEAD // 1024} KiB of headers without end")

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish()
        except httptools.HttpParserError as error:
            if self.done.done():
                return
            if self._in_head and not self._stumbled and "Content-Length" in str(error):
                self._stumbled = True
                self._read_anew()
            else:
                self._fail(f"sent what is not HTTP: {self._detail(error)}")

    def _read_anew(self) -> None:
        """From the start, once the head is whole: what made the parser stumble may be the same length said twice."""
        self._came = [b"".join(self._came)]
        data = one_length(self._came[0])
        if data is not None:
            self._parser = self._new_parser()
            self._parse(data)

    def closed(self, error: Exception | None) -> None:
        """The connection has ended; that may be how the answer ends."""
        if self.done.done():
            self.keep_alive = False
        elif isinstance(error, ssl.SSLError):  # in TLS 1.3 a server refuses our certificate only after the handshake
            self.done.set_exception(from_ssl_error(error, self._where))
        elif not self.began:
            self._fail("reset the connection" if error else "closed the connection", " without answering")
        elif self._in_head:
            self._fail("closed the connection in the middle of the headers")
        elif error is None and self._until_close:
            self._finish()
        else:
            self._cut_short(error)

    def _cut_short(self, error: Exception | None) -> None:
        length = header(self.answer.headers, b"content-length")
        of = f" of {length.decode('latin-1')}" if length else ""
        verb = "reset" if error else "closed"
        self._fail(f"{verb} the connection after {self._size}{of} bytes of the body")

    @property
    def _until_close(self) -> bool:
        """Without a length the body ends with the connection (RFC 9112, 6.3)."""
        headers = self.answer.headers
        return header(headers, b"content-length") is None and header(headers, b"transfer-encoding") is None

    def on_message_begin(self) -> None:
        """The first byte of an answer, informational ones included: the real one comes last."""
        if self.done.done():
            return
        self.first_byte = perf_counter()
        self.answer = Answer()

    def on_status(self, status: bytes) -> None:
        """The reason phrase, or a part of it."""
        if not self.done.done():
            self.answer.reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if self._in_head:  # trailers after a chunked body are nobody's headers
            self.answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self.done.done():
            return
        answer = self.answer
        answer.status = self._parser.get_status_code()
        answer.version = self._parser.get_http_version()
        if 100 <= answer.status < 200 and answer.status != 101:
            return
        self._in_head = False
        self.keep_alive = self._parser.should_keep_alive()
        if self._head_only or answer.status in _WITHOUT_BODY:
            self._finish()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, without its chunk marks."""
        if self.done.done():
            return
        self._size += len(body)
        self._body.append(body)
        if self._size > self._max_body:
            self._fail(f"sent a body of more than {self._max_body} bytes (the limit, max_body)")

    def on_message_complete(self) -> None:
        """The answer, or an informational one before it, has ended."""
        if self.done.done():
            return
        if not self._in_head:
            self._finish()
            return
        self._informational += 1
        self.first_byte = 0.0  # that was not the answer yet
        if self._informational > _MAX_INFORMATIONAL:
            self._fail(f"sent more than {_MAX_INFORMATIONAL} informational answers (1xx) and no real one")

    def stop(self) -> None:
        """Read no more: what came until now is in `answer`."""
        self.answer.body = b"".join(self._body)

    def _finish(self) -> None:
        self.stop()
        if not self.done.done():
            self.done.set_result(None)

    def _detail(self, error: Exception) -> str:
        """How it begins, if it is no HTTP from the start; else what the parser stumbled over."""
        start = b"".join(self._came)[:_SHOWN]
        if not start.startswith(b"HTTP/"):
            return repr(start.decode("utf-8", "replace"))
        return str(error) or "no parseable answer"

    def _fail(self, what: str, how: str = "") -> None:
        phase = "transfer" if self.began else "processing"
        self.stop()
        if not self.done.done():
            self.done.set_exception(NetError(f"{phase}: {self._where} {what}{how}", phase))
