"""Walks through the shop as a shopper does, from the first page to the paid order, and tidies up behind itself."""

import asyncio
import logging
from collections.abc import Coroutine

from probes.base import Finding, Outcome, Probe, Run
from probes.journey.cleanup import Reaper, clean_up
from probes.journey.settings import JourneySettings
from probes.journey.verdict import METRICS, verdict
from probes.journey.walk import Leg, Logins, Walk, story
from probes.net.http import Http
from probes.net.reach import before

_log = logging.getLogger(__name__)


class JourneyProbe(Probe[JourneySettings]):
    """A walk over HTTP with cookies, captures, assertions and cleanup.

    Up: every step held. Degraded: it held, but took longer than `degraded.after`, or could not be tidied up. Down: a
    step failed, by its status, its content, or its silence; the reason names the step. Blocked: a rate limiter or a
    firewall turned the walk away. Unknown: we could not walk, for a reason of our own (no route, an unreadable secret).
    """

    settings_model = JourneySettings
    metrics = METRICS

    async def open(self) -> None:
        """Build once what every walk needs."""
        settings = self.settings
        self._resolver = settings.make_resolver()
        self._logins = Logins(Http(resolver=self._resolver, family=settings.ip, tls=settings.tls))
        self._reaper = Reaper(settings, settings.reap) if settings.reap else None
        self._tidying: set[asyncio.Task[list[Leg]]] = set()

    async def close(self) -> None:
        """Wait for what is still being tidied up: an order must not stay because we were stopped."""
        if self._tidying:
            await asyncio.wait(self._tidying)

    async def check(self, run: Run) -> Finding:
        """Walk once, and tidy up whatever happened on the way."""
        settings = self.settings
        deadline = before(run)
        # Connections are kept within a walk, as a browser does, and every walk begins with new ones.
        http = Http(resolver=self._resolver, family=settings.ip, tls=settings.tls, reuse=True)
        walk = Walk(settings, run, http, self._logins)
        try:
            await walk.go(deadline - settings.kept_back)
        except BaseException:
            # We are cut off, or have a bug; neither excuses what we ordered. It goes on in the background: see close().
            self._in_background(self._tidy(walk, asyncio.get_running_loop().time() + settings.kept_back))
            raise
        # Should we be cut off now, tidying up goes on.
        tidied = await asyncio.shield(self._in_background(self._tidy(walk, deadline)))
        return verdict(settings, walk, tidied, self._reaper)

    async def _tidy(self, walk: Walk, deadline: float) -> list[Leg]:
        try:
            legs = await clean_up(walk, self.settings, deadline)
            if self._reaper is not None and self._reaper.is_due:
                legs += await self._reaper.sweep(walk, deadline)
        finally:
            await walk.close()
        untidy = [leg for leg in legs if leg.outcome is not Outcome.UP]
        if untidy:
            _log.warning("journey %s: cleaning up failed: %s", self.settings.name, story(untidy, walk.redactor))
        return legs

    def _in_background(self, work: Coroutine[None, None, list[Leg]]) -> "asyncio.Task[list[Leg]]":
        task = asyncio.create_task(work)
        self._tidying.add(task)
        task.add_done_callback(self._tidying.discard)
        return task
