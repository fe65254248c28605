"""Whom to tell next when nobody has answered yet."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import Field

from probes.settings import Name, Settings
from probes.units import Interval, format_duration


class EscalationStep(Settings):
    """Tell these people by these notifiers, and wait `within` for an ack; then again `repeat` times, then go on."""

    notify: tuple[str, ...] = ()
    by: Annotated[tuple[str, ...], Field(min_length=1)]
    within: Interval = 300.0
    repeat: Annotated[int, Field(ge=0, le=100)] = 0


class Escalation(Settings):
    """The steps taken, one after the other, until somebody acks."""

    name: Name
    steps: Annotated[tuple[EscalationStep, ...], Field(min_length=1)]


class Position(NamedTuple):
    """How far an escalation has come: its step, and how often that step was repeated. Both count from 0."""

    step: int
    repeat: int = 0


@dataclass(frozen=True)
class Plan:
    """What to do about one incident. A plan that `insists` goes on until an ack; a ticket's plan tells once."""

    name: str
    steps: tuple[EscalationStep, ...]
    insists: bool = True

    def after(self, position: Position | None) -> Position | None:
        """The next position; None when all steps are done."""
        if position is None:
            return Position(0)
        if not self.insists or position.step >= len(self.steps):
            return None
        if position.repeat < self.steps[position.step].repeat:
            return Position(position.step, position.repeat + 1)
        return Position(position.step + 1) if position.step + 1 < len(self.steps) else None

    def describe(self, position: Position) -> str:
        """` (step 2 of 3)`, with its repetition; empty when there is nothing to tell apart."""
        words = [f"step {position.step + 1} of {len(self.steps)}"] if len(self.steps) > 1 else []
        if position.repeat:
            words.append(f"repeat {position.repeat} of {self.steps[position.step].repeat}")
        return f" ({', '.join(words)})" if words else ""

    def waited(self, position: Position) -> str:
        """How long the step waited for an ack, as people write it."""
        return format_duration(self.steps[position.step].within)


def tell_once(name: str, notifiers: tuple[str, ...]) -> Plan:
    """The plan of a route that names notifiers only: tell their channels once, and insist on nothing."""
    return Plan(name, (EscalationStep(by=notifiers),), insists=False)
