"""Looks at a server's certificates: valid, for the right name, complete, and for how many days yet."""

from functools import partial
from typing import Literal

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import HostPort
from probes.net.certificate import TLS_METRICS, Certificate, TlsFacts
from probes.net.dialogue import Dialogue
from probes.net.families import FAMILY_METRICS, FamiliesSettings, look_by
from probes.net.reach import REACH_METRICS, before
from probes.net.resolver import Family
from probes.net.starttls import GREETINGS, Greeting
from probes.net.tls import DEFAULT_TLS, TlsSettings, Version, day, prepare
from probes.net.visit import Visit
from probes.settings import Settings
from probes.units import Interval, format_duration

_DAY = 86400.0
#: Unless told, a certificate is degraded in its last 14 days, or in the last fifth of its life if that is less.
_WARN, _WARN_RATIO = 14 * _DAY, 0.2
_LEGS = ("resolve", "connect", "dialogue", "tls")
_DIRECT = ("resolve", "connect", "tls")


class TlsExpect(Settings):
    """What must hold: `valid_for` at least so long; at least this `version`; an `issuer` whose name contains this;
    `names` that the certificate must be valid for beside the host itself.
    """

    valid_for: Interval | None = None
    version: Version | None = None
    issuer: str | None = None
    names: tuple[str, ...] = ()


class TlsDegraded(Settings):
    """When a good certificate becomes worrying: it `expires_in` less than this; the handshake takes longer than
    `after`.
    """

    expires_in: Interval | None = None
    after: Interval | None = None


class TlsProbeSettings(FamiliesSettings):
    """`address`, whom to trust (`tls`), how to get to TLS (`starttls`), and what to `expect` of the certificates."""

    type: Literal["tls"] = "tls"
    address: HostPort
    tls: TlsSettings = DEFAULT_TLS
    starttls: Greeting | None = None
    expect: TlsExpect = TlsExpect()
    degraded: TlsDegraded = TlsDegraded()


class TlsProbe(Probe[TlsProbeSettings]):
    """One handshake, and what the chain says.

    Up: the chain leads to an authority that we trust, holds for the name, has not expired, and `expect` holds.
    Degraded: so, but it expires soon (`degraded.expires_in`, by default 14 days or a fifth of its life), or the
    look took longer than `degraded.after`. Down: the rest, a server that refuses or stalls included. Unknown: we had no
    route, no descriptor, no name server, or our own `ca` or `certificate` file is unusable.
    """

    settings_model = TlsProbeSettings
    metrics = (
        Metric("probe_tls_duration_seconds", "gauge", "How long each phase took."),
        Metric("probe_tls_chain_certificates", "gauge", "How many certificates the server sent."),
        *REACH_METRICS,
        *TLS_METRICS,
        *FAMILY_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        prepare(self.settings.tls)

    async def check(self, run: Run) -> Finding:
        """Shake hands once, or once by each family."""
        return await look_by(self.settings, partial(self._look, run))

    async def _look(self, run: Run, family: Family) -> Finding:
        visit = Visit(self.settings.address, _LEGS if self.settings.starttls else _DIRECT)
        dialogue = Dialogue(str(self.settings.address))
        error = await visit.pay(before(run), self._shake(visit, dialogue, family))
        samples = visit.samples("probe_tls_duration_seconds")
        facts = visit.facts
        if facts:
            samples.append(Sample("probe_tls_chain_certificates", float(len(facts.chain))))
        seen = _facts(facts) if facts else ()
        if error or facts is None:
            outcome = error.outcome if error else Outcome.UNKNOWN
            reason = dialogue.explain(error) if error else "tls: nothing was seen"
        else:
            outcome, reason = self._judge(facts, visit.phases.total, run.now)
        return Finding(outcome, reason, tuple(samples), visit.evidence(reason or "as expected", run.now, *seen))

    async def _shake(self, visit: Visit, dialogue: Dialogue, family: Family) -> None:
        wire = await visit.connect(self._resolver, family)
        if self.settings.starttls:
            visit.phases.enter("dialogue")
            await dialogue.hold(wire, GREETINGS[self.settings.starttls])
        await visit.secure(self.settings.tls, GREETINGS[self.settings.starttls] if self.settings.starttls else ())

    def _judge(self, facts: TlsFacts, took: float, now: float) -> tuple[Outcome, str]:
        settings, host = self.settings, self.settings.address.host
        failures = _failures(settings.expect, facts, host, now)
        if failures:
            return Outcome.DOWN, "; ".join(failures)
        first = _first_to_expire(facts)
        warn = settings.degraded.expires_in
        if warn is None:
            warn = min(_WARN, _WARN_RATIO * (first.not_after - first.not_before)) if first else 0.0
        if first and first.not_after - now < warn:
            limit = format_duration(warn)
            return Outcome.DEGRADED, f"tls: {_left(first, host, facts, now)}; it should be renewed {limit} before"
        after = settings.degraded.after
        if after and took > after:
            limit = format_duration(after)
            return (
                Outcome.DEGRADED,
                f"slow: expected {settings.address} within {limit}, it took {format_duration(took)}",
            )
        return Outcome.UP, ""


def _first_to_expire(facts: TlsFacts) -> Certificate | None:
    return min(facts.chain, key=lambda certificate: certificate.not_after, default=None)


def _left(certificate: Certificate, host: str, facts: TlsFacts, now: float) -> str:
    is_leaf = certificate is facts.chain[0]
    which = f"the certificate of {host}" if is_leaf else f"{certificate.common_name!r} in the chain of {host}"
    days = (certificate.not_after - now) / _DAY
    if days < 0:
        return f"{which} expired on {day(certificate.not_after)}"
    return f"{which} expires in {days:.1f} days, on {day(certificate.not_after)}"


def _failures(expect: TlsExpect, facts: TlsFacts, host: str, now: float) -> list[str]:
    failures = []
    first = _first_to_expire(facts)
    if expect.valid_for and first and first.not_after - now < expect.valid_for:
        limit = format_duration(expect.valid_for)
        failures.append(f"tls: expected a certificate valid for {limit} at least, but {_left(first, host, facts, now)}")
    if expect.version and facts.version.removeprefix("TLS ") < expect.version:
        failures.append(f"tls: expected TLS {expect.version} at least, {host} chose {facts.version}")
    leaf = facts.chain[0] if facts.chain else None
    if leaf and expect.issuer and expect.issuer not in leaf.issuer:
        failures.append(f"tls: expected an issuer with {expect.issuer!r} in its name, got {leaf.issuer!r}")
    if leaf:
        missing = [name for name in expect.names if name.lower() not in (known.lower() for known in leaf.names)]
        if missing:
            names = ", ".join(leaf.names[:5])
            failures.append(f"tls: expected the certificate to be for {', '.join(missing)} too, it is for {names}")
    return failures


def _facts(facts: TlsFacts) -> tuple[tuple[str, str], ...]:
    seen = [("cipher", facts.cipher)]
    for number, certificate in enumerate(facts.chain[:5]):
        label = "certificate of" if number == 0 else f"chain {number}"
        seen.append((label, f"{certificate.common_name} until {day(certificate.not_after)}"))
    if facts.chain:
        seen.append(("issuer", facts.chain[0].issuer))
    return tuple(seen)
