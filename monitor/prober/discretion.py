"""Keeps a probe's secrets out of what it tells: a shop that echoes our request must not spread our token."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary, WeakValueDictionary

from probes.base import AnyProbe, Evidence, Finding, ProbeSettings, Step
from probes.confidential import basic_credentials, confidential
from probes.redact import Redactor
from probes.settings import SecretUnreadable


class Discretion:
    """Cuts what one probe's settings keep secret out of its findings. Secrets in files are read again each time."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._settings = settings
        self._texts, self._files = confidential(settings)
        self._known: tuple[str, ...] = ()
        self._redactor = self._made(())
        self._refresh()

    def discreet(self, finding: Finding) -> Finding:
        """The finding, fit to be shown."""
        evidence = finding.evidence
        if not finding.reason and evidence is None:
            return finding
        if self._files:
            self._refresh()
        if self._is_fit(finding.reason, evidence):
            return finding
        return Finding(finding.outcome, self.cut(finding.reason), finding.samples, self._fit(evidence))

    def cut(self, text: str) -> str:
        """A sentence of ours without secrets. Addresses of people in it are of the config, and stay."""
        return self._redactor.cut(text) if text else text

    def _is_fit(self, reason: str, evidence: Evidence | None) -> bool:
        """Whether nothing is to be cut, as with nearly every look: then nothing need be copied."""
        cut = self.cut
        if cut(reason) != reason or (evidence and (evidence.excerpt or cut(evidence.summary) != evidence.summary)):
            return False
        if evidence is None:
            return True
        for step in evidence.steps:
            if cut(step.name) != step.name or cut(step.detail) != step.detail:
                return False
        return all(cut(value) == value for _, value in evidence.facts)

    def _fit(self, evidence: Evidence | None) -> Evidence | None:
        if evidence is None:
            return None
        cut = self.cut
        return Evidence(
            cut(evidence.summary),
            tuple(Step(cut(step.name), step.outcome, step.seconds, cut(step.detail)) for step in evidence.steps),
            tuple((name, cut(value)) for name, value in evidence.facts),
            self._redactor.clean(self._redactor.without_end(evidence.excerpt)) if evidence.excerpt else "",
        )

    def _refresh(self) -> None:
        now = []
        for secret in self._files:
            try:
                now.append(secret.read())
            except SecretUnreadable:
                continue
        if tuple(now) != self._known:
            # What was read before may still be on its way back to us.
            self._redactor = self._made((*self._known, *now))
            self._known = tuple(now)

    def _made(self, read: tuple[str, ...]) -> Redactor:
        return _redactor([*self._texts, *read, *basic_credentials(self._settings)])


_redactors: WeakValueDictionary[frozenset[str], Redactor] = WeakValueDictionary()


def _redactor(secrets: Iterable[str]) -> Redactor:
    """The redactor of these secrets. Most probes have none, and share one with all that it has read before."""
    key = frozenset(secrets)
    redactor = _redactors.get(key)
    if redactor is None:
        redactor = _redactors[key] = Redactor(key)
    return redactor


_of_probes: WeakKeyDictionary[AnyProbe, Discretion] = WeakKeyDictionary()


def discretion_of(probe: AnyProbe) -> Discretion:
    """The discretion that a probe's settings ask for, made once."""
    try:
        return _of_probes[probe]
    except KeyError:
        made = _of_probes[probe] = Discretion(probe.settings)
        return made
