"""One look of a probe in a test, as the prober would have it done."""

import asyncio
import time
from typing import Any

from probes.base import Finding, Probe, Run


async def look(kind: type[Probe[Any]], *, patience: float = 5.0, now: float | None = None, **words: Any) -> Finding:
    """Read the settings as YAML gives them, open, look once, close."""
    probe = kind(kind.settings_model.model_validate({"name": "probe", **words}))
    await probe.open()
    try:
        deadline = asyncio.get_running_loop().time() + patience
        return await probe.check(Run(deadline, time.time() if now is None else now, "run"))
    finally:
        await probe.close()


def numbers(finding: Finding) -> dict[str, float]:
    """The samples without labels, by name, and the phases as `name{phase}`."""
    return {
        sample.name + "".join(f"{{{value}}}" for _, value in sample.labels[:1]): sample.value
        for sample in finding.samples
    }
