"""One answer to `/probe?target=…&module=…`: the module's prober, its timeout, and the page."""

import asyncio
from time import perf_counter

from probes.blackbox import dns, grpc, http, icmp, tcp
from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard
from probes.blackbox.modules import DEFAULT_TIMEOUT, Module
from probes.blackbox.secrecy import discreet

#: So many seconds before Prometheus would give the scrape up, we answer: a failed probe beats a failed scrape.
_OFFSET = 0.5


def patience(module: Module, scrape_timeout: float | None) -> float:
    """Seconds that a probe may take. `scrape_timeout` is Prometheus' X-Prometheus-Scrape-Timeout-Seconds."""
    limit = module.timeout or DEFAULT_TIMEOUT
    if scrape_timeout is None or not 0 < scrape_timeout < float("inf"):
        return limit
    offset = _OFFSET if scrape_timeout > _OFFSET else 0.0
    return min(limit, scrape_timeout - offset)


async def probe(module: Module, target: str, guard: Guard, seconds: float) -> tuple[Answer, str]:
    """The outcome and its page, fit to be shown. Raises ValueError for a target that makes no sense."""
    started = perf_counter()
    deadline = asyncio.get_running_loop().time() + seconds
    if module.prober == "http":
        answer = await http.look(module.http, target, guard, deadline)
    elif module.prober == "tcp":
        answer = await tcp.look(module.tcp, target, guard, deadline)
    elif module.prober == "icmp":
        answer = await icmp.look(module.icmp, target, guard, deadline)
    elif module.prober == "grpc":
        answer = await grpc.look(module.grpc, target, guard, deadline)
    else:
        assert module.dns is not None
        answer = await dns.look(module.dns, target, guard, deadline)
    answer.reason = discreet(module, answer.reason, answer.secrets)
    return answer, answer.text(perf_counter() - started)
