"""Whose word counts while a Prometheus in front evaluates the rules: ours is held back until its Watchdog falls silent.

Shopwatch goes on evaluating all the time, so that every `for` is warm. Of what it sees it tells

- every end: `resolved` from a second witness that saw the trouble begin wakes nobody, and settles what Prometheus left
  behind when it went away. As long as Prometheus itself says firing, it is outvoted (alerts.incident.standing). When
  the trouble comes back and is not ours to tell, that word is taken back: nobody knows (stale);
- while it stands in, every alert that pages;
- until it is over, every alert that it told before, whoever is back meanwhile: who begins a story ends it. A page is
  so neither lost nor told twice at the hand-over, for both witnesses' alerts are one incident.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator, Field

from alerts.alert import Alert, Status
from alerts.identity import core
from alerts.incident import Incident
from probes.base import Labels
from probes.settings import Settings
from probes.units import Interval, format_duration

#: An alert that always fires, to prove that its sender lives. It is no trouble, so it opens no incident.
WATCHDOG = "Watchdog"
#: The alert of ours that says that Prometheus has fallen silent (alerts/rules/watchdog.yml).
SILENT = "PrometheusSilent"
#: The severities that somebody is woken for.
_CRITICAL = ("page", "critical")
#: Prometheus repeats a firing alert once a minute, unless told otherwise; less patience than this is a mistake.
_LEAST = 10.0


def _check_patience(seconds: float) -> float:
    if seconds < _LEAST:
        raise ValueError(
            f"{format_duration(seconds)} is too short: Prometheus tells of its Watchdog once a minute; "
            "write three minutes or more, such as 5m"
        )
    return seconds


class PrometheusSettings(Settings):
    """A Prometheus in front evaluates the rules and tells us; we stand by, and stand in when it falls silent."""

    watchdog: Annotated[Interval, AfterValidator(_check_patience)] = Field(
        default=300.0, description="How long its Watchdog may be silent before Shopwatch tells of pages itself."
    )


class Standby:
    """Knows when the Watchdog was last heard, and of which alerts we have told. Times are seconds UTC.

    `settings` may be replaced at a reload; None: nobody is in front, and everything is told.
    """

    def __init__(self, settings: PrometheusSettings | None, now: float) -> None:
        self._settings = settings
        self._heard_at = now  # nobody is called silent before there was time to speak
        self._silent_before = False
        self._told: set[Labels] = set()  # fires, as we said
        self._settled: set[Labels] = set()  # is over, as we said

    @property
    def settings(self) -> PrometheusSettings | None:
        """Whether somebody is in front, and how patient we are."""
        return self._settings

    def apply(self, settings: PrometheusSettings | None, now: float) -> None:
        """Use other settings from now on. Who is newly in front gets time to speak."""
        if self._settings is None:
            self._heard_at = now
        self._settings = settings

    def recall(self, incidents: Iterable[Incident], source: str = "embedded") -> None:
        """After a restart: what we had told and is not over, and whether Prometheus was silent already."""
        for incident in incidents:
            for alert in incident.alerts:
                if alert.source == source and (alert.status is Status.RESOLVED or alert.ended_at is not None):
                    self._settled.add(alert.labels)
                elif alert.source == source:
                    self._told.add(alert.labels)
                    self._silent_before |= alert.name == SILENT

    def hear(self, alert: Alert, now: float) -> None:
        """A Watchdog has arrived. One that is resolved proves nothing: somebody took the rule away."""
        if alert.status is Status.FIRING:
            self._heard_at, self._silent_before = now, False

    def age(self, now: float) -> float:
        """For how many seconds the Watchdog has been silent (since the start, when it was never heard)."""
        return max(0.0, now - self._heard_at)

    def stands_in(self, now: float) -> bool:
        """Whether the one in front counts as gone, and we tell of pages ourselves."""
        settings = self._settings
        return settings is not None and (self._silent_before or self.age(now) > settings.watchdog)

    def says(self, alert: Alert, now: float) -> Alert | None:
        """What to tell of an alert that we see, firing or resolved: itself, nothing, or that we take an end back."""
        if alert.name == WATCHDOG:
            return None
        labels = core(alert.labels)
        if alert.status is not Status.FIRING:
            self._told.discard(labels)
            if self._settings is not None:
                self._settled.add(labels)
            return alert
        taken_back = labels in self._settled
        self._settled.discard(labels)
        ours = self._settings is None or labels in self._told
        if ours or (alert.label("severity") in _CRITICAL and self.stands_in(now)):
            self._told.add(labels)
            return alert
        return replace(alert, status=Status.STALE, expires_at=None) if taken_back else None
