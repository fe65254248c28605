"""What a person is told about an incident, whatever the channel: what broke, since when, the proof, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.alert import Alert
from alerts.draft import WENT_QUIET
from alerts.incident import Audit, Hush, Incident, Kind, State, Taken
from alerts.oncall import Person
from probes.base import Evidence, Labels, Outcome

_MANY = 10


@dataclass(frozen=True, slots=True)
class Page:
    """One message about an incident, complete at this moment. Times are seconds UTC.

    `kind` says why it is sent now, and `line` what is new since the last one. `people` are those it is to reach, with
    their addresses. `values` are (name, value) pairs. `zone` is the time zone of whoever is paged. The URLs are
    absolute, or empty. `doubt` says why nobody knows how it stands; `command_url`, what commands on this machine must
    be told, if anything. `attempt` counts earlier tries to send it, of which one may have arrived unnoticed.
    """

    key: str
    state: State
    kind: Kind
    line: str
    severity: str
    headline: str
    description: str
    started_at: float
    at: float
    people: tuple[Person, ...] = ()
    labels: Labels = ()
    values: tuple[tuple[str, str], ...] = ()
    evidence: Evidence | None = None
    more: tuple[str, ...] = ()
    runbook_url: str = ""
    source_url: str = ""
    url: str = ""
    command_url: str = ""
    doubt: str = ""
    ack: Taken | None = None
    resolved: Taken | None = None
    hush: Hush | None = None
    story: tuple[Audit, ...] = ()
    zone: str = "UTC"
    attempt: int = 0

    @property
    def open(self) -> bool:
        """Whether it still needs someone, or has someone."""
        return self.state is not State.RESOLVED

    @property
    def can_ack(self) -> bool:
        """Whether an Ack button makes sense."""
        return self.open and self.ack is None

    @property
    def rings(self) -> bool:
        """Whether it should wake someone: a page that nobody has answered in the meantime."""
        return self.kind is Kind.PAGE and self.can_ack and self.hush is None


def compose(
    incident: Incident,
    kind: Kind,
    line: str,
    people: Sequence[Person],
    story: Sequence[Audit],
    now: float,
    external_url: str,
    attempt: int = 0,
    command_url: str = "",
) -> Page:
    """The page about an incident as it stands. `external_url` is where people reach this Shopwatch."""
    lead = incident.lead
    others = [alert for alert in incident.firing if alert is not lead]
    external = external_url.rstrip("/")
    return Page(
        key=incident.key,
        state=incident.state,
        kind=kind,
        line=line,
        severity=incident.severity,
        headline=_summary(lead),
        description=lead.annotations.get("description", "") if lead else "",
        started_at=incident.started_at,
        at=now,
        people=tuple(people),
        labels=incident.labels,
        values=tuple(_values(incident)),
        evidence=incident.evidence,
        more=tuple(_summary(alert) for alert in others[:_MANY])
        + ((f"and {len(others) - _MANY} more",) if len(others) > _MANY else ()),
        runbook_url=runbook_url(lead, external),
        source_url=lead.generator_url if lead and _is_link(lead.generator_url) else "",
        url=f"{external}/#{incident.key}" if external else "",
        command_url=command_url,
        doubt=(incident.doubt or WENT_QUIET) if incident.state is State.STALE else "",
        ack=incident.ack,
        resolved=incident.resolved,
        hush=incident.hush,
        story=tuple(story),
        zone=next((person.timezone for person in people), "UTC"),
        attempt=attempt,
    )


def runbook_url(alert: Alert | None, external_url: str) -> str:
    """Where an alert's runbook opens in a browser: as given, or under `external_url`; empty when there is none."""
    given = alert.annotations.get("runbook_url", "") if alert else ""
    if not given or _is_link(given):
        return given
    if "://" in given or not external_url:
        return ""
    return f"{external_url.rstrip('/')}/{given.lstrip('/')}"


def figure(value: float) -> str:
    """A measured value with four digits, without a row of zeros."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def took(seconds: float) -> str:
    """How long a step took, as people say it: 31 ms, 1.2 s."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def not_reached(evidence: Evidence) -> tuple[str, ...]:
    """The names of the steps that never began."""
    return tuple(step.name for step in evidence.steps if step.seconds is None and step.outcome is Outcome.UNKNOWN)


def _summary(alert: Alert | None) -> str:
    if alert is None:
        return "an incident without an alert"
    return alert.annotations.get("summary") or f"{alert.name} {_labels(alert)}".strip()


def _labels(alert: Alert) -> str:
    return ", ".join(
        f"{name}={value}" for name, value in alert.labels if name not in ("alertname", "severity", "owner")
    )


def _values(incident: Incident) -> list[tuple[str, str]]:
    known = [alert for alert in incident.firing or incident.alerts if alert.value is not None]
    if len(known) == 1:
        return [("value", figure(known[0].value or 0.0))]
    return [(_summary(alert), figure(alert.value or 0.0)) for alert in known[:_MANY]]


def _is_link(text: str) -> bool:
    return text.startswith(("https://", "http://"))
