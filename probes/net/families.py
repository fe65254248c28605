"""IPv4 and IPv6, looked at apart: half of the shoppers come by one of them, and browsers hide it when one is broken."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, cast

from pydantic import BeforeValidator

from probes.base import Evidence, Finding, Metric, Outcome, Sample, Step
from probes.net.reach import NetworkSettings, family_word
from probes.net.resolver import Family

#: `any`, `4`, `6`; `each` looks at both and is what a shopper's browser would get: one that fails is degraded; `both`
#: is strict: one that fails is down.
Families = Literal["any", "4", "6", "each", "both"]
IpFamilies = Annotated[Families, BeforeValidator(family_word, json_schema_input_type=int | str)]
FAMILY_METRICS: tuple[Metric, ...] = (
    Metric("probe_family_success", "gauge", "1 if the look over this family (4 or 6) was good, else 0."),
    Metric("probe_family_duration_seconds", "gauge", "How long the look over this family took, all phases together."),
)
_APART: tuple[Family, ...] = ("6", "4")
_GOOD = (Outcome.UP, Outcome.DEGRADED)
#: From the best to the worst, where every family must be good.
_STRICT = (Outcome.UP, Outcome.DEGRADED, Outcome.UNKNOWN, Outcome.BLOCKED, Outcome.DOWN)


class FamiliesSettings(NetworkSettings):
    """A network probe that can look over both families apart: `ip: each` or `ip: both`."""

    ip: IpFamilies = "any"  # type: ignore[assignment]  # the same word with two more values

    @property
    def families(self) -> tuple[Family, ...]:
        """The looks to take."""
        return _APART if self.ip in ("each", "both") else (cast(Family, self.ip),)


async def look_by(settings: FamiliesSettings, look: Callable[[Family], Awaitable[Finding]]) -> Finding:
    """One finding of the looks over each family that the settings ask for, taken side by side."""
    if len(settings.families) == 1:
        return await look(settings.families[0])
    found = await asyncio.gather(*(look(family) for family in _APART))
    return _together(dict(zip(_APART, found, strict=True)), strict=settings.ip == "both")


def _together(found: dict[Family, Finding], *, strict: bool) -> Finding:
    outcome = _verdict([finding.outcome for finding in found.values()], strict)
    bad = {family: finding for family, finding in found.items() if finding.outcome is not Outcome.UP}
    reason = "; ".join(f"over IPv{family}: {finding.reason}" for family, finding in bad.items())
    best = min(found.values(), key=lambda finding: _STRICT.index(finding.outcome))
    if outcome is Outcome.UP:
        reason = ""
    samples = list(best.samples)
    for family, finding in found.items():
        labels = (("family", family),)
        if finding.outcome is not Outcome.UNKNOWN:
            samples.append(Sample("probe_family_success", float(finding.outcome in _GOOD), labels))
        if finding.evidence:
            took = sum(step.seconds or 0.0 for step in finding.evidence.steps)
            samples.append(Sample("probe_family_duration_seconds", took, labels))
    return Finding(outcome, reason, tuple(samples), _evidence(reason or "as expected", found, best))


def _verdict(outcomes: list[Outcome], strict: bool) -> Outcome:
    """Strict: the worst. Else what a browser gets, which falls back to the other family: a failing one only degrades.
    A family over which we could not look says nothing.
    """
    ranked = sorted(outcomes, key=_STRICT.index)
    if strict or ranked[0] not in _GOOD:
        return ranked[-1]
    return Outcome.DEGRADED if ranked[-1] in (Outcome.BLOCKED, Outcome.DOWN) else ranked[0]


def _evidence(summary: str, found: dict[Family, Finding], best: Finding) -> Evidence:
    """The legs of both, and the facts of the better one; the excerpt of the one that failed."""
    steps = [
        Step(f"IPv{family}: {step.name}", step.outcome, step.seconds, step.detail)
        for family, finding in found.items()
        for step in (finding.evidence.steps if finding.evidence else ())
    ]
    excerpts = (finding.evidence.excerpt for finding in found.values() if finding.evidence)
    facts = best.evidence.facts if best.evidence else ()
    return Evidence(summary, tuple(steps), facts, next(filter(None, excerpts), ""))
