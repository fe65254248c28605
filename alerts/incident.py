"""An incident: one trouble of the shop from the first alert until it is over, and what was done about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.alert import Alert, Status
from alerts.escalation import Plan, Position
from alerts.silence import Silence
from probes.base import Evidence, Labels


class State(StrEnum):
    """Where an incident stands. Everything but resolved is open; stale means that its source went quiet."""

    OPEN = "open"
    ACKED = "acked"
    SILENCED = "silenced"
    STALE = "stale"
    RESOLVED = "resolved"


class Kind(StrEnum):
    """Why people are told: a page wakes someone, news edits what was told before, resolved says it is over."""

    PAGE = "page"
    NEWS = "news"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Ack:
    """A person takes the incident: the event of an Ack button, of `shopwatch ack`, of the operators' page."""

    by: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says that it is over."""

    by: str
    via: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Time has passed, or a silence came or went: look again."""


Event = Alert | Ack | Resolve | Due


@dataclass(frozen=True, slots=True)
class Taken:
    """Who did something, when (seconds UTC) and by which way."""

    by: str
    at: float
    via: str = ""


@dataclass(frozen=True, slots=True)
class Hush:
    """Why an incident is not told at the moment, by whom, and until when."""

    reason: str
    by: str
    until: float


@dataclass(frozen=True, slots=True)
class Told:
    """A notifier that has been told of the incident, and the names of the people it was to reach."""

    notifier: str
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """The whole of an incident. Times are seconds UTC.

    `alerts` holds the newest word of each source about each alert (labels as alerts.identity.core leaves them). `doubt`
    says why it is stale, unless its source simply went quiet. `position` and `due_at` say how far the escalation has
    come and when its next step is due; `exhausted`, that every step was taken without an answer. `next_at` is when to
    look at the incident again for whatever reason. `round` counts how often paging began anew; `version` counts the
    decisions that changed something worth telling.
    """

    key: str
    identity: str
    labels: Labels
    severity: str
    opened_at: float
    alerts: tuple[Alert, ...] = ()
    state: State = State.OPEN
    ack: Taken | None = None
    resolved: Taken | None = None
    hush: Hush | None = None
    stale_since: float | None = None
    doubt: str = ""
    position: Position | None = None
    due_at: float | None = None
    next_at: float | None = None
    exhausted: bool = False
    round: int = 0
    told: tuple[Told, ...] = ()
    evidence: Evidence | None = None
    evidence_at: float = 0.0
    version: int = 0

    @property
    def started_at(self) -> float:
        """Since when it is broken: the earliest start among its alerts."""
        return min((alert.started_at for alert in self.alerts), default=self.opened_at)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """What some source says is wrong right now."""
        return tuple(alert for alert in self.alerts if alert.status is Status.FIRING)

    @property
    def unsettled(self) -> tuple[Alert, ...]:
        """What nobody has said to be over: firing, or stale."""
        known = standing(self.alerts)
        return tuple(alert for alert in self.alerts if known[alert.labels] is not Status.RESOLVED)

    @property
    def lead(self) -> Alert | None:
        """The alert that gives the incident its headline: one that fires before one that does not, the oldest first."""
        ranked = sorted(self.alerts, key=lambda alert: (alert.status is not Status.FIRING, alert.started_at))
        return ranked[0] if ranked else None

    @property
    def over(self) -> bool:
        """Whether it is resolved."""
        return self.state is State.RESOLVED


@dataclass(frozen=True, slots=True)
class Audit:
    """One line of an incident's story: what changed, and who or what changed it."""

    at: float
    kind: str
    text: str
    who: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """Someone is to be told: by which notifier, whom, why, and the line that is new. `transition` is unique."""

    transition: str
    notifier: str
    kind: Kind
    people: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an event: the incident as it is now, what to tell, what to write down, and the reason."""

    incident: Incident | None
    pages: tuple[Telling, ...]
    audit: tuple[Audit, ...]
    reason: str


@dataclass(frozen=True)
class Policy:
    """How patient we are, in seconds.

    An alert that fires again within `flap` re-opens its incident, and within `flicker` without waking anyone anew,
    unless something else fails than before. A person's Resolve holds against a source that still says firing for
    `grace`. A stale incident is looked at again every `recheck`. `calm` is the least time between two edits for nothing
    but new evidence.
    """

    flap: float = 600.0
    flicker: float = 60.0
    grace: float = 300.0
    recheck: float = 60.0
    calm: float = 60.0


@dataclass(frozen=True)
class Context:
    """What else a decision needs to know, looked up beforehand.

    `key`, `identity`, `labels` are for an incident yet to be opened. `who` names the people behind an escalation step's
    `notify` at a moment. `quiet` says that the probe behind an alert's labels has no fresh
    result: what its source says about the end of trouble is then no proof. `doubt` says why nothing is heard of an
    alert where we know: a sentence.
    """

    key: str
    identity: str
    labels: Labels
    plan: Plan
    who: Callable[[tuple[str, ...], float], tuple[str, ...]]
    silences: tuple[Silence, ...] = ()
    evidence: Evidence | None = None
    quiet: Callable[[Labels], bool] = lambda labels: False
    doubt: Callable[[Alert], str] = lambda alert: ""
    policy: Policy = field(default_factory=Policy)


def standing(alerts: tuple[Alert, ...]) -> dict[Labels, Status]:
    """How each alert stands, over all sources that speak of it.

    One source that says firing is enough. Otherwise the newest word counts: a source that went quiet makes it stale,
    and another one's later `resolved` settles it.
    """
    members: dict[Labels, Alert] = {}
    for alert in alerts:
        known = members.get(alert.labels)
        if known is None or _weight(alert) > _weight(known):
            members[alert.labels] = alert
    return {member: alert.status for member, alert in members.items()}


def _weight(alert: Alert) -> tuple[bool, float, bool]:
    return alert.status is Status.FIRING, alert.told_at, alert.status is Status.STALE
