"""The measuring transport under an ordinary httpx client: what journeys walk on."""

from probes.net.address import Url
from probes.net.client import (
    AsyncBaseTransport,
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    Request,
    Response,
    TransportError,
)
from probes.net.decode import decode
from probes.net.errors import NetError, TimedOut
from probes.net.http import Http
from probes.net.message import Request as Asked
from probes.net.message import Trace, header

_BEFORE_REQUEST = ("resolve", "connect", "tls")
#: True of the body as it was sent, and no more of the one that is handed on.
_OF_TRANSFER = (b"content-encoding", b"content-length", b"transfer-encoding")


class MeasuringTransport(AsyncBaseTransport):
    """An httpx transport whose every response carries how it came about, in `response.extensions`:

    `phases` (Phases: `.seconds` by leg), `ip`, `tls` (TlsFacts or None), `hop` (all of it), `encoded_length` (bytes
    of the body as sent). httpx follows redirects itself, so each response is one hop.

    `deadline` is a time of the running loop's clock, for all requests until it is set anew; a request may have an
    earlier one in `extensions={"deadline": …}`. httpx' own timeouts are per read, never end a dripping body, and are
    ignored. Bodies come whole, unpacked and bounded; the response then has no Content-Encoding.

    Raises httpx' ConnectError, ConnectTimeout, ReadError or ReadTimeout, whose `__cause__` is the NetError (its
    `phase`, `outcome`), and whose `request.extensions["hop"]` has what was measured until then.
    """

    def __init__(self, http: Http | None = None, *, deadline: float = float("inf")) -> None:
        self.http = http or Http(reuse=True)
        self.deadline = deadline

    async def handle_async_request(self, request: Request) -> Response:
        """One request, answered whole."""
        trace = Trace()
        url = Url(str(request.url.copy_with(username=None, password=None, fragment=None)))
        asked = Asked(url, request.method, list(request.headers.raw), await request.aread())
        try:
            answer = await self.http.fetch(asked, trace, self._deadline(request), redirects=0)
            hop = request.extensions["hop"] = trace.last
            body = decode(
                answer.body, header(answer.headers, b"content-encoding"), self.http.max_body, hop.url.authority
            )
        except NetError as error:
            request.extensions["hop"] = trace.last
            raise _as_httpx(error, request) from error
        return Response(
            answer.status,
            headers=[pair for pair in answer.headers if pair[0] not in _OF_TRANSFER],
            content=body,
            request=request,
            extensions={
                "http_version": f"HTTP/{answer.version}".encode(),
                "reason_phrase": answer.reason.encode("latin-1", "replace"),
                "hop": hop,
                "phases": hop.phases,
                "ip": hop.ip,
                "tls": hop.tls,
                "encoded_length": len(answer.body),
            },
        )

    def _deadline(self, request: Request) -> float:
        return min(self.deadline, float(request.extensions.get("deadline", self.deadline)))

    async def aclose(self) -> None:
        """Hang up what is kept open."""
        self.http.close()


def _as_httpx(error: NetError, request: Request) -> TransportError:
    late = isinstance(error, TimedOut)
    if error.phase in _BEFORE_REQUEST:
        kind: type[TransportError] = ConnectTimeout if late else ConnectError
    else:
        kind = ReadTimeout if late else ReadError
    return kind(str(error), request=request)
