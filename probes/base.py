"""What every probe is made of: it looks once at one thing, and says what it saw."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import Field

from probes.settings import LabelsByName, Name, Settings
from probes.units import Interval


class Outcome(StrEnum):
    """How a look ended. Only DOWN is an outage of the shop; UNKNOWN is our own trouble, never the shop's."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


#: Sorted (name, value) pairs, as Prometheus identifies a series.
Labels = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """A metric that a probe promises: its name is an API."""

    name: str
    type: str  # gauge | counter | histogram
    help: str


class Sample(NamedTuple):
    """One number with its name. `labels` are the sample's own; the service adds probe, type and location."""

    name: str
    value: float
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One leg of a look: a phase of a request, or a step of a journey. `seconds` is None when it never began."""

    name: str
    outcome: Outcome
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person needs to believe the outcome: short, free of secrets, safe to show in Slack.

    `facts` are (name, value) pairs such as ("status", "500"); `excerpt` is at most 2,000 characters of what came back.
    """

    summary: str
    steps: tuple[Step, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. `reason` is one sentence that says what was expected and what came; empty when up."""

    outcome: Outcome
    reason: str = ""
    samples: tuple[Sample, ...] = ()
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A finding with its place in time, as it travels from a prober to the service.

    `slot` is the wall-clock second (UTC) at which the look was due, `late` how many seconds after that it began, and
    `duration` how many monotonic seconds it took. An `extra` look belongs to no slot: the probe was failing, or its
    first slot was far off. It says how things are now, but rates of failures count slots only. `run_id` is the look's
    (see Run); empty when the probe could not even be made.
    """

    probe: str
    type: str
    slot: float
    late: float
    duration: float
    finding: Finding
    extra: bool = False
    run_id: str = ""

    @property
    def outcome(self) -> Outcome:
        """The finding's outcome."""
        return self.finding.outcome

    @property
    def at(self) -> float:
        """When the look ended: wall-clock seconds, UTC."""
        return self.slot + self.late + self.duration


@dataclass(frozen=True, slots=True)
class Run:
    """What a probe is told when it looks: when it must be done, and who is looking.

    `deadline` is a time of the running loop's monotonic clock; the prober cancels the check there, and the outcome is
    then down. `now` is wall-clock seconds (UTC). `beat` is the newest report of a passive probe's job, and
    `waiting_since` the wall-clock second (UTC) at which we began to expect one.
    """

    deadline: float
    now: float
    run_id: str
    location: str = ""
    beat: "Beat | None" = None
    waiting_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Beat:
    """A job's own report on /heartbeat/NAME: when (wall clock, UTC), and whether it went well.

    `deaf` is for how many seconds since then nobody listened, because Shopwatch itself was down.
    """

    at: float
    ok: bool = True
    message: str = ""
    deaf: float = 0.0


class ProbeSettings(Settings):
    """The settings that every probe has; a kind adds its own."""

    name: Name
    type: str
    every: Interval = 15.0
    timeout: Interval = 5.0
    while_failing: Interval | None = Field(
        default=None, description="How often it looks while it is down. Default: a third of `every`, from 5s to 1m."
    )
    owner: str = Field(default="", description="Whose it is: a label on all it sees, and so on its alerts and routes.")
    labels: LabelsByName = Field(default_factory=dict)

    @property
    def named_metrics(self) -> tuple[Metric, ...]:
        """What `check` may return beside its kind's metrics, because these settings name it."""
        return ()

    @property
    def every_while_failing(self) -> float:
        """How often it looks while it is down, in seconds; as long as `every` means that it makes no extra looks."""
        return min(self.every, self.while_failing or self.default_while_failing)

    @property
    def default_while_failing(self) -> float:
        """What `while_failing` is where nobody says: a third of the interval, from 5 s to a minute."""
        return min(max(self.every / 3, 5.0), 60.0)


S = TypeVar("S", bound=ProbeSettings)


class Probe(ABC, Generic[S]):
    """One kind of probe. A kind is one file: its settings, its metrics and its `check`, side by side."""

    #: The model of this kind's settings.
    settings_model: ClassVar[type[ProbeSettings]]
    #: Every metric that `check` may return, beside those that all probes have (see COMMON_METRICS).
    metrics: ClassVar[tuple[Metric, ...]] = ()
    #: A passive probe does not look: it waits for a job to report, and is judged in the service from `Run.beat`.
    passive: ClassVar[bool] = False
    #: What it looks at lies beyond our own network, whose failure would look like the target's (see alerts.canary).
    remote: ClassVar[bool] = True

    def __init__(self, settings: S) -> None:
        self.settings = settings

    async def open(self) -> None:
        """Prepare what is kept between looks. Called in the prober, before the first check."""

    async def close(self) -> None:
        """Let go of what `open` prepared."""

    @abstractmethod
    async def check(self, run: Run) -> Finding:
        """Look once. Whatever is wrong with the target is a Finding; an exception means that we could not look."""


#: What the service exposes for every probe, whatever its kind.
COMMON_METRICS: tuple[Metric, ...] = (
    Metric(
        "probe_success", "gauge", "1 if the last look was up or degraded, 0 if down; absent when we could not look."
    ),
    Metric("probe_duration_seconds", "gauge", "How long the last look took."),
    Metric("probe_outcome", "gauge", "1 for the outcome of the last look, 0 for the others."),
    Metric("probe_last_run_timestamp_seconds", "gauge", "When the last look began."),
    Metric("probe_interval_seconds", "gauge", "How often the probe looks."),
    Metric("probe_results_total", "counter", "Looks by outcome."),
    Metric("probe_latency_seconds", "histogram", "How long looks took, by outcome."),
    Metric("probe_slots_total", "counter", "Slots by how they ended: run, late or missed."),
    Metric("probe_missed_total", "counter", "Missed slots by reason."),
    Metric("probe_extra_looks_total", "counter", "Looks beside the slots: while failing, or before a far first slot."),
    Metric(
        "probe_prober_lag_seconds", "gauge", "How long the prober stood still in the last look; absent if it did not."
    ),
)

AnyProbe = Probe[Any]
