"""The prober dns: the target is a name server, the module says what it is asked."""

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA

from probes.blackbox.answer import Answer
from probes.blackbox.guard import Guard, GuardedResolver, guarded
from probes.blackbox.modules import DnsModule, RecordMatch
from probes.net.address import Address
from probes.net.nameserver import LEGS, PORT, TLS_PORT, consult
from probes.net.question import ask
from probes.net.visit import Visit
from probes.pattern import regex

_Section = list[str]
#: Seconds before the deadline at which silence is told as that of the name server.
_SOONER = 0.01


async def look(module: DnsModule, target: str, guard: Guard, deadline: float) -> Answer:
    """One question. `deadline` is a time of the running loop's clock. Raises ValueError for a bad target."""
    visit = Visit(Address.parse(target, TLS_PORT if module.dns_over_tls else PORT), LEGS)
    told: list[dns.message.Message] = []
    error = await visit.pay(deadline, _talk(module, visit, guarded(module, guard), deadline, told))
    answer = Answer()
    answer.reason = str(error) if error else _failure(module, told[0])
    answer.success = not answer.reason
    seconds = visit.phases.seconds
    answer.reached(visit.ip, seconds.get("resolve", 0.0))
    # What blackbox_exporter calls connecting has the TLS handshake in it. By UDP it is opening a socket: nothing.
    connecting = seconds.get("connect", 0.0) + seconds.get("tls", 0.0)
    for phase, took in (("resolve", seconds.get("resolve", 0.0)), ("connect", connecting)):
        answer.add("probe_dns_duration_seconds", took, phase=phase)
    answer.add("probe_dns_duration_seconds", seconds.get("request", 0.0), phase="request")
    _count(module, answer, told[0] if told else None)
    return answer


async def _talk(
    module: DnsModule, visit: Visit, resolver: GuardedResolver, deadline: float, told: list[dns.message.Message]
) -> None:
    """Ask; what comes is `told`. An answer that was cut short for UDP is taken as it is: so does blackbox_exporter."""
    query = _query(module)
    if module.transport_protocol == "tcp":
        tls = module.tls_config.settings() if module.dns_over_tls else None
        told.append(await consult(visit, resolver, "any", query, tls))
        return
    server = visit.address
    visit.phases.enter("resolve")
    (visit.ip,) = await resolver.resolve(server.host)
    visit.phases.enter("request")
    left = deadline - _SOONER - asyncio.get_running_loop().time()
    where = Address(visit.ip, server.port)
    told.append(await ask(where, query, left, transport="datagram", phase="request", source=resolver.source))


def _query(module: DnsModule) -> dns.message.Message:
    query = dns.message.make_query(module.query_name, module.query_type, module.query_class, use_edns=False)
    if not module.recursion_desired:
        query.flags &= ~dns.flags.RD
    return query


def _failure(module: DnsModule, message: dns.message.Message) -> str:
    code = dns.rcode.to_text(message.rcode())
    if code not in (module.valid_rcodes or ("NOERROR",)):
        return f"answer: the code {code} is not valid"
    for title, match, section in (
        ("answer", module.validate_answer_rrs, message.answer),
        ("authority", module.validate_authority_rrs, message.authority),
        ("additional", module.validate_additional_rrs, message.additional),
    ):
        reason = _mismatch(match, [line for rrset in section for line in _lines(rrset)])
        if reason:
            return f"{title}: {reason}"
    return ""


def _lines(rrset: dns.rrset.RRset) -> list[str]:
    """Records as the Go library writes them, which is what the patterns are written for: fields between tabs."""
    head = [rrset.name.to_text(), str(rrset.ttl), dns.rdataclass.to_text(rrset.rdclass), rrset.rdtype.name]
    return ["\t".join([*head, record.to_text()]) for record in rrset]


def _mismatch(match: RecordMatch, lines: _Section) -> str:
    for pattern in match.fail_if_matches_regexp:
        if any(regex(pattern).search(line) for line in lines):
            return f"a record matches /{pattern}/"
    for pattern in match.fail_if_not_matches_regexp:
        if not lines or not all(regex(pattern).search(line) for line in lines):
            return f"a record does not match /{pattern}/"
    # Despite its name, this one fails in blackbox_exporter unless all match; working configs are written for that.
    for pattern in match.fail_if_all_match_regexp:
        if not all(regex(pattern).search(line) for line in lines):
            return f"not all records match /{pattern}/"
    if match.fail_if_none_matches_regexp and not any(_any(match.fail_if_none_matches_regexp, line) for line in lines):
        return "no record matches"
    return ""


def _any(patterns: tuple[str, ...], line: str) -> bool:
    return any(regex(pattern).search(line) for pattern in patterns)


def _count(module: DnsModule, answer: Answer, message: dns.message.Message | None) -> None:
    sections = (message.answer, message.authority, message.additional) if message else ([], [], [])
    for name, section in zip(("answer", "authority", "additional"), sections, strict=True):
        answer.add(f"probe_dns_{name}_rrs", float(sum(len(rrset) for rrset in section)))
    answer.add("probe_dns_query_succeeded", float(message is not None))
    if message and module.query_type.upper() == "SOA":
        serials = [record.serial for rrset in message.answer for record in rrset if isinstance(record, SOA)]
        answer.add("probe_dns_serial", float(serials[-1] if serials else 0))
