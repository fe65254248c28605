"""What an http probe is told: one request, and what a good answer to it looks like."""

from typing import Literal

from pydantic import Field, field_validator

from probes.expect import Expect, Failure
from probes.net.address import Url
from probes.net.auth import AuthSettings
from probes.net.decode import ACCEPT_ENCODING
from probes.net.families import FamiliesSettings
from probes.net.http import MAX_BODY
from probes.net.message import Headers, Trace
from probes.net.proxy import ProxySettings
from probes.net.reach import Degraded
from probes.net.tls import DEFAULT_TLS, TlsSettings, Version
from probes.units import Size


class HttpExpect(Expect):
    """What a good answer looks like, and the way to it: at least this version of `tls`; this `http` version; so many
    `redirects`; the `url` at which they end (its query counts only if it is written).
    """

    tls: Version | None = None
    http: Literal["1.0", "1.1", "2"] | None = None
    redirects: int | None = Field(default=None, ge=0)
    url: Url | None = None

    def judge_way(self, trace: Trace) -> list[Failure]:
        """How the way to the answer falls short."""
        hop, failures = trace.last, []
        if self.tls and (hop.tls is None or hop.tls.version.removeprefix("TLS ") < self.tls):
            came = hop.tls.version if hop.tls else "no TLS"
            failures.append(Failure("tls", f"tls: expected TLS {self.tls} at least from {hop.url.shown}, got {came}"))
        if self.http and hop.answer and hop.answer.version != self.http:
            came = hop.answer.version
            failures.append(Failure("http", f"http: expected HTTP/{self.http} from {hop.url.shown}, got HTTP/{came}"))
        followed = len(trace.hops) - 1
        if self.redirects is not None and followed != self.redirects:
            way = " → ".join(one.url.shown for one in trace.hops)
            failures.append(Failure("redirects", f"redirects: expected {self.redirects}, followed {followed}: {way}"))
        if self.url and (hop.url != self.url if "?" in self.url.target else hop.url.shown != self.url.shown):
            message = f"url: expected to end at {self.url.shown}, ended at {hop.url.shown}"
            failures.append(Failure("url", message))
        return failures


class HttpSettings(FamiliesSettings):
    """One request: `url`, and what of `method`, `headers`, `body`, `auth`, `tls` differs from a plain GET.

    `redirects` is how many are followed (0: none, and the redirect itself is judged). `expect` says what a good
    answer is, by default any 2xx. `http2` is spoken where the server offers it. `reuse` keeps the connection between
    looks. `max_body` bounds the body, packed and unpacked. `compression: false` asks for the body as it is.
    Proxies are used only when `proxy` says so; variables such as HTTP_PROXY are not looked at.
    """

    type: Literal["http"] = "http"
    url: Url
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: dict[str, str] = Field(default_factory=dict)
    body: str = ""
    auth: AuthSettings | None = None
    tls: TlsSettings = DEFAULT_TLS
    proxy: ProxySettings | None = None
    http2: bool = False
    redirects: int = Field(default=10, ge=0, le=50)
    reuse: bool = False
    compression: bool = True
    max_body: Size = MAX_BODY
    user_agent: str = "shopwatch"
    expect: HttpExpect = HttpExpect()
    degraded: Degraded | None = None

    @field_validator("headers")
    @classmethod
    def _fit_for_the_wire(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not name or not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"{name!r} is not a header name")
            if "\r" in value or "\n" in value or "\0" in value:
                raise ValueError(f"the value of header {name} holds a line break")
        return headers

    def request_headers(self) -> Headers:
        """What is sent with every request, without credentials."""
        usual = {"User-Agent": self.user_agent, "Accept": "*/*"}
        given = {name.lower() for name in self.headers}
        headers = [(name, value) for name, value in usual.items() if name.lower() not in given]
        headers += self.headers.items()
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        if self.compression and "accept-encoding" not in given:
            encoded.append((b"Accept-Encoding", ACCEPT_ENCODING))
        return encoded
