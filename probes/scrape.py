"""Reads another program's /metrics, so that its numbers join ours: the shop's own orders, node_exporter, a queue."""

import re
from collections.abc import Iterable
from fnmatch import translate

from prometheus_client.parser import text_string_to_metric_families
from pydantic import Field

from probes.base import Evidence, Finding, Metric, Outcome, Probe, ProbeSettings, Run, Sample
from probes.net.address import Url
from probes.net.auth import Authorization, AuthSettings
from probes.net.decode import decode
from probes.net.errors import NetError
from probes.net.http import Http
from probes.net.message import Request, Trace, header
from probes.net.tls import DEFAULT_TLS, TlsSettings

#: Labels that the service gives to every sample; an exporter's own becomes exported_<name>, as in Prometheus.
_OURS = frozenset({"probe", "type", "location"})


class ScrapeSettings(ProbeSettings):
    """A page in Prometheus' text format, and which of its metrics to keep (globs on the name; all by default)."""

    url: Url = Field(description="The address of the metrics page.")
    keep: tuple[str, ...] = Field(default=("*",), description="Globs: metrics that match one of these are kept.")
    most: int = Field(default=10_000, ge=1, description="More samples than this are refused as a whole.")
    auth: AuthSettings | None = None
    tls: TlsSettings = DEFAULT_TLS


class ScrapeProbe(Probe[ScrapeSettings]):
    """Up when the page could be read and understood. The names of its samples are the exporter's own."""

    settings_model = ScrapeSettings
    metrics = (Metric("scrape_samples_scraped", "gauge", "Samples that the last scrape kept."),)

    def __init__(self, settings: ScrapeSettings) -> None:
        super().__init__(settings)
        self._http = Http(tls=settings.tls)
        self._authorization = Authorization(settings.auth, self._http) if settings.auth else None
        self._keeps = re.compile("|".join(translate(glob) for glob in settings.keep)).match

    async def check(self, run: Run) -> Finding:
        """Fetch the page once and keep what was asked for."""
        trace = Trace()
        headers = [(b"accept", b"text/plain;version=0.0.4"), (b"accept-encoding", b"gzip")]
        try:
            if self._authorization:
                headers.append((b"authorization", await self._authorization.value(run.deadline)))
            answer = await self._http.fetch(Request(self.settings.url, headers=headers), trace, run.deadline)
            body = decode(answer.body, header(answer.headers, b"content-encoding"), self._http.max_body, "the page")
        except NetError as error:
            return Finding(error.outcome, str(error), evidence=Evidence(str(error)))
        if answer.status != 200:
            return self._bad(f"expected status 200 from {self.settings.url.shown}, came {answer.status}", body)
        try:
            samples = tuple(self._samples(body.decode()))
        except ValueError as error:
            return self._bad(f"{self.settings.url.shown} is not Prometheus' text format: {error}", body)
        if len(samples) > self.settings.most:
            return self._bad(f"{len(samples)} samples came, more than the {self.settings.most} of `most`", b"")
        return Finding(Outcome.UP, samples=(*samples, Sample("scrape_samples_scraped", float(len(samples)))))

    def _samples(self, text: str) -> Iterable[Sample]:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if self._keeps(sample.name):
                    yield Sample(sample.name, float(sample.value), _labels(sample.labels))

    @staticmethod
    def _bad(reason: str, body: bytes) -> Finding:
        return Finding(Outcome.DOWN, reason, evidence=Evidence(reason, excerpt=body[:2000].decode(errors="replace")))


def _labels(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """An empty label is none, as in Prometheus."""
    kept = ((f"exported_{name}" if name in _OURS else name, value) for name, value in labels.items() if value)
    return tuple(sorted(kept))
