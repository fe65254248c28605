"""Opens a WebSocket as a browser does (live stock, chat, order status): handshake, ping, and a message if asked."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import Address, Url
from probes.net.auth import Authorization, AuthSettings
from probes.net.certificate import TLS_METRICS
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.message import Headers
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before
from probes.net.stream import Stream
from probes.net.tls import DEFAULT_TLS, TlsSettings, prepare
from probes.net.visit import Visit
from probes.net.websocket import WebSocket
from probes.page import Page
from probes.pattern import Regex, regex
from probes.settings import SecretUnreadable, Settings
from probes.turned_away import turned_away
from probes.units import Interval, format_duration

_LEGS = ("resolve", "connect", "tls", "handshake", "ping", "message")
_SCHEMES = {"ws": "http", "wss": "https"}
_SHOWN = 200


def _url(value: Any) -> Any:
    scheme, colon, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not colon:
        return value
    if scheme not in _SCHEMES:
        raise ValueError(f"{value!r} is not a WebSocket's URL; it must begin with ws:// or wss://")
    return _SCHEMES[scheme] + colon + rest


class WebsocketExpect(Settings):
    """What a good server does; everything given must hold."""

    message: Regex | None = Field(default=None, description="What a text message must match; others are skipped (RE2).")
    within: Interval | None = Field(default=None, description="A look that takes longer than this is down.")


class WebsocketSettings(NetworkSettings):
    """Where the WebSocket is, what to say there, and what to hear."""

    type: Literal["websocket"] = "websocket"
    url: Annotated[Url, BeforeValidator(_url, json_schema_input_type=str)] = Field(description="ws://… or wss://…")
    headers: dict[str, str] = Field(default_factory=dict, description="More headers of the handshake, such as Origin.")
    protocols: tuple[str, ...] = Field(
        default=(), description="Subprotocols to offer; the server must take one of them."
    )
    auth: AuthSettings | None = None
    tls: TlsSettings = DEFAULT_TLS
    ping: bool = Field(default=True, description="Send a ping, and wait for its pong.")
    send: str | None = Field(default=None, description="A text message to send.")
    expect: WebsocketExpect = WebsocketExpect()
    degraded: Degraded | None = None

    @field_validator("headers")
    @classmethod
    def _fit_for_the_wire(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"{name!r} is not a header name")
            if set(value) & {"\r", "\n", "\0"}:
                raise ValueError(f"the value of header {name} holds a line break")
        return headers


class _Blocked(NetError):
    """A rate limiter or firewall answered instead of the server."""

    @property
    def outcome(self) -> Outcome:
        """BLOCKED."""
        return Outcome.BLOCKED


class WebsocketProbe(Probe[WebsocketSettings]):
    """One connection: upgrade, ping and pong, a message and its answer where asked, goodbye.

    Up: all of it went well. Degraded: so, but slower than `degraded.after`. Down: refused, reset, silent, no upgrade, a
    broken frame, closed by the server, no message as expected. Blocked: a rate limiter or a recognised firewall
    answered. Unknown: we had no route, no descriptor, no name server, no token, no readable secret.
    """

    settings_model = WebsocketSettings
    metrics = (
        Metric("probe_websocket_duration_seconds", "gauge", "How long each phase took."),
        Metric("probe_websocket_status_code", "gauge", "The status that answered the handshake; 101 is the good one."),
        Metric("probe_failed_due_to_regex", "gauge", "1 if no message was as expected."),
        *REACH_METRICS,
        *TLS_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        settings = self.settings
        self._resolver = settings.make_resolver()
        self._http = Http(resolver=self._resolver, family=settings.ip, tls=settings.tls)
        self._authorization = Authorization(settings.auth, self._http) if settings.auth else None
        self._where = settings.url.shown.replace("http", "ws", 1)
        if settings.url.scheme == "https":
            prepare(settings.tls)

    async def close(self) -> None:
        """Hang up what fetched tokens."""
        self._http.close()

    async def check(self, run: Run) -> Finding:
        """Open it once."""
        url, heard, statuses = self.settings.url, list[str](), list[int]()
        visit, deadline = Visit(Address(url.host, url.port), _LEGS), before(run)
        try:
            headers = await self._headers(deadline)
        except SecretUnreadable as unreadable:
            return Finding(Outcome.UNKNOWN, f"auth: {unreadable}")
        except NetError as untold:
            return Finding(untold.outcome, str(untold))
        error = await visit.pay(deadline, self._talk(visit, headers, statuses, heard))
        samples = visit.samples("probe_websocket_duration_seconds")
        samples += [Sample("probe_websocket_status_code", float(status)) for status in statuses]
        if self.settings.expect.message:
            failed = bool(error and error.phase == "message")
            samples.append(Sample("probe_failed_due_to_regex", float(failed)))
        outcome, reason = (error.outcome, str(error)) if error else self._verdict(visit.phases.total)
        if error and error.phase == "message":
            reason += f"; expected a message matching /{self.settings.expect.message}/, "
            reason += f"the last one was {heard[-1][:_SHOWN]!r}" if heard else "none came"
        facts = [("url", self._where)] + [("status", str(status)) for status in statuses]
        evidence = visit.evidence(reason or "as expected", run.now, *facts, excerpt=heard[-1][:2000] if heard else "")
        return Finding(outcome, reason, tuple(samples), evidence)

    async def _headers(self, deadline: float) -> Headers:
        settings = self.settings
        headers = [(name.encode(), value.encode()) for name, value in settings.headers.items()]
        if settings.protocols:
            headers.append((b"Sec-WebSocket-Protocol", ", ".join(settings.protocols).encode()))
        if self._authorization:
            headers.append((b"Authorization", await self._authorization.value(deadline)))
        return headers

    async def _talk(self, visit: Visit, headers: Headers, statuses: list[int], heard: list[str]) -> None:
        settings, phases = self.settings, visit.phases
        wire = await visit.connect(self._resolver, settings.ip)
        if settings.url.scheme == "https":
            await visit.secure(settings.tls)
        stream = Stream(wire, phases, self._where)
        socket = WebSocket(stream)
        phases.enter("handshake")
        status, came = await socket.shake(settings.url.target, settings.url.authority, headers)
        statuses.append(status)
        self._upgraded(stream, Page(status, came, b"", self._where))
        if settings.ping:
            phases.enter("ping")
            await socket.ping()
        if settings.send is not None or settings.expect.message:
            phases.enter("message")
        if settings.send is not None:
            socket.say(settings.send)
        if settings.expect.message:
            wanted = regex(settings.expect.message)
            while not heard or not wanted.search(heard[-1]):
                heard[:] = [await socket.hear()]
        phases.stop()
        socket.close()

    def _upgraded(self, stream: Stream, page: Page) -> None:
        """Raises NetError unless the server now speaks WebSocket, in one of our subprotocols."""
        if page.status == 401 and self._authorization:
            self._authorization.forget()
        if page.status != 101:
            guard = turned_away(page)
            if guard:
                raise _Blocked(f"handshake: {guard} at {self._where}", "handshake")
            raise stream.error(f"answered the handshake with {page.status}; expected 101")
        if (page.header("upgrade") or "").lower() != "websocket":
            raise stream.error(f"upgraded to {page.header('upgrade')!r}; expected websocket")
        chosen, offered = page.header("sec-websocket-protocol"), self.settings.protocols
        if offered and chosen not in offered:
            raise stream.error(f"chose the subprotocol {chosen!r}; expected one of {', '.join(offered)}")

    def _verdict(self, seconds: float) -> tuple[Outcome, str]:
        within, degraded, took = self.settings.expect.within, self.settings.degraded, format_duration(seconds)
        if within and seconds > within:
            return Outcome.DOWN, f"within: expected {self._where} within {format_duration(within)}, it took {took}"
        if degraded and seconds > degraded.after:
            limit = format_duration(degraded.after)
            return Outcome.DEGRADED, f"slow: expected {self._where} within {limit}, it took {took}"
        return Outcome.UP, ""
