"""Asks a gRPC server how it is: grpc.health.v1.Health/Check, one call over HTTP/2, by its few bytes of protobuf."""

from dataclasses import dataclass
from typing import Any

import h2.events
from h2.errors import ErrorCodes

from probes.net.address import Url
from probes.net.errors import NetError
from probes.net.http2 import Http2, Session
from probes.net.message import Headers, Request, header
from probes.net.resolver import Family, Resolver
from probes.net.tls import TlsSettings
from probes.net.visit import Visit

#: The phases of such a visit, in order.
LEGS = ("resolve", "connect", "tls", "check")
#: HealthCheckResponse.ServingStatus of grpc/health/v1/health.proto.
SERVING_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
SERVING = 1
#: Some of the codes of https://grpc.github.io/grpc/core/md_doc_statuscodes.html
OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 0, 1, 2, 4, 7, 8
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16
#: What an answer without gRPC means (doc/http-grpc-status-mapping.md of the gRPC project).
_OF_HTTP = {400: INTERNAL, 401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 404: UNIMPLEMENTED}
_OF_HTTP |= dict.fromkeys((429, 502, 503, 504), UNAVAILABLE)
#: What a stream that was given up means (doc/PROTOCOL-HTTP2.md, "Errors").
_OF_RESET: dict[int, int] = {
    ErrorCodes.REFUSED_STREAM: UNAVAILABLE,
    ErrorCodes.CANCEL: CANCELLED,
    ErrorCodes.FLOW_CONTROL_ERROR: RESOURCE_EXHAUSTED,
    ErrorCodes.ENHANCE_YOUR_CALM: RESOURCE_EXHAUSTED,
    ErrorCodes.INADEQUATE_SECURITY: PERMISSION_DENIED,
}
_PATH = "/grpc.health.v1.Health/Check"
_HEADERS = [(b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"user-agent", b"shopwatch")]
_MAX_MESSAGE = 4 * 1024 * 1024
_LONGEST_CODE = 9
_FRAME = 5  # bytes before a message: whether it is packed, and its length
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class GrpcError(NetError):
    """The call failed; `code` is gRPC's."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(f"check: {message}", "check")
        self.code = code


@dataclass(slots=True)
class Health:
    """What a server says of a service; `status` is a number of SERVING_STATUS, or one that it does not know."""

    status: int

    @property
    def name(self) -> str:
        """The status by its name."""
        return SERVING_STATUS.get(self.status, str(self.status))


class _Call(Http2):
    """Reads one answer with its trailers, which is where gRPC says how it went."""

    def __init__(self, where: str, session: Session) -> None:
        super().__init__(where, session, max_body=_MAX_MESSAGE)
        self.trailers: Headers = []
        self.code = UNAVAILABLE

    def feed(self, data: bytes) -> None:
        """More bytes of the connection. Without TLS nobody has agreed on HTTP/2: a web server answers as it can."""
        if data.startswith(b"HTTP/1"):
            self._fail("answered in HTTP/1, so that it speaks no gRPC here")
        else:
            super().feed(data)

    def _take(self, event: Any, now: float) -> None:
        if isinstance(event, h2.events.TrailersReceived):
            self.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        elif isinstance(event, h2.events.StreamReset):
            self.code = _OF_RESET.get(event.error_code, INTERNAL)
        super()._take(event, now)


async def check_health(
    visit: Visit, resolver: Resolver, family: Family, service: str, tls: TlsSettings | None
) -> Health:
    """How the server that is visited says that `service` is; an empty one means all of it. In TLS if `tls` says how.

    Raises GrpcError when it answers with anything else than OK, NetError when it cannot be asked.
    """
    wire = await visit.connect(resolver, family)
    if tls is not None:
        await visit.secure(tls, alpn=("h2",))
    visit.phases.enter("check")
    session = wire.session = Session(wire)
    call = _Call(str(visit.address), session)
    wire.attach(call)
    scheme = "http" if tls is None else "https"
    call.ask(Request(Url(f"{scheme}://{visit.address}{_PATH}"), "POST", _HEADERS, _framed(service)))
    try:
        await call.done
    except NetError as error:
        raise GrpcError(str(error).partition(": ")[2], call.code) from error
    return _read(call, str(visit.address))


def _framed(service: str) -> bytes:
    """HealthCheckRequest{service} as it is sent."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _read(call: _Call, where: str) -> Health:
    answer = call.answer
    kind = header(answer.headers, b"content-type") or b""
    if not kind.startswith(b"application/grpc"):
        message = f"{where} answered {answer.status} and no gRPC, but {kind.decode('latin-1')[:60] or 'nothing'}"
        raise GrpcError(message, _OF_HTTP.get(answer.status, UNKNOWN))
    told = call.trailers or answer.headers  # a refusal may come in one piece
    code = header(told, b"grpc-status") or b""
    if not code.isdigit() or len(code) > _LONGEST_CODE:
        raise GrpcError(f"{where} ended its answer without a grpc-status", INTERNAL)
    if int(code) != OK:
        why = (header(told, b"grpc-message") or b"").decode("latin-1")[:200]
        raise GrpcError(f"{where} answered with gRPC's code {int(code)} {why}".rstrip(), int(code))
    if not answer.body:
        raise GrpcError(f"{where} answered OK without a message", UNKNOWN)
    try:
        return Health(read_status(_message(answer.body, where)))
    except (ValueError, IndexError) as error:
        raise GrpcError(f"{where} sent what is no HealthCheckResponse: {error}", INTERNAL) from None


def _message(body: bytes, where: str) -> bytes:
    length = int.from_bytes(body[1:_FRAME], "big")
    if len(body) < _FRAME + length or len(body) < _FRAME:
        raise GrpcError(f"{where} sent {len(body)} bytes of a message and no more", INTERNAL)
    if body[0]:
        raise GrpcError(f"{where} sent a compressed message, which was not asked for", INTERNAL)
    return body[_FRAME : _FRAME + length]


def read_status(message: bytes) -> int:
    """The `status` of a HealthCheckResponse. Raises ValueError or IndexError for what is no protobuf."""
    status, place = 0, 0
    while place < len(message):
        key, place = _number(message, place)
        value, after = _number(message, place) if key & 7 in (_VARINT, _BYTES) else (0, place)
        sizes = {_VARINT: 0, _FIXED64: 8, _BYTES: value, _FIXED32: 4}
        if key & 7 not in sizes or not key >> 3:
            raise ValueError(f"a field of an unknown kind ({key})")
        place = after + sizes[key & 7]
        if place > len(message):
            raise ValueError("it ends too early")
        if key == 1 << 3 | _VARINT:
            status = value & 0xFFFFFFFF
            status -= (status >> 31) << 32
    return status


def _number(message: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
    raise ValueError("a number without end")
