"""Knocks at a TCP port: is anybody there, and do they say what they should?"""

from functools import partial
from typing import Literal

from pydantic import model_validator

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import HostPort
from probes.net.certificate import TLS_METRICS
from probes.net.dialogue import Dialogue, Turn, at_starttls
from probes.net.families import FAMILY_METRICS, FamiliesSettings, look_by
from probes.net.reach import REACH_METRICS, Degraded, before
from probes.net.resolver import Family
from probes.net.tls import DEFAULT_TLS, TlsWord, prepare
from probes.net.visit import Visit
from probes.units import format_duration

_LEGS = ("resolve", "connect", "tls", "dialogue")


class TcpSettings(FamiliesSettings):
    """`address` to connect to; `tls` from the first byte, or from the dialogue's `starttls` on; a `dialogue` of turns
    that must go as written.
    """

    type: Literal["tcp"] = "tcp"
    address: HostPort
    tls: TlsWord = None
    dialogue: tuple[Turn, ...] = ()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _tls_once(self) -> "TcpSettings":
        if sum(turn.starttls for turn in self.dialogue) > 1:
            raise ValueError("a connection turns to TLS only once; there are several turns with starttls")
        return self


class TcpProbe(Probe[TcpSettings]):
    """One connection, one conversation.

    Up: connected, in TLS where asked, and every turn of the dialogue went as written. Degraded: so, but slower than
    `degraded.after`. Down: refused, reset, timed out, a bad certificate, or another answer than expected. Unknown: we
    had no route, no descriptor, no name server.
    """

    settings_model = TcpSettings
    metrics = (
        Metric("probe_tcp_duration_seconds", "gauge", "How long each phase took."),
        Metric("probe_failed_due_to_regex", "gauge", "1 if the dialogue went otherwise than expected."),
        *REACH_METRICS,
        *TLS_METRICS,
        *FAMILY_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        self._late_tls = any(turn.starttls for turn in self.settings.dialogue)
        if self.settings.tls or self._late_tls:
            prepare(self.settings.tls or DEFAULT_TLS)

    async def check(self, run: Run) -> Finding:
        """Knock once, or once by each family."""
        return await look_by(self.settings, partial(self._look, run))

    async def _look(self, run: Run, family: Family) -> Finding:
        settings, visit = self.settings, Visit(self.settings.address, _LEGS)
        dialogue = Dialogue(str(settings.address))
        error = await visit.pay(before(run), self._talk(visit, dialogue, family))
        samples = (
            *visit.samples("probe_tcp_duration_seconds"),
            Sample("probe_failed_due_to_regex", float(bool(error and error.phase == "dialogue"))),
        )
        if error:
            reason = dialogue.explain(error)
            evidence = visit.evidence(reason, run.now, excerpt=dialogue.heard[:2000])
            return Finding(error.outcome, reason, samples, evidence)
        took, degraded = visit.phases.total, settings.degraded
        if degraded and took > degraded.after:
            limit = format_duration(degraded.after)
            reason = f"slow: expected {settings.address} within {limit}, it took {format_duration(took)}"
            return Finding(Outcome.DEGRADED, reason, samples, visit.evidence(reason, run.now))
        return Finding(Outcome.UP, "", samples, visit.evidence("as expected", run.now))

    async def _talk(self, visit: Visit, dialogue: Dialogue, family: Family) -> None:
        settings = self.settings
        wire = await visit.connect(self._resolver, family)
        if settings.tls and not self._late_tls:
            await visit.secure(settings.tls)
        if not settings.dialogue:
            return
        visit.phases.enter("dialogue")
        clear, secret = at_starttls(settings.dialogue)
        await dialogue.hold(wire, clear)
        if self._late_tls:
            await visit.secure(settings.tls or DEFAULT_TLS, clear)
            visit.phases.enter("dialogue")
            await dialogue.hold(wire, secret)
