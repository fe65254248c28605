"""Looks at a page as a shopper's browser would ask for it: right answer, right content, in time."""

from time import perf_counter
from typing import Literal

from pydantic import Field, field_validator

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample, Step
from probes.expect import Expect, Failure, judge
from probes.net.address import Url
from probes.net.auth import Authorization, AuthSettings
from probes.net.certificate import TLS_METRICS
from probes.net.decode import ACCEPT_ENCODING, decode
from probes.net.errors import NetError
from probes.net.http import MAX_BODY, Http
from probes.net.message import Headers, Request, Trace, content_length, header, last_modified
from probes.net.phases import PHASES
from probes.net.proxy import ProxySettings
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before, reach_samples
from probes.net.tls import DEFAULT_TLS, TlsSettings, prepare
from probes.page import Page
from probes.settings import SecretUnreadable
from probes.turned_away import turned_away
from probes.units import Size, format_duration

_DAY = 86400.0
_EXCERPT = 2000
_PHASE_LABELS = {phase: (("phase", phase),) for phase in PHASES}


class HttpSettings(NetworkSettings):
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
    expect: Expect = Expect()
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


class HttpProbe(Probe[HttpSettings]):
    """One GET (or other request), its redirects, and the judgement of what came.

    Up: everything in `expect` holds. Degraded: it holds, but took longer than `degraded.after`. Down: it does not
    hold, or the server refused, reset, stalled or did not finish before the deadline. Blocked: an expectation failed
    because a rate limiter (429) or a recognised firewall or challenge page answered instead of the shop. Unknown: we
    had no route, no descriptor, no name server, no token, no readable secret.
    """

    settings_model = HttpSettings
    metrics = (
        Metric("probe_http_status_code", "gauge", "The status of the last answer."),
        Metric("probe_http_duration_seconds", "gauge", "How long each phase took, all redirects together."),
        Metric("probe_http_version", "gauge", "The HTTP version of the last answer."),
        Metric("probe_http_content_length", "gauge", "The Content-Length that was announced, -1 if none was."),
        Metric("probe_http_uncompressed_body_length", "gauge", "Bytes of the body, unpacked."),
        Metric("probe_http_redirects", "gauge", "How many redirects were followed."),
        Metric("probe_http_ssl", "gauge", "1 if the last answer came over TLS."),
        Metric("probe_http_last_modified_timestamp_seconds", "gauge", "The Last-Modified header (Unix)."),
        Metric("probe_failed_due_to_regex", "gauge", "1 if a text, regex or header expectation failed."),
        *REACH_METRICS,
        *TLS_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        settings = self.settings
        self._http = Http(
            resolver=settings.make_resolver(),
            family=settings.ip,
            tls=settings.tls,
            http2=settings.http2,
            proxy=settings.proxy,
            redirects=settings.redirects,
            max_body=settings.max_body,
            reuse=settings.reuse,
        )
        self._authorization = Authorization(settings.auth, self._http) if settings.auth else None
        self._headers = _headers(settings)
        self._body = settings.body.encode()
        if settings.url.scheme == "https":
            prepare(settings.tls, self._http.dialer.alpn)

    async def close(self) -> None:
        """Hang up what was kept."""
        self._http.close()

    async def check(self, run: Run) -> Finding:
        """Ask once."""
        trace = Trace()
        started = perf_counter()
        try:
            request = Request(self.settings.url, self.settings.method, self._headers, self._body)
            deadline = before(run)
            if self._authorization:
                value = await self._authorization.value(deadline)
                request.headers = [*self._headers, (b"authorization", value)]
            answer = await self._http.fetch(request, trace, deadline)
            hop = trace.last
            encoding = header(answer.headers, b"content-encoding")
            body = answer.body
            if encoding and request.method != "HEAD":
                body = decode(body, encoding, self.settings.max_body, hop.url.authority)
        except SecretUnreadable as error:
            return Finding(Outcome.UNKNOWN, f"auth: {error}")
        except NetError as error:
            return _unanswered(error, trace, run.now)
        page = Page(answer.status, answer.headers, body, hop.url.shown)
        return self._judged(page, trace, perf_counter() - started, run.now)

    def _judged(self, page: Page, trace: Trace, seconds: float, now: float) -> Finding:
        settings = self.settings
        failures = judge(settings.expect, page, seconds)
        samples = _samples(trace, page, failures)
        if not failures:
            slow = settings.degraded is not None and seconds > settings.degraded.after
            reason = ""
            if settings.degraded is not None and slow:
                limit = format_duration(settings.degraded.after)
                reason = f"slow: expected {page.url} within {limit}, it took {format_duration(seconds)}"
            outcome = Outcome.DEGRADED if slow else Outcome.UP
            return Finding(outcome, reason, samples, _evidence(reason or "as expected", trace, now))
        if page.status == 401 and self._authorization:
            self._authorization.forget()
        guard = turned_away(page)
        outcome = Outcome.BLOCKED if guard else Outcome.DOWN
        reason = f"blocked: {guard} at {page.url}" if guard else "; ".join(failure.message for failure in failures)
        evidence = _evidence(reason, trace, now, excerpt=page.text[:_EXCERPT])
        return Finding(outcome, reason, samples, evidence)


def _headers(settings: HttpSettings) -> Headers:
    usual = {"User-Agent": settings.user_agent, "Accept": "*/*"}
    given = {name.lower() for name in settings.headers}
    headers = [(name, value) for name, value in usual.items() if name.lower() not in given]
    headers += settings.headers.items()
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    if settings.compression and "accept-encoding" not in given:
        encoded.append((b"Accept-Encoding", ACCEPT_ENCODING))
    return encoded


def _samples(trace: Trace, page: Page | None, failures: list[Failure]) -> tuple[Sample, ...]:
    hop, seconds = trace.last, trace.seconds()
    samples = reach_samples(hop.ip, seconds.get("resolve"))
    samples += [Sample("probe_http_duration_seconds", value, _PHASE_LABELS[phase]) for phase, value in seconds.items()]
    samples.append(Sample("probe_http_redirects", float(len(trace.hops) - 1)))
    if hop.tls:
        samples += hop.tls.samples
    if page is None or hop.answer is None:
        return tuple(samples)
    samples += (
        Sample("probe_http_status_code", float(page.status)),
        Sample("probe_http_version", float(hop.answer.version)),
        Sample("probe_http_content_length", float(content_length(page.headers))),
        Sample("probe_http_uncompressed_body_length", float(len(page.body))),
        Sample("probe_http_ssl", 1.0 if hop.tls else 0.0),
        Sample("probe_failed_due_to_regex", float(any(f.what in ("text", "regex", "headers") for f in failures))),
    )
    modified = last_modified(page.headers)
    if modified is not None:
        samples.append(Sample("probe_http_last_modified_timestamp_seconds", modified))
    return tuple(samples)


def _unanswered(error: NetError, trace: Trace, now: float) -> Finding:
    reason = str(error)
    if not trace.hops:
        return Finding(error.outcome, reason)
    samples = _samples(trace, None, [])
    return Finding(error.outcome, reason, samples, _evidence(reason, trace, now, error=error))


def _evidence(summary: str, trace: Trace, now: float, *, error: NetError | None = None, excerpt: str = "") -> Evidence:
    last = trace.last
    steps: list[Step] = []
    for number, hop in enumerate(trace.hops, 1):
        failed = error.phase if error and hop is last else ""
        outcome = error.outcome if error else Outcome.DOWN
        prefix = f"{number}: " if len(trace.hops) > 1 else ""
        for step in hop.phases.steps(failed, outcome, summary if failed else ""):
            steps.append(Step(prefix + step.name, step.outcome, step.seconds, step.detail) if prefix else step)
    return Evidence(summary, tuple(steps), _facts(trace, now), excerpt)


def _facts(trace: Trace, now: float) -> tuple[tuple[str, str], ...]:
    hop = trace.last
    facts = [("url", hop.url.shown)]
    if hop.answer and hop.answer.status:
        facts += [("status", str(hop.answer.status)), ("protocol", f"HTTP/{hop.answer.version}")]
    if hop.ip:
        facts.append(("ip", hop.ip))
    if len(trace.hops) > 1:
        facts.append(("redirects", str(len(trace.hops) - 1)))
    if hop.tls:
        facts.append(("tls", hop.tls.version))
        if hop.tls.earliest_expiry is not None:
            facts.append(("certificate", f"{(hop.tls.earliest_expiry - now) / _DAY:.0f} days left"))
    return tuple(facts)
