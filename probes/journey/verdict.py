"""Says how a walk went: its outcome, the one sentence, the numbers, and the evidence for a person at night."""

from probes.base import Evidence, Finding, Labels, Metric, Outcome, Sample, Step
from probes.journey.cleanup import Reaper
from probes.journey.settings import JourneySettings
from probes.journey.walk import Leg, Walk, story
from probes.journey.words import LONGEST, excerpt
from probes.units import format_duration

_LONGEST_REASON = 700

METRICS: tuple[Metric, ...] = (
    Metric("journey_steps", "gauge", "How many steps the walk has."),
    Metric("journey_steps_completed", "gauge", "How many steps went well before the walk ended."),
    Metric("journey_duration_seconds", "gauge", "How long the steps took together, without cleaning up."),
    Metric("journey_step_success", "gauge", "1 if the step went well, 0 if it failed; absent when it was not reached."),
    Metric("journey_step_duration_seconds", "gauge", "How long the step took, redirects included."),
    Metric("journey_step_phase_seconds", "gauge", "How long each phase of the step's requests took."),
    Metric("journey_cleanup_success", "gauge", "1 if all that the walk left was cleaned up, 0 if not."),
    Metric("journey_leftovers", "gauge", "What earlier walks left and nobody has cleaned up yet, as last listed."),
    Metric("journey_reaped", "gauge", "How many leftovers the last look for them cleaned up."),
)


def verdict(settings: JourneySettings, walk: Walk, tidied: list[Leg], reaper: Reaper | None) -> Finding:
    """The finding of a walk that ended, with what cleaning up had to say."""
    untidy = [leg for leg in tidied if leg.outcome is not Outcome.UP]
    outcome, reason = _judged(settings, walk)
    if untidy:
        told = f"cleaning up failed at {story(untidy, walk.redactor)}"
        outcome = Outcome.DEGRADED if outcome is Outcome.UP else outcome
        reason = f"{reason}; {told}" if reason else f"the walk went well, but {told}"
    reason = reason[:_LONGEST_REASON]
    samples = _samples(settings, walk, tidied, untidy, reaper)
    return Finding(outcome, reason, samples, _evidence(settings, walk, tidied, untidy, reason))


def _judged(settings: JourneySettings, walk: Walk) -> tuple[Outcome, str]:
    failed = walk.failed
    if failed is not None:
        place = f"step {failed.step.name!r} ({len(walk.legs)} of {len(settings.steps)})"
        return failed.outcome, f"{place}: {walk.redactor.clean(failed.sentence)}"
    seconds = _seconds(walk)
    if settings.degraded is not None and seconds > settings.degraded.after:
        slowest = max(walk.legs, key=lambda leg: leg.seconds or 0.0)
        return Outcome.DEGRADED, (
            f"slow: the walk took {format_duration(seconds)}, expected {format_duration(settings.degraded.after)};"
            f" the slowest step was {slowest.step.name!r} with {format_duration(slowest.seconds or 0.0)}"
        )
    return Outcome.UP, ""


def _seconds(walk: Walk) -> float:
    return sum(leg.seconds or 0.0 for leg in walk.legs)


def _samples(
    settings: JourneySettings, walk: Walk, tidied: list[Leg], untidy: list[Leg], reaper: Reaper | None
) -> tuple[Sample, ...]:
    samples = [
        Sample("journey_steps", float(len(settings.steps))),
        Sample("journey_steps_completed", float(sum(leg.outcome is Outcome.UP for leg in walk.legs))),
        Sample("journey_duration_seconds", _seconds(walk)),
    ]
    for leg in walk.legs:
        samples += _leg_samples(leg)
    if tidied:
        samples.append(Sample("journey_cleanup_success", 0.0 if untidy else 1.0))
    if reaper is not None:
        samples.append(Sample("journey_leftovers", float(reaper.left)))
        samples.append(Sample("journey_reaped", float(reaper.reaped)))
    return tuple(samples)


def _leg_samples(leg: Leg) -> list[Sample]:
    labels: Labels = (("step", leg.step.name),)
    samples = []
    if leg.outcome in (Outcome.UP, Outcome.DOWN):
        samples.append(Sample("journey_step_success", 1.0 if leg.outcome is Outcome.UP else 0.0, labels))
    if leg.seconds is not None:
        samples.append(Sample("journey_step_duration_seconds", leg.seconds, labels))
    samples += [
        Sample("journey_step_phase_seconds", seconds, (("phase", phase), *labels))
        for phase, seconds in leg.phases.items()
    ]
    return samples


def _evidence(settings: JourneySettings, walk: Walk, tidied: list[Leg], untidy: list[Leg], reason: str) -> Evidence:
    clean = walk.redactor.clean
    steps = [Step(leg.step.name, leg.outcome, leg.seconds, clean(leg.sentence)) for leg in walk.legs]
    steps += [Step(step.name, Outcome.UNKNOWN) for step in settings.steps[len(walk.legs) :]]
    steps += [Step(f"cleanup: {leg.step.name}", leg.outcome, leg.seconds, clean(leg.sentence)) for leg in tidied]
    telling = walk.failed or next(iter(untidy), None) or walk.legs[-1]
    facts = [("step", telling.step.name)]
    body = ""
    if telling.reply is not None:
        page = telling.reply.page
        facts += [("status", str(page.status)), ("url", clean(page.url))]
        facts += [("request id", clean(telling.reply.request_id))] if telling.reply.request_id else []
        facts += [("ip", telling.reply.ip)] if telling.reply.ip else []
        body = clean(excerpt(page))[:LONGEST] if telling.sentence else ""
    summary = reason or f"all {len(walk.legs)} steps went well in {format_duration(_seconds(walk))}"
    return Evidence(summary, tuple(steps), tuple(facts), body)
