"""The prober grpc: the target is asked how it is, as a load balancer would (grpc.health.v1)."""

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, guarded
from probes.blackbox.modules import GrpcModule
from probes.net.address import Address, Url
from probes.net.errors import NetError, TimedOut
from probes.net.grpc import (
    DEADLINE_EXCEEDED,
    LEGS,
    OK,
    SERVING,
    SERVING_STATUS,
    UNAVAILABLE,
    GrpcError,
    Health,
    check_health,
)
from probes.net.visit import Visit


async def look(module: GrpcModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One call. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    url = Url(target if target.startswith(("http://", "https://")) else f"http://{target}")
    visit = Visit(Address(url.host, url.port), LEGS)
    told: list[Health] = []
    error = await visit.pay(deadline, _ask(module, visit, guard, told))
    health = told[0] if told else None
    answer = Answer(health is not None and health.status == SERVING)
    if not answer.success:
        answer.reason = str(error) if error else f"check: {url.authority} says that it is {told[0].name}, not SERVING"
    _measure(answer, visit, health, error)
    return answer


async def _ask(module: GrpcModule, visit: Visit, guard: Guard, told: list[Health]) -> None:
    tls = module.tls_config.settings() if module.tls else None
    told.append(await check_health(visit, guarded(module, guard), "any", module.service, tls))


def _measure(answer: Answer, visit: Visit, health: Health | None, error: NetError | None) -> None:
    resolve = visit.phases.seconds.get("resolve", 0.0)
    answer.reached(visit.ip, resolve)
    answer.add("probe_grpc_duration_seconds", resolve, phase="resolve")
    answer.add("probe_grpc_status_code", float(_code(visit, error)))
    if visit.ip:
        answer.add("probe_grpc_duration_seconds", visit.phases.total - resolve, phase="check")
        for name in {*SERVING_STATUS.values(), *([health.name] if health else [])}:
            answer.add(
                "probe_grpc_healthcheck_response",
                float(health is not None and health.name == name),
                serving_status=name,
            )
    # What TLS showed is told of a call that went well, and of no other.
    facts = visit.facts if health else None
    answer.add("probe_grpc_ssl", float(facts is not None))
    answer.add("probe_ssl_earliest_cert_expiry", (facts.earliest_expiry if facts else None) or 0.0)
    if facts and facts.chain:
        answer.leaf(facts.chain[0], facts.version)


def _code(visit: Visit, error: NetError | None) -> int:
    """gRPC's code; that of a call that never began is 0, as blackbox_exporter has it."""
    if error is None or not visit.ip:
        return OK
    if isinstance(error, GrpcError):
        return error.code
    return DEADLINE_EXCEEDED if isinstance(error, TimedOut) else UNAVAILABLE
