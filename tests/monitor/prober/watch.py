"""A prober under test: it starts, collects what it is told, waits for what should come, and always stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from monitor.prober.prober import Prober
from monitor.prober.slots import Missed
from probes.base import ProbeSettings, Result
from tests.monitor.prober.kinds import KINDS


class Watch:
    def __init__(self, probes: list[ProbeSettings], **options: Any) -> None:
        self.results: list[Result] = []
        self.missed: list[Missed] = []
        self.prober = Prober(probes, "here", self.results.extend, self.missed.extend, kinds=KINDS, **options)

    async def until(self, condition: Callable[[], object], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - what is awaited is told by no event
                await asyncio.sleep(0.005)

    async def more_results(self, count: int = 1, within: float = 20.0) -> None:
        wanted = len(self.results) + count
        await self.until(lambda: len(self.results) >= wanted, within)

    def of(self, name: str) -> list[Result]:
        return [result for result in self.results if result.probe == name]

    def missed_of(self, name: str, reason: str) -> int:
        return sum(missed.slots for missed in self.missed if missed.probe == name and missed.reason == reason)


@asynccontextmanager
async def watching(probes: list[ProbeSettings], **options: Any) -> AsyncIterator[Watch]:
    watch = Watch(probes, **options)
    await watch.prober.start()
    try:
        yield watch
    finally:
        await watch.prober.stop(grace=0.1)
