"""Kinds of probe that only tests use: trivial, slow, stubborn, crashing, blocking."""

import asyncio
import os
import re
import time
from pathlib import Path

from probes.base import Evidence, Finding, Outcome, Probe, ProbeSettings, Run, Sample
from probes.registry import Registry
from probes.settings import Secret


class TrivialProbe(Probe[ProbeSettings]):
    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP, samples=(Sample("trivial", 1.0, (("at", run.location),)),))


class SlowSettings(ProbeSettings):
    type: str = "slow"
    takes: float = 1.0


class SlowProbe(Probe[SlowSettings]):
    settings_model = SlowSettings

    async def check(self, run: Run) -> Finding:
        await asyncio.sleep(self.settings.takes)
        return Finding(Outcome.UP)


class BlockingProbe(Probe[SlowSettings]):
    """Stops the whole event loop, as no probe should."""

    settings_model = SlowSettings

    async def check(self, run: Run) -> Finding:
        time.sleep(self.settings.takes)  # noqa: ASYNC251 - that is the point
        return Finding(Outcome.UP)


class DyingProbe(Probe[ProbeSettings]):
    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        os._exit(7)


class HangingSettings(ProbeSettings):
    type: str = "hanging"
    cure: str
    how: str = "busy"


class HangingProbe(Probe[HangingSettings]):
    """Hangs its whole process as long as the file `cure` is not there."""

    settings_model = HangingSettings

    def __init__(self, settings: HangingSettings) -> None:
        super().__init__(settings)
        if settings.how == "making":
            self._spin()

    async def check(self, run: Run) -> Finding:
        await asyncio.sleep(0.001)
        if self.settings.how == "regex":
            re.match("(a|a)*$", "a" * 40 + "b")
        elif self.settings.how == "subtask":
            await asyncio.gather(self._later(), asyncio.sleep(0.05))
        elif self.settings.how == "callback":
            asyncio.get_running_loop().call_later(0.05, self._spin)
            await asyncio.sleep(0.1)
        else:
            self._spin()
        return Finding(Outcome.UP)

    async def _later(self) -> None:
        await asyncio.sleep(0.05)
        self._spin()

    def _spin(self) -> None:
        while not Path(self.settings.cure).exists():
            pass


class ToldSettings(ProbeSettings):
    type: str = "raising"
    token: Secret = Secret("hunter2")
    message: str = "bad token hunter2\nin two lines"


class DownProbe(Probe[ProbeSettings]):
    """Down as long as the file that its owner names is not there."""

    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        there = Path(self.settings.owner).exists()  # noqa: ASYNC240 - one stat of a test's own file
        return Finding(Outcome.UP if there else Outcome.DOWN, "not there")


class RaisingProbe(Probe[ToldSettings]):
    settings_model = ToldSettings

    async def check(self, run: Run) -> Finding:
        raise RuntimeError(self.settings.message)


class KnowingProbe(Probe[SlowSettings]):
    """Knows where its time ran out."""

    settings_model = SlowSettings

    async def check(self, run: Run) -> Finding:
        try:
            await asyncio.sleep(self.settings.takes)
        except asyncio.CancelledError:
            return Finding(Outcome.DOWN, "no TLS handshake in time", evidence=Evidence("it stopped at TLS"))
        return Finding(Outcome.UP)


class OddProbe(Probe[ProbeSettings]):
    """Returns what no wire can carry."""

    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP, reason=object())  # type: ignore[arg-type]  # that is the point


class PidProbe(Probe[ProbeSettings]):
    settings_model = ProbeSettings

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP, samples=(Sample("pid", os.getpid()),))


class WaitingProbe(Probe[ProbeSettings]):
    """Passive: up when its job has reported."""

    settings_model = ProbeSettings
    passive = True

    async def check(self, run: Run) -> Finding:
        return Finding(Outcome.UP if run.beat and run.beat.ok else Outcome.DOWN)


class TestKinds(Registry):
    __test__ = False

    def __init__(self) -> None:
        names = {
            "trivial": TrivialProbe,
            "slow": SlowProbe,
            "blocking": BlockingProbe,
            "dying": DyingProbe,
            "raising": RaisingProbe,
            "down": DownProbe,
            "hanging": HangingProbe,
            "knowing": KnowingProbe,
            "odd": OddProbe,
            "pid": PidProbe,
            "waiting": WaitingProbe,
        }
        super().__init__("tests.none", {name: f"{__name__}:{kind.__name__}" for name, kind in names.items()})


KINDS = TestKinds()
