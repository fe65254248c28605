"""Asks the registry until when a domain is ours: one that expires takes the shop and its mail along."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import Url, ascii_host, is_ip
from probes.net.decode import decode
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.message import Answer, Request, Trace, header
from probes.net.proxy import ProxySettings
from probes.net.reach import NetworkSettings, before
from probes.net.tls import DEFAULT_TLS, TlsSettings, day, prepare
from probes.rdap import Unreadable, expiry_of, facts_of, parse_document, services_of, states_of
from probes.settings import Settings
from probes.units import Interval, format_duration

_DAY = 86400.0
#: In these states the registry does not publish the domain, or soon will not (RFC 8056).
_GONE = ("client hold", "server hold", "pending delete", "redemption period", "pending restore")
_HEADERS = [(b"accept", b"application/rdap+json, application/json"), (b"user-agent", b"shopwatch")]


def _domain(text: str) -> str:
    name = ascii_host(text).removesuffix(".")
    if is_ip(name) or "." not in name:
        raise ValueError(f"{text!r} is not a domain that is registered; write one such as shop.example")
    return name


class DomainExpect(Settings):
    """What must hold of the registration."""

    valid_for: Interval | None = Field(default=None, description="Less time left is down. Default: none left.")


class DomainDegraded(Settings):
    """When a good registration becomes worrying."""

    expires_in: Interval = Field(default=30 * _DAY, description="Less time than this left is degraded.")


class DomainSettings(NetworkSettings):
    """A registered domain, and who knows about it."""

    type: Literal["domain"] = "domain"
    every: Interval = Field(default=43200.0, description="How often to ask. Registries want no more than that.")
    timeout: Interval = 15.0
    domain: Annotated[str, AfterValidator(_domain)] = Field(
        description="The name that was registered: shop.example, not www.shop.example."
    )
    server: Url | None = Field(default=None, description="An RDAP server. Default: the one that `bootstrap` names.")
    bootstrap: Url = Field(
        default=Url("https://data.iana.org/rdap/dns.json"),
        description="Which RDAP server knows which top-level domain (RFC 9224); asked once a day.",
    )
    tls: TlsSettings = DEFAULT_TLS
    proxy: ProxySettings | None = None
    expect: DomainExpect = DomainExpect()
    degraded: DomainDegraded = DomainDegraded()


class _Told(Exception):
    """The verdict that an answer's status alone leads to."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class DomainProbe(Probe[DomainSettings]):
    """One question by RDAP (RFC 9082, RFC 9083), WHOIS' successor.

    Up: the registration lasts. Degraded: it ends within `degraded.expires_in`. Down: it has ended, ends within
    `expect.valid_for`, the registry holds the domain back or is deleting it, or knows no such domain. Blocked: the
    registry turned us away (429). Unknown: it did not answer, or not with a date: that is no trouble of the shop.
    """

    settings_model = DomainSettings
    metrics = (
        Metric("probe_domain_expiry_timestamp_seconds", "gauge", "When the domain's registration ends (Unix)."),
        Metric("probe_domain_duration_seconds", "gauge", "How long each phase of asking the registry took."),
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        settings = self.settings
        resolver = settings.make_resolver()
        self._http = Http(resolver=resolver, family=settings.ip, tls=settings.tls, proxy=settings.proxy)
        self._bases: list[tuple[list[str], str]] = []
        self._bases_until = 0.0
        prepare(settings.tls)

    async def close(self) -> None:
        """Hang up."""
        self._http.close()

    async def check(self, run: Run) -> Finding:
        """Ask once."""
        trace, facts = Trace(), [("domain", self.settings.domain)]
        expiry: float | None = None
        failed = ""
        try:
            server = self.settings.server or await self._server(run)
            facts.append(("registry", server.shown))
            document = await self._ask(server, trace, before(run))
            expiry = expiry_of(document, server.shown)
            facts += facts_of(document)
            outcome, reason = self._verdict(expiry, document, server, run.now)
        except _Told as told:
            outcome, reason = told.outcome, str(told)
        except Unreadable as error:
            outcome, reason = Outcome.UNKNOWN, str(error)
        except NetError as error:
            failed = error.phase
            outcome, reason = Outcome.UNKNOWN, f"{error} (a registry's server, not the shop's)"
        seconds = trace.seconds() if trace.hops else {}
        samples = [Sample("probe_domain_duration_seconds", took, (("phase", leg),)) for leg, took in seconds.items()]
        if expiry is not None:
            samples.append(Sample("probe_domain_expiry_timestamp_seconds", expiry))
        steps = trace.last.phases.steps(failed, outcome, reason) if trace.hops else ()
        return Finding(outcome, reason, tuple(samples), Evidence(reason or "as expected", steps, tuple(facts)))

    async def _server(self, run: Run) -> Url:
        """The RDAP server that knows our domain: the one of the longest matching suffix (RFC 9224, 4)."""
        bootstrap, labels = self.settings.bootstrap, self.settings.domain.split(".")
        if run.now >= self._bases_until:
            answer = await self._http.fetch(Request(bootstrap, headers=_HEADERS), Trace(), before(run))
            if answer.status != 200:
                raise _Told(Outcome.UNKNOWN, f"expected status 200 from {bootstrap.shown}, got {answer.status}")
            self._bases = services_of(self._document(answer, bootstrap), bootstrap.shown)
            self._bases_until = run.now + _DAY
        for length in range(len(labels), 0, -1):
            suffix = ".".join(labels[-length:])
            for suffixes, base in self._bases:
                if suffix in suffixes:
                    return Url(base)
        raise _Told(Outcome.UNKNOWN, f"no RDAP server is known for .{labels[-1]}; name one (server: https://…)")

    async def _ask(self, server: Url, trace: Trace, deadline: float) -> dict[str, Any]:
        domain = self.settings.domain
        url = Url(str(server).removesuffix("/") + f"/domain/{domain}")
        answer = await self._http.fetch(Request(url, headers=_HEADERS), trace, deadline)
        where = trace.last.url.shown
        if answer.status == 404:
            raise _Told(Outcome.DOWN, f"{domain} is not registered: {where} knows no such domain (404)")
        if answer.status == 429:
            raise _Told(Outcome.BLOCKED, f"{where} turned the probe away with 429: we ask too often")
        if answer.status != 200:
            raise _Told(Outcome.UNKNOWN, f"expected status 200 from {where}, got {answer.status}")
        return self._document(answer, trace.last.url)

    def _document(self, answer: Answer, url: Url) -> dict[str, Any]:
        body = decode(answer.body, header(answer.headers, b"content-encoding"), self._http.max_body, url.authority)
        return parse_document(body, url.shown)

    def _verdict(self, expiry: float, document: dict[str, Any], server: Url, now: float) -> tuple[Outcome, str]:
        settings, left = self.settings, expiry - now
        held = [state for state in states_of(document) if state in _GONE]
        if held:
            return Outcome.DOWN, f"the registry lists {settings.domain} as {', '.join(held)} ({server.shown})"
        ends = f"the registration of {settings.domain} " + (
            f"ended on {day(expiry)}" if left <= 0 else f"ends in {left / _DAY:.1f} days, on {day(expiry)}"
        )
        if left <= (settings.expect.valid_for or 0.0):
            limit = settings.expect.valid_for
            return Outcome.DOWN, ends + (f"; expected {format_duration(limit)} at least" if limit else "")
        if left < settings.degraded.expires_in:
            limit = settings.degraded.expires_in
            return Outcome.DEGRADED, f"{ends}; it should be renewed {format_duration(limit)} before"
        return Outcome.UP, ""
