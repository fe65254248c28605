"""A request and its answer, as plain data."""

import base64
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from probes.net.address import Url
from probes.net.certificate import TlsFacts
from probes.net.errors import NetError
from probes.net.phases import DECIMALS, Phases

#: Header names are lower case, values as they came; the order and repeats are kept.
Headers = list[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header; `name` is lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None


def content_length(headers: Headers) -> int:
    """The length that was announced, or -1; chunks, where they come, overrule it (RFC 9112, 6.3)."""
    length = header(headers, b"content-length") or b""
    if not length.isdigit() or len(length) > 19 or header(headers, b"transfer-encoding"):
        return -1
    return int(length)


def last_modified(headers: Headers) -> float | None:
    """The Last-Modified header as wall-clock seconds (UTC), or None."""
    value = header(headers, b"last-modified")
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def basic(user: str, password: str) -> bytes:
    """The value of a basic Authorization header (RFC 7617)."""
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


@dataclass(slots=True)
class Request:
    """What is asked. `headers` are sent as they are, after Host; Content-Length is added where there is a body."""

    url: Url
    method: str = "GET"
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=True)
class Answer:
    """What came back. `body` is as sent, still compressed; `version` is "1.0", "1.1" or "2"."""

    status: int = 0
    reason: str = ""
    version: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""


@dataclass(slots=True)
class Hop:
    """One request on the way through redirects: where it went, how long each leg took, what came."""

    url: Url
    phases: Phases = field(default_factory=Phases)
    ip: str = ""
    tls: TlsFacts | None = None
    answer: Answer | None = None
    error: NetError | None = None


@dataclass(slots=True)
class Trace:
    """All hops of one fetch, the last one being what the shopper got; filled while it runs, so a failure leaves
    what was measured until then.
    """

    hops: list[Hop] = field(default_factory=list)

    @property
    def last(self) -> Hop:
        """The newest hop."""
        return self.hops[-1]

    def seconds(self) -> dict[str, float]:
        """What each leg took, all hops together."""
        if len(self.hops) == 1:
            return self.hops[0].phases.seconds
        total: dict[str, float] = {}
        for hop in self.hops:
            for name, seconds in hop.phases.seconds.items():
                total[name] = round(total.get(name, 0.0) + seconds, DECIMALS)
        return total
