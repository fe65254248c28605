"""Looks at a page as a shopper's browser would ask for it: right answer, right content, in time."""

from functools import partial
from time import perf_counter

from probes.base import Finding, Metric, Outcome, Probe, Run
from probes.expect import judge
from probes.http.report import evidence_of, samples_of, unanswered
from probes.http.settings import HttpExpect, HttpSettings
from probes.net.auth import Authorization
from probes.net.certificate import TLS_METRICS
from probes.net.decode import decode
from probes.net.errors import NetError
from probes.net.families import FAMILY_METRICS, look_by
from probes.net.http import Http
from probes.net.message import Request, Trace, header
from probes.net.reach import REACH_METRICS, before
from probes.net.resolver import Family
from probes.net.tls import prepare
from probes.page import Page
from probes.settings import SecretUnreadable
from probes.turned_away import turned_away
from probes.units import format_duration

__all__ = ["HttpExpect", "HttpProbe", "HttpSettings"]

_EXCERPT = 2000


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
        *FAMILY_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        settings, resolver = self.settings, self.settings.make_resolver()
        self._https = {
            family: Http(
                resolver=resolver,
                family=family,
                tls=settings.tls,
                http2=settings.http2,
                proxy=settings.proxy,
                redirects=settings.redirects,
                max_body=settings.max_body,
                reuse=settings.reuse,
            )
            for family in settings.families
        }
        first = next(iter(self._https.values()))
        self._authorization = Authorization(settings.auth, first) if settings.auth else None
        self._headers = settings.request_headers()
        self._body = settings.body.encode()
        if settings.url.scheme == "https":
            prepare(settings.tls, first.dialer.alpn)

    async def close(self) -> None:
        """Hang up what was kept."""
        for http in self._https.values():
            http.close()

    async def check(self, run: Run) -> Finding:
        """Ask once, or once by each family."""
        return await look_by(self.settings, partial(self._look, run))

    async def _look(self, run: Run, family: Family) -> Finding:
        trace = Trace()
        started = perf_counter()
        try:
            request = Request(self.settings.url, self.settings.method, self._headers, self._body)
            deadline = before(run)
            if self._authorization:
                value = await self._authorization.value(deadline)
                request.headers = [*self._headers, (b"authorization", value)]
            answer = await self._https[family].fetch(request, trace, deadline)
            hop = trace.last
            encoding = header(answer.headers, b"content-encoding")
            body = answer.body
            if encoding and request.method != "HEAD":
                body = decode(body, encoding, self.settings.max_body, hop.url.authority)
        except SecretUnreadable as error:
            return Finding(Outcome.UNKNOWN, f"auth: {error}")
        except NetError as error:
            return unanswered(error, trace, run.now)
        page = Page(answer.status, answer.headers, body, hop.url.shown)
        return self._judged(page, trace, perf_counter() - started, run.now)

    def _judged(self, page: Page, trace: Trace, seconds: float, now: float) -> Finding:
        settings = self.settings
        failures = [*judge(settings.expect, page, seconds), *settings.expect.judge_way(trace)]
        samples = samples_of(trace, page, failures)
        if not failures:
            slow = settings.degraded is not None and seconds > settings.degraded.after
            reason = ""
            if settings.degraded is not None and slow:
                limit = format_duration(settings.degraded.after)
                reason = f"slow: expected {page.url} within {limit}, it took {format_duration(seconds)}"
            outcome = Outcome.DEGRADED if slow else Outcome.UP
            return Finding(outcome, reason, samples, evidence_of(reason or "as expected", trace, now))
        if page.status == 401 and self._authorization:
            self._authorization.forget()
        guard = turned_away(page)
        outcome = Outcome.BLOCKED if guard else Outcome.DOWN
        reason = f"blocked: {guard} at {page.url}" if guard else "; ".join(failure.message for failure in failures)
        evidence = evidence_of(reason, trace, now, excerpt=page.text[:_EXCERPT])
        return Finding(outcome, reason, samples, evidence)
