"""What the operators' page shows, gathered at one moment: verdict, open incidents, probes, backups, who is on call."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from markupsafe import Markup

from alerts.incident import Incident, Kind, State
from alerts.oncall import Shift
from alerts.page import compose
from monitor.latest import Latest
from monitor.web import words
from monitor.web.chart import Points, sparkline
from probes import KINDS
from probes.backup.report import caveat
from probes.backup.verification import Verification
from probes.base import Evidence, Outcome, ProbeSettings, Result

#: How far back the small charts reach, in seconds; less while the service is younger than that.
CHART_SPAN, SHORTEST_SPAN = 1800.0, 120.0
_GONE_WRONG = {Outcome.DOWN: 0, Outcome.UNKNOWN: 1, Outcome.BLOCKED: 2, Outcome.DEGRADED: 3, Outcome.UP: 5}
_WAITING = 4


@dataclass(frozen=True, slots=True)
class ProbeView:
    """A probe's line. `outcome` is `waiting` before the first result."""

    name: str
    type: str
    outcome: str
    reason: str
    at: float
    duration: float | None
    chart: Markup


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An open incident's card. `standing` is its state in words."""

    key: str
    state: str
    standing: str
    severity: str
    headline: str
    description: str
    since: float
    acked_by: str
    hushed: str
    doubt: str
    evidence: Evidence | None
    runbook_url: str


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup's line. `verdict` is `waiting` before the first verification."""

    name: str
    type: str
    verdict: str
    reason: str
    at: float | None
    duration: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole page. `state` is one of the outcomes: it colours the verdict. `faults` is why not to trust the rest,
    `share` which of several machines this is."""

    location: str
    now: float
    version: str
    incidents: Sequence[IncidentView]
    probes: Sequence[ProbeView]
    backups: Sequence[BackupView]
    oncall: Sequence[Shift]
    notifiers: Sequence[str]
    faults: Sequence[str] = ()
    share: str = ""

    @property
    def verdict(self) -> str:
        """The page in half a sentence."""
        if self.faults:
            return "Shopwatch itself is in trouble"
        awake = [incident for incident in self.incidents if incident.severity == "page"]
        if awake:
            return f"{len(awake)} incident{'s' if len(awake) > 1 else ''} open"
        bad = [probe.name for probe in self.probes if probe.outcome in (Outcome.DOWN, Outcome.UNKNOWN, Outcome.BLOCKED)]
        if bad:
            return f"{', '.join(bad[:3])}{' …' if len(bad) > 3 else ''} not well, nobody paged yet"
        if self.incidents:
            return f"{len(self.incidents)} ticket{'s' if len(self.incidents) > 1 else ''} open"
        if any(probe.outcome == "waiting" for probe in self.probes):
            return "looking for the first time"
        return "all well"

    @property
    def state(self) -> str:
        """The outcome whose colour the verdict has."""
        if self.faults or any(incident.severity == "page" for incident in self.incidents):
            return Outcome.DOWN
        worst = min((_rank(probe.outcome) for probe in self.probes), default=5)
        if worst == 0:
            return Outcome.DOWN
        return Outcome.DEGRADED if self.incidents or worst < _WAITING else Outcome.UP

    @property
    def title(self) -> str:
        """The browser tab's title."""
        return f"{'● ' if self.state == Outcome.DOWN else ''}Shopwatch: {self.verdict}"


class History(Protocol):
    """Where the charts come from: points of a probe's duration, and when it was down, between two moments."""

    def durations(self, probe: str, start: float, end: float) -> Points:
        """How long each look took."""
        ...

    def downs(self, probe: str, start: float, end: float) -> Sequence[float]:
        """The moments at which a look was down."""
        ...


def probe_views(
    probes: Iterable[ProbeSettings], latest: Latest, history: History, now: float, age: float = CHART_SPAN
) -> list[ProbeView]:
    """Every probe, those that need someone first. `age` is how long the service has run, in seconds."""
    span = min(CHART_SPAN, max(SHORTEST_SPAN, age))
    views = [_probe_view(settings, latest.result(settings.name), history, now, span) for settings in probes]
    return sorted(views, key=lambda view: _rank(view.outcome))


def _rank(outcome: str) -> int:
    return _WAITING if outcome == "waiting" else _GONE_WRONG[Outcome(outcome)]


def _probe_view(settings: ProbeSettings, result: Result | None, history: History, now: float, span: float) -> ProbeView:
    measured = not KINDS.get(settings.type).passive  # to judge a job's silence takes no time worth telling
    start = now - span
    points = history.durations(settings.name, start, now)
    label = f"duration of {settings.name} over the last {span / 60:.0f} minutes"
    chart = sparkline(points if measured else [], start, now, history.downs(settings.name, start, now), label)
    if result is None:
        return ProbeView(settings.name, settings.type, "waiting", "", now, None, chart)
    finding = result.finding
    took = result.duration if measured else None
    return ProbeView(settings.name, settings.type, finding.outcome, finding.reason, result.at, took, chart)


def incident_views(incidents: Iterable[Incident], now: float) -> list[IncidentView]:
    """Every open incident: what wakes people before tickets, what nobody has taken before what somebody has."""
    order = {State.OPEN: 0, State.STALE: 1, State.ACKED: 2, State.SILENCED: 3}
    ranked = sorted(incidents, key=lambda one: (one.severity != "page", order.get(one.state, 4), -one.started_at))
    return [_incident_view(incident, now) for incident in ranked]


def _incident_view(incident: Incident, now: float) -> IncidentView:
    page = compose(incident, Kind.NEWS, "", (), (), now, external_url="")
    lead = incident.lead
    runbook = lead.annotations.get("runbook_url", "") if lead else ""
    local = runbook and "://" not in runbook
    return IncidentView(
        key=incident.key,
        state=incident.state,
        standing=words.standing(incident.state, incident.hush.by if incident.hush else None),
        severity=incident.severity,
        headline=page.headline,
        description=page.description,
        since=incident.started_at,
        acked_by=incident.ack.by if incident.ack else "",
        hushed=incident.hush.reason if incident.hush else "",
        doubt=page.doubt,
        evidence=incident.evidence,
        runbook_url=f"/{runbook.lstrip('/')}" if local else page.runbook_url,
    )


def backup_views(backups: Iterable[tuple[str, str]], telling: Callable[[str], Verification | None]) -> list[BackupView]:
    """Every backup, (name, type), with the verification that tells how it stands."""
    return [_backup_view(name, kind, telling(name)) for name, kind in backups]


def _backup_view(name: str, kind: str, newest: Verification | None) -> BackupView:
    if newest is None:
        return BackupView(name, kind, "waiting", "", None, None)
    reason = "; ".join(newest.reasons) or caveat(newest)
    return BackupView(name, kind, newest.verdict, reason, newest.finished_at, newest.rto)
