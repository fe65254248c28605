"""The prober icmp: one echo."""

import asyncio
from time import perf_counter

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, GuardedResolver
from probes.blackbox.modules import IcmpModule
from probes.net.address import ascii_host
from probes.net.echo import Echo, ping
from probes.net.errors import NetError


async def look(module: IcmpModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One echo. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    host = ascii_host(target.removeprefix("[").removesuffix("]"))
    resolver = GuardedResolver(guard, module.preferred_ip_protocol, module.ip_protocol_fallback)
    answer, started, ip = Answer(), perf_counter(), ""
    resolved, echo = started, None
    try:
        async with asyncio.timeout_at(deadline):
            (ip,) = await resolver.resolve(host)
        resolved = perf_counter()
        left = deadline - asyncio.get_running_loop().time()
        echo = await ping(ip, left, size=module.payload_size, ttl=module.ttl)
    except TimeoutError:
        answer.reason = f"resolve: {host} was not resolved in time"
    except NetError as error:
        answer.reason = str(error)
    answer.success = echo is not None
    answer.reached(ip, resolved - started)
    _measure(answer, resolved - started, perf_counter() - resolved, echo)
    return answer


def _measure(answer: Answer, resolve: float, rest: float, echo: Echo | None) -> None:
    rtt = echo.seconds if echo else 0.0
    answer.add("probe_icmp_duration_seconds", resolve, phase="resolve")
    answer.add("probe_icmp_duration_seconds", max(0.0, rest - rtt) if echo else 0.0, phase="setup")
    answer.add("probe_icmp_duration_seconds", rtt, phase="rtt")
    if echo and echo.hop_limit is not None:
        answer.add("probe_icmp_reply_hop_limit", float(echo.hop_limit))
