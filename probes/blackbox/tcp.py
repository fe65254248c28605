"""The prober tcp: connect, perhaps in TLS, and go through query_response."""

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, GuardedResolver, guarded
from probes.blackbox.modules import QueryResponse, TcpModule
from probes.net.address import Address
from probes.net.dialogue import Dialogue, Turn, at_starttls
from probes.net.visit import Visit

_LEGS = ("resolve", "connect", "tls", "dialogue")


async def look(module: TcpModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One connection. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    visit = Visit(Address.parse(target), _LEGS)
    resolver = guarded(module, guard)
    dialogue = Dialogue(target)
    error = await visit.pay(deadline, _talk(module, visit, resolver, dialogue))
    answer = Answer(error is None, dialogue.explain(error) if error else "")
    answer.reached(visit.ip, visit.phases.seconds.get("resolve", 0.0))
    # Hanging up on an expectation is what blackbox_exporter marks; running out of time is not.
    answer.add("probe_failed_due_to_regex", float(dialogue.ended and bool(dialogue.waiting_for)))
    if visit.facts and (error is None or error.phase != "tls"):
        answer.certificates(visit.facts)
    return answer


async def _talk(module: TcpModule, visit: Visit, resolver: GuardedResolver, dialogue: Dialogue) -> None:
    wire = await visit.connect(resolver, "any")
    settings = module.tls_config.settings(visit.address.host)
    if module.tls:
        await visit.secure(settings)
    turns = [turn for step in module.query_response for turn in _turns(step)]
    before, after = at_starttls(tuple(turns))
    visit.phases.enter("dialogue")
    await dialogue.hold(wire, before)
    if len(before) < len(turns):
        await visit.secure(settings, before)
        visit.phases.enter("dialogue")
        await dialogue.hold(wire, after)


def _turns(step: QueryResponse) -> list[Turn]:
    """One of blackbox_exporter's steps in our turns; it ends what it sends by a bare line feed."""
    turns = [Turn(expect=step.expect)] if step.expect else []
    if step.send:
        turns.append(Turn(send=_groups(step.send) + "\n"))
    if step.starttls:
        turns.append(Turn(starttls=True))
    return turns


def _groups(text: str) -> str:
    """Go's `${1}` is our `\\1`; a backslash of the text itself stays one."""
    escaped = text.replace("\\", "\\\\")
    for number in range(1, 10):
        escaped = escaped.replace(f"${{{number}}}", f"\\{number}")
    return escaped
