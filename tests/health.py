"""A gRPC health server of the tests' own: grpc.health.v1 over HTTP/2, well-behaved or not."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.sockets import Conversation

SERVING, NOT_SERVING, UNKNOWN = 1, 2, 0
_PATH = b"/grpc.health.v1.Health/Check"
Act = Callable[[h2.connection.H2Connection, int], None]


def health(services: Mapping[str, int], asked: list[dict[bytes, bytes]] | None = None) -> Conversation:
    """Answers with the status of each service; NOT_FOUND for others. `asked` gets the headers of each request."""

    def answer(connection: h2.connection.H2Connection, stream: int, headers: dict[bytes, bytes], body: bytes) -> None:
        if asked is not None:
            asked.append(headers)
        name = _name(body[5:])
        if headers[b":path"] != _PATH:
            trailers_only(12, "unknown method")(connection, stream)
        elif name not in services:
            trailers_only(5, "unknown service")(connection, stream)
        else:
            status(services[name])(connection, stream)

    return _speak(answer)


def _name(request: bytes) -> str:
    """The service of a HealthCheckRequest: behind the field's number and the length, whose last byte is below 128."""
    length = next((place for place in range(1, len(request)) if request[place] < 0x80), 0)
    return request[length + 1 :].decode() if request else ""


def acting(act: Act) -> Conversation:
    """Does the same whatever it is asked."""
    return _speak(lambda connection, stream, headers, body: act(connection, stream))


def status(value: int, code: int = 0) -> Act:
    """A good answer: the status, then the code in trailers."""
    message = bytes([8, value]) if value else b""
    return replied(b"\0" + len(message).to_bytes(4, "big") + message, code)


def replied(body: bytes, code: int = 0, http: int = 200, kind: str = "application/grpc") -> Act:
    """Any body, and a code in trailers."""

    def act(connection: h2.connection.H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", str(http)), ("content-type", kind)])
        connection.send_data(stream, body)
        connection.send_headers(stream, [("grpc-status", str(code))], end_stream=True)

    return act


def trailers_only(code: int, message: str) -> Act:
    """A refusal in one piece."""

    def act(connection: h2.connection.H2Connection, stream: int) -> None:
        headers = [(":status", "200"), ("content-type", "application/grpc")]
        refusal = [("grpc-status", str(code)), ("grpc-message", message)]
        connection.send_headers(stream, headers + refusal, end_stream=True)

    return act


def plain(http: int) -> Act:
    """A web server's answer, which is no gRPC."""

    def act(connection: h2.connection.H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", str(http)), ("content-type", "text/html")])
        connection.send_data(stream, b"<h1>Shop</h1>", end_stream=True)

    return act


def reset(connection: h2.connection.H2Connection, stream: int) -> None:
    """Gives the request up."""
    connection.reset_stream(stream, 8)


def nothing(connection: h2.connection.H2Connection, stream: int) -> None:
    """Says nothing."""


def over_h2(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same server, which offers HTTP/2."""
    context.set_alpn_protocols(["h2"])
    return context


def _speak(answer: Callable[[h2.connection.H2Connection, int, dict[bytes, bytes], bytes], None]) -> Conversation:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(h2.exceptions.ProtocolError):  # who does not speak HTTP/2 is hung up on
            await serve(reader, writer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        connection.initiate_connection()
        headers: dict[int, dict[bytes, bytes]] = {}
        bodies: dict[int, bytes] = {}
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers[event.stream_id], bodies[event.stream_id] = dict(event.headers), b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    answer(connection, event.stream_id, headers[event.stream_id], bodies[event.stream_id])
            writer.write(connection.data_to_send())
            await writer.drain()

    return talk
