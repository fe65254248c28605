"""The one place where httpx is imported, so that its successor is a change of one line."""

from httpx import (
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncClient,
    ConnectError,
    ConnectTimeout,
    Cookies,
    Headers,
    InvalidURL,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    Request,
    Response,
    TransportError,
)

__all__ = [
    "AsyncBaseTransport",
    "AsyncByteStream",
    "AsyncClient",
    "ConnectError",
    "ConnectTimeout",
    "Cookies",
    "Headers",
    "InvalidURL",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "Request",
    "Response",
    "TransportError",
]
