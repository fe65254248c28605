"""The prober icmp: one echo."""

import asyncio
import socket
from time import perf_counter

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, guarded
from probes.blackbox.modules import IcmpModule
from probes.net.address import ascii_host
from probes.net.errors import NetError
from probes.net.ping import Echoes, Volley, open_socket

_IP_MTU_DISCOVER, _IP_PMTUDISC_DO = 10, 2  # linux/in.h: set the DF bit, and never mind what is known of the way


async def look(module: IcmpModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One echo. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    host = ascii_host(target.removeprefix("[").removesuffix("]"))
    resolver = guarded(module, guard)
    answer, started, ip = Answer(), perf_counter(), ""
    resolved, ready, echoes = started, started, Echoes()
    try:
        async with asyncio.timeout_at(deadline):
            (ip,) = await resolver.resolve(host)
            resolved = perf_counter()
            with open_socket(ip, host, module.source_ip_address) as opened:
                _limit_hops(opened, module.ttl)
                _keep_whole(opened, module.dont_fragment)
                volley = Volley(opened, module.payload_size)
                echoes, ready = volley.echoes, perf_counter()
                await volley.fire(1, 0.0)
    except TimeoutError:
        answer.reason = f"{host} did not answer in time" if ip else f"{host} was not resolved in time"
    except NetError as error:
        answer.reason = str(error)
    answer.success = bool(echoes.answered)
    answer.reached(ip, resolved - started)
    answer.add("probe_icmp_duration_seconds", resolved - started, phase="resolve")
    answer.add("probe_icmp_duration_seconds", max(0.0, ready - resolved), phase="setup")
    answer.add("probe_icmp_duration_seconds", sum(echoes.answered), phase="rtt")
    if echoes.answered and echoes.hop_limit is not None:
        answer.add("probe_icmp_reply_hop_limit", float(echoes.hop_limit))
    return answer


def _limit_hops(opened: socket.socket, ttl: int) -> None:
    """How far the echo may go; 0 leaves it to the kernel."""
    if ttl and opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    elif ttl:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def _keep_whole(opened: socket.socket, whole: bool) -> None:
    """Whether routers on the way must not cut the echo into pieces; of IPv6 they never do."""
    if whole and opened.family == socket.AF_INET:
        opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
