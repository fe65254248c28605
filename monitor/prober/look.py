"""One look: the probe only looks, while the deadline, the timing and the verdict on its failures are kept here."""

import asyncio
import logging
import secrets
import time
import traceback
from itertools import count

from monitor.prober.discretion import Discretion, discretion_of
from monitor.prober.looking import LOOKING
from probes.base import AnyProbe, Beat, Finding, Outcome, ProbeSettings, Run
from probes.net.deadline import Deadline
from probes.units import format_duration

LOG = logging.getLogger(__name__)

#: A probe that keeps the deadline itself can say where the time ran out, so it gets this long to be first, or at most
#: this part of its time.
_GRACE, _PART = 0.1, 0.05
_LONGEST_SENTENCE = 300

_token = secrets.token_hex(4)
_numbers = count(1)


def new_run(timeout: float, now: float, location: str, beat: Beat | None = None, waiting_since: float = 0.0) -> Run:
    """What a probe is told for a look that begins at once. `now` is wall clock, UTC; `timeout` in seconds."""
    return Run(time.monotonic() + timeout, now, f"{_token}{next(_numbers):x}", location, beat, waiting_since)


async def look(probe: AnyProbe, run: Run) -> Finding:
    """Let a probe look once, until its deadline. Whatever goes wrong becomes a finding.

    A look that its deadline cuts off is down. A probe that knows more may catch the CancelledError of the cut and
    return its own Finding. An exception means that we could not look, which is never the shop's fault.
    """
    LOOKING.set(probe.settings.name)
    given = run.deadline - time.monotonic()
    cut = Deadline(asyncio.get_running_loop(), run.deadline + min(_GRACE, _PART * given))
    try:
        with cut:
            finding = await probe.check(run)
    except TimeoutError as error:
        if not cut.passed:
            return could_not_look(probe.settings, error)
        return Finding(Outcome.DOWN, f"no verdict within {format_duration(given)}")
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return could_not_look(probe.settings, error)
    except Exception as error:
        return could_not_look(probe.settings, error)
    if not isinstance(finding, Finding):
        return Finding(Outcome.UNKNOWN, f"the probe answered with {type(finding).__name__} instead of a finding")
    try:
        return discretion_of(probe).discreet(finding)
    except (TypeError, AttributeError, ValueError):  # what cannot be made fit to be shown is not shown
        return Finding(Outcome.UNKNOWN, "could not look: the finding holds values other than texts and numbers")


async def prepare(kind: type[AnyProbe], settings: ProbeSettings) -> AnyProbe | Finding:
    """Make and open a probe before its first look, or say why that cannot be."""
    LOOKING.set(settings.name)
    try:
        probe: AnyProbe = kind(settings)
        await asyncio.wait_for(probe.open(), settings.timeout)
    except TimeoutError:
        timeout = format_duration(settings.timeout)
        return Finding(Outcome.UNKNOWN, f"could not look: the probe was not ready within {timeout}")
    except Exception as error:
        return could_not_look(settings, error)
    return probe


async def let_go(probe: AnyProbe) -> None:
    """Close a probe that has looked its last; that it cannot close is nobody's outage."""
    LOOKING.set(probe.settings.name)
    try:
        await asyncio.wait_for(probe.close(), probe.settings.timeout)
    except Exception as error:
        LOG.warning("the probe %s did not close: %s", probe.settings.name, could_not_look(probe.settings, error).reason)


def could_not_look(settings: ProbeSettings, error: BaseException) -> Finding:
    """The finding for an exception: one sentence, without the traceback and without the probe's secrets."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    text = Discretion(settings).cut(text)
    where = "".join(traceback.format_tb(error.__traceback__))
    LOG.debug("probe %s could not look: %s\n%s", settings.name, text, where)
    return Finding(Outcome.UNKNOWN, f"could not look: {text}"[:_LONGEST_SENTENCE])
