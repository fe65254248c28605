"""What of an alert's standing must outlive a restart, and how it is taken up again.

Prometheus looks its `for` state up in ALERTS_FOR_STATE (rules/group.go: RestoreForState); we keep it in the store.
An alert that was firing is taken up as firing, but awaited: it is told neither as firing nor as resolved until its rule
has been able to look, because the recent samples are gone and an empty answer proves nothing yet.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from alerts.active import Active, State
from alerts.rule import AlertingRule, milliseconds
from probes.base import Labels
from probes.units import format_duration

#: Prometheus' --rules.alert.for-outage-tolerance and --rules.alert.for-grace-period, in milliseconds.
OUTAGE_TOLERANCE = 60 * 60_000
GRACE_PERIOD = 10 * 60_000
#: An awaited alert is let go after this long at most, in milliseconds.
LONGEST_WAIT = 60 * 60_000
#: Where no probe is named, the samples of any may be missing: as long as PromQL looks back, in milliseconds.
_LOOKBACK = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Kept:
    """One alert as the store keeps it. Times are milliseconds, UTC; `seen_at` is when we last stood watch."""

    group: str
    rule: str
    labels: Labels
    state: State
    active_at: int
    fired_at: int | None
    missed_at: int | None
    value: float
    annotations: tuple[tuple[str, str], ...]
    seen_at: int


def kept(group: str, rule: str, alert: Active, at: int) -> Kept:
    """What to keep of a pending or firing alert."""
    annotations = tuple(sorted(alert.annotations.items()))
    times = (alert.since, alert.fired_at, alert.missed_at)
    return Kept(group, rule, alert.labels, alert.state, *times, alert.value, annotations, at)


def awaited(kept: Kept) -> Active:
    """A firing alert taken up again."""
    return Active(
        labels=kept.labels,
        annotations=dict(kept.annotations),
        value=kept.value,
        state=State.FIRING,
        active_at=kept.active_at,
        fired_at=kept.fired_at,
        missed_at=kept.missed_at,
        awaited=True,
    )


def restored_start(rule: AlertingRule, kept: Kept, at: int) -> int | None:
    """Since when a pending alert, seen again at `at`, counts as active; None when it starts anew.

    The outage itself does not count as pending, and no alert fires earlier than the grace period after the restart.
    """
    hold = milliseconds(rule.hold)
    if hold < GRACE_PERIOD or at - kept.seen_at > OUTAGE_TOLERANCE:
        return None
    remaining = hold - (kept.seen_at - kept.active_at)
    if remaining <= 0:
        return kept.active_at
    if remaining < GRACE_PERIOD:
        return at + GRACE_PERIOD - hold
    return kept.active_at + (at - kept.seen_at)


def has_looked(alert: Active, rule_window: int, at: int, started: int, heard: Callable[[str], bool]) -> bool:
    """Whether an empty answer about this awaited alert means something by now.

    Its probe has reported since the start, and the rule's longest window has filled again; an hour at most.
    """
    waited = at - started
    if waited >= LONGEST_WAIT:
        return True
    probe = _probe(alert)
    return waited >= wait_of(alert, rule_window) and (not probe or heard(probe))


def wait_of(alert: Active, rule_window: int) -> int:
    """How long after a restart its rule has to look before it may say that an alert is over, in milliseconds."""
    return min(rule_window if _probe(alert) else max(rule_window, _LOOKBACK), LONGEST_WAIT)


def why_waiting(wait: int, started: int) -> str:
    """What to say of an alert meanwhile; both in milliseconds."""
    looks, end = format_duration(wait / 1000), _clock(started + wait)
    over = f"this rule needs {looks} of looks before it may say that it is over (until {end} UTC)"
    return f"Shopwatch restarted at {_clock(started)}; {over}"


def _probe(alert: Active) -> str:
    return next((value for name, value in alert.labels if name == "probe"), "")


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M")
