"""Tells a dead man's switch outside that we live, and only while we really do our work; its alarm is our silence.

Such a switch (healthchecks.io, Dead Man's Snitch, a cron monitor of one's own) wakes somebody when pings stop coming.
It covers what Shopwatch cannot say about itself: its machine, its network, its pager.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated

from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import AfterValidator, Field, model_validator

from probes.settings import Secret, SecretUnreadable, Settings
from probes.units import Interval, format_duration

_log = logging.getLogger(__name__)

#: The first ping waits this long: the auditor, the probers and the rules need a first look of their own.
_SETTLE = 10.0
#: The most reasons that one log line names.
_MOST = 3


def _check_timeout(seconds: float) -> float:
    if seconds > 60:
        raise ValueError(f"{format_duration(seconds)} is too long to wait for an answer; write such as 10s")
    return seconds


class DeadmanSettings(Settings):
    """A switch outside that wakes somebody when our pings stop coming."""

    url: Secret | None = Field(default=None, description="What to ask for: the switch's address, which is a secret.")
    every: Interval = Field(default=60.0, description="How often to ping; the switch expects it as often.")
    timeout: Annotated[Interval, AfterValidator(_check_timeout)] = Field(
        default=10.0, description="How long to wait for its answer."
    )

    @model_validator(mode="after")
    def _has_url(self) -> "DeadmanSettings":
        if self.url is None:
            raise ValueError("a dead man's switch needs url, or url_file")
        return self


class Deadman:
    """Pings while `faults`, which answers in sentences what keeps us from our work and may not block, finds nothing."""

    def __init__(
        self,
        faults: Callable[[], Sequence[str]],
        clock: Callable[[], float],
        registry: CollectorRegistry,
        settle: float = _SETTLE,
    ) -> None:
        self._faults, self._clock, self._settle = faults, clock, settle
        self._settings: DeadmanSettings | None = None
        self._changed = asyncio.Event()
        self._withheld: tuple[str, ...] = ()
        self._pings = Counter(
            "shopwatch_deadman_pings",
            "Pings to the switch outside: sent, failed (it did not take one), withheld (we are not sound).",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("sent", "failed", "withheld"):
            self._pings.labels(outcome)
        self._sound = Gauge(
            "shopwatch_deadman_sound", "1 if the last look found us fit to tell the switch so.", registry=registry
        )
        self._sound.set(1)

    def apply(self, settings: DeadmanSettings | None) -> None:
        """Ping this switch from now on; none for None."""
        if settings != self._settings:
            self._settings = settings
            self._changed.set()

    async def run(self) -> None:
        """Ping for ever."""
        await asyncio.sleep(self._settle)
        while True:
            self._changed.clear()
            settings = self._settings
            if settings is not None:
                try:
                    await self._ping_if_sound(settings)
                except Exception:  # one bad round must not end the rounds
                    _log.exception("the dead man's switch could not be pinged")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), settings.every if settings else None)

    async def _ping_if_sound(self, settings: DeadmanSettings) -> None:
        faults = tuple(self._faults())
        self._sound.set(not faults)
        if faults:
            self._pings.labels("withheld").inc()
            if faults != self._withheld:
                more = f", and {len(faults) - _MOST} more" if len(faults) > _MOST else ""
                _log.error("the dead man's switch is not pinged: %s%s", "; ".join(faults[:_MOST]), more)
        else:
            if self._withheld:
                _log.info("the dead man's switch is pinged again")
            trouble = await _ask(settings)
            self._pings.labels("failed" if trouble else "sent").inc()
            if trouble:
                _log.error("the dead man's switch did not take the ping: %s", trouble)
        self._withheld = faults


async def _ask(settings: DeadmanSettings) -> str:
    """Ping once; answers why it did not work, without the address. The whole of it must end within the timeout."""
    from probes.net.client import AsyncClient, InvalidURL, TransportError  # 6 MiB that most services do without

    assert settings.url is not None  # the model says so
    try:
        url = await asyncio.to_thread(settings.url.read)
        async with asyncio.timeout(settings.timeout), AsyncClient(trust_env=False, timeout=None) as client:
            answer = await client.get(url, headers={"User-Agent": "shopwatch"})
    except SecretUnreadable as error:
        return str(error)
    except TimeoutError:
        return f"no answer within {format_duration(settings.timeout)}"
    except (TransportError, InvalidURL, ValueError) as error:
        return type(error).__name__
    return "" if answer.is_success else f"it answers {answer.status_code}"
