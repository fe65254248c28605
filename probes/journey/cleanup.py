"""Tidies up behind a walk: cancels what it ordered, and what walks that were cut off have left behind."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from probes.base import Outcome
from probes.journey.settings import JourneySettings, Reap
from probes.journey.step import Request
from probes.journey.walk import Leg, Walk, story
from probes.page import Page
from probes.pattern import json_path

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 20
_MOST_REMEMBERED = 10_000


async def clean_up(walk: Walk, settings: JourneySettings, deadline: float) -> list[Leg]:
    """Take every cleanup step whose `when` was captured; one that fails does not stop the next."""
    return [
        await walk.take(step, deadline)
        for step in settings.cleanup
        if step.when is None or walk.values.get(step.when) not in (None, "")
    ]


class Reaper:
    """Finds leftovers and cleans them up, once it has seen them for long enough to be nobody's running walk.

    Their age is how long we have seen them, not what the shop's clock says. `clock` is monotonic seconds.
    """

    def __init__(self, settings: JourneySettings, reap: Reap, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._reap = reap
        self._clock = clock
        self._first_seen: dict[str, float] = {}
        self._next = 0.0
        self.left = 0
        self.reaped = 0

    @property
    def is_due(self) -> bool:
        """Twice in `older_than` is often enough to look."""
        return self._clock() >= self._next

    async def sweep(self, walk: Walk, deadline: float) -> list[Leg]:
        """Look once; answers what went wrong, if anything. `left` and `reaped` are counted anew."""
        self._next = self._clock() + self._reap.older_than / 2
        reap = self._reap
        listed = Request(name="reap", get=reap.get, auth=reap.auth, headers=reap.headers)
        listing = await walk.take(listed, deadline)
        if listing.reply is None or listing.outcome is not Outcome.UP:
            return [listing]
        try:
            found = _numbers(listing.reply.page, reap.each)
        except (ValueError, RecursionError) as error:
            listing.outcome, listing.sentence = Outcome.DOWN, f"the list of leftovers cannot be read as JSON: {error}"
            return [listing]
        return await self._clean(walk, found, deadline)

    async def _clean(self, walk: Walk, found: list[str], deadline: float) -> list[Leg]:
        now = self._clock()
        self._first_seen = {number: self._first_seen.get(number, now) for number in found[:_MOST_REMEMBERED]}
        old = [number for number, seen in self._first_seen.items() if now - seen >= self._reap.older_than]
        name, failures, self.reaped = self._settings.reaped_name, [], 0
        for number in old[:_MOST_AT_ONCE]:
            if asyncio.get_running_loop().time() >= deadline:
                break
            steps = [step for step in self._settings.cleanup if step.when == name]
            legs = [await walk.take(step, deadline, {name: number}) for step in steps]
            failed = [leg for leg in legs if leg.outcome is not Outcome.UP]
            failures += failed
            if not failed:
                self.reaped += 1
                del self._first_seen[number]
        self.left = len(self._first_seen)
        if self.reaped:
            _log.info("journey %s: cleaned up %d leftovers of earlier walks", self._settings.name, self.reaped)
        if failures:
            _log.warning("journey %s: leftovers remain: %s", self._settings.name, story(failures, walk.redactor))
        return failures[:1]


def _numbers(page: Page, path: str) -> list[str]:
    """What the list holds at the path, as text. Raises ValueError."""
    found = json_path(path).findall(page.json)
    return list(dict.fromkeys(str(value) for value in found if isinstance(value, str | int)))
