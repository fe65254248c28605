"""The canary: a look at something that always answers. When it fails too, it is our own network, not the shop."""

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from probes.base import Evidence, Finding, Outcome, Result
from probes.units import format_duration

#: Outcomes that prove a network: even to be turned away takes an answer.
_ALIVE = {Outcome.UP, Outcome.DEGRADED, Outcome.BLOCKED}


class Whose(StrEnum):
    """Whose trouble a failed look shows."""

    SHOP = "shop"
    OURS = "ours"
    OPEN = "open"


class _Bird:
    """What was last heard of one canary: when the newest look at it that it answered began, and when it last failed."""

    __slots__ = ("answered_from", "every", "failed_at", "fails")

    def __init__(self, every: float) -> None:
        self.every = every
        self.answered_from = self.failed_at = float("-inf")
        self.fails = False

    def fails_with(self, failed: Result) -> bool:
        """Whether it failed during this look, or has failed since before it, and not answered yet."""
        if self.failed_at >= _began(failed):
            return True
        return self.fails and _began(failed) - self.failed_at <= self.every

    def sings_after(self, failed: Result) -> bool:
        """Whether it answered a look that began after this one had failed, and did not fail while it ran."""
        return self.answered_from >= failed.at and self.failed_at < _began(failed)


class Canary:
    """Decides whether a failed look is our own network's fault. Pure: results come in, verdicts go out.

    `birds` are the probes that act as canaries, and how often each looks (seconds). With several, only the failure of
    all of them at once is ours, so that one that falls from its perch hides no outage.
    """

    def __init__(self, birds: Iterable[tuple[str, float]]) -> None:
        self._birds = {name: _Bird(every) for name, every in birds}

    @property
    def names(self) -> tuple[str, ...]:
        """The canaries."""
        return tuple(self._birds)

    @property
    def patience(self) -> float:
        """How long a failure may wait for a canary's word, in seconds: after that it is the shop's."""
        return min((bird.every for bird in self._birds.values()), default=0.0)

    def hear(self, result: Result) -> None:
        """A canary was looked at. That we could not look says nothing about the network."""
        bird = self._birds[result.probe]
        if result.outcome in _ALIVE:
            bird.answered_from, bird.fails = max(bird.answered_from, _began(result)), False
        elif result.outcome is Outcome.DOWN:
            bird.failed_at, bird.fails = max(bird.failed_at, result.at), True

    def whose(self, failed: Result) -> Whose:
        """Whose trouble a failed look shows; OPEN until a canary was looked at after it."""
        birds = self._birds.values()
        if not birds or any(bird.sings_after(failed) for bird in birds):
            return Whose.SHOP
        return Whose.OURS if all(bird.fails_with(failed) for bird in birds) else Whose.OPEN

    def alive(self, name: str) -> bool:
        """Whether this canary answered when it was last looked at."""
        return not self._birds[name].fails

    def excuse(self, failed: Result) -> Result:
        """The failed look as what it is: we could not look. What it found instead stays in its evidence."""
        found = failed.finding
        whom = f"canary {self.names[0]} fails" if len(self._birds) == 1 else f"canaries {', '.join(self.names)} fail"
        reason = f"our own network: the {whom} too"
        told = found.evidence or Evidence("")
        seen = ("seen from here", f"{found.outcome} after {format_duration(failed.duration)}: {found.reason}")
        evidence = replace(told, summary=f"{reason}. {told.summary or found.reason}", facts=(seen, *told.facts))
        return replace(failed, finding=Finding(Outcome.UNKNOWN, reason, (), evidence))


def _began(result: Result) -> float:
    return result.slot + result.late
