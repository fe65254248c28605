"""What an http look tells: its numbers, and the evidence for a person."""

from functools import lru_cache

from probes.base import Evidence, Finding, Outcome, Sample, Step
from probes.expect import Failure
from probes.net.errors import NetError
from probes.net.message import Trace, content_length, last_modified
from probes.net.phases import PHASES
from probes.net.reach import reach_samples
from probes.page import Page

_DAY = 86400.0
#: The words of `expect` whose failures blackbox_exporter marks.
_PATTERNS = ("text", "absent", "regex", "absent_regex", "headers")
_PLAIN = tuple(phase for phase in PHASES if phase != "tls")
_PHASE_LABELS = {phase: (("phase", phase),) for phase in PHASES}


@lru_cache(maxsize=4096)
def _gauge(name: str, value: float | str) -> Sample:
    """A sample that look after look has the same value."""
    return Sample(name, float(value))


def samples_of(trace: Trace, page: Page | None, failures: list[Failure]) -> tuple[Sample, ...]:
    """Everything that was measured; `page` is None when no answer came."""
    hop, seconds = trace.last, trace.seconds()
    samples = reach_samples(hop.ip, seconds.get("resolve"))
    samples += [Sample("probe_http_duration_seconds", value, _PHASE_LABELS[phase]) for phase, value in seconds.items()]
    samples.append(_gauge("probe_http_redirects", len(trace.hops) - 1))
    if hop.tls:
        samples += hop.tls.samples
    if page is None or hop.answer is None:
        return tuple(samples)
    samples += (
        _gauge("probe_http_status_code", page.status),
        _gauge("probe_http_version", hop.answer.version),
        _gauge("probe_http_content_length", content_length(page.headers)),
        _gauge("probe_http_uncompressed_body_length", len(page.body)),
        _gauge("probe_http_ssl", hop.tls is not None),
        _gauge("probe_failed_due_to_regex", any(failure.what in _PATTERNS for failure in failures)),
    )
    modified = last_modified(page.headers)
    if modified is not None:
        samples.append(Sample("probe_http_last_modified_timestamp_seconds", modified))
    return tuple(samples)


def unanswered(error: NetError, trace: Trace, now: float) -> Finding:
    """The finding when no answer came that can be judged. `now` is wall-clock seconds (UTC)."""
    reason = str(error)
    if not trace.hops:
        return Finding(error.outcome, reason)
    samples = samples_of(trace, None, [])
    return Finding(error.outcome, reason, samples, evidence_of(reason, trace, now, error=error))


def evidence_of(
    summary: str, trace: Trace, now: float, *, error: NetError | None = None, excerpt: str = ""
) -> Evidence:
    """What a person needs to believe it: the legs of every hop, the facts of the last. `now` is as above."""
    last = trace.last
    if len(trace.hops) == 1 and not error:
        return Evidence(summary, last.phases.steps(), _facts(trace, now), excerpt)
    steps: list[Step] = []
    for number, hop in enumerate(trace.hops, 1):
        failed = error.phase if error and hop is last else ""
        outcome = error.outcome if error else Outcome.DOWN
        prefix = f"{number}: " if len(trace.hops) > 1 else ""
        legs = PHASES if hop.url.scheme == "https" else _PLAIN
        for step in hop.phases.steps(failed, outcome, summary if failed else "", legs):
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
