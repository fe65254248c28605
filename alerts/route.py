"""Decides where an alert goes: the first route whose labels fit takes it."""

from collections.abc import Sequence

from pydantic import Field

from alerts.match import Match, matches
from alerts.quiet import QuietHours
from probes.base import Labels
from probes.settings import Settings


class Route(Settings):
    """Where alerts with certain labels go: up an escalation, or straight to notifiers. The first that fits wins."""

    match: Match = Field(
        default_factory=dict, description="The labels an alert must have; left out, the route takes every alert."
    )
    escalation: str | None = Field(default=None, description="The escalation that pages people, step by step.")
    notify: tuple[str, ...] = Field(default=(), description="The notifiers that are told, without paging anybody.")
    group_by: tuple[str, ...] = Field(
        default=(), description="Labels whose alerts share one incident; left out, every alert has its own."
    )
    quiet: QuietHours | None = Field(
        default=None, description="Hours in which `notify` waits until they are over; an escalation never waits."
    )


def route(routes: Sequence[Route], labels: Labels) -> Route | None:
    """The first route that fits an alert's labels, or None when none does."""
    return next((route for route in routes if matches(route.match, labels)), None)
