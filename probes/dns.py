"""Asks name servers for a record, and checks that they know it and say what they should."""

import asyncio
from time import perf_counter
from typing import Annotated, Any, Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA
from pydantic import AfterValidator, BeforeValidator, model_validator

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample, Step
from probes.net.address import Address, NameServer
from probes.net.errors import NetError, TimedOut
from probes.net.question import ask
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before, reach_samples
from probes.net.reply import Reply, count, listing, parse_record, records_of
from probes.settings import Settings
from probes.units import Interval, format_duration


def _domain(text: str) -> str:
    try:
        dns.name.from_text(text)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is not a domain name: {error}") from None
    return text


def _record(text: str) -> str:
    try:
        kind = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise ValueError(f"{text!r} is not a DNS record type, such as A, AAAA, MX, TXT, NS, SOA or CAA") from None
    if dns.rdatatype.is_metatype(kind):
        raise ValueError(f"{text!r} is not the type of a record that can be asked for")
    return kind.name


def _rcode(text: str) -> str:
    try:
        return str(dns.rcode.from_text(text).name)
    except dns.exception.DNSException:
        raise ValueError(f"{text!r} is not a DNS answer code, such as NOERROR, NXDOMAIN or REFUSED") from None


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


class DnsExpect(Settings):
    """A good answer: this `code`, all of these `records` among the answers (`only: true`: and no others),
    `authoritative` or not, `within` so long. Unless told, NOERROR with at least one record of the type.
    """

    code: Annotated[str, AfterValidator(_rcode)] = "NOERROR"
    records: Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = ()
    only: bool = False
    authoritative: bool | None = None
    within: Interval | None = None


class DnsSettings(NetworkSettings):
    """`query` is the name asked for, `record` its type; `server` one name server or several, by default this
    machine's first one; `recursion: false` asks an authoritative server for what it knows itself.
    """

    type: Literal["dns"] = "dns"
    query: Annotated[str, AfterValidator(_domain)]
    record: Annotated[str, AfterValidator(_record)] = "A"
    server: Annotated[tuple[NameServer, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])] = ()
    transport: Literal["udp", "tcp"] = "udp"
    recursion: bool = True
    expect: DnsExpect = DnsExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _records_fit(self) -> "DnsSettings":
        for text in self.expect.records:
            parse_record(self.record, text)
        return self


class DnsProbe(Probe[DnsSettings]):
    """One question to each name server, all at once.

    Up: every server gave a good answer. Degraded: some did, so that resolvers find another one; or the slowest
    took longer than `degraded.after`. Down: none did. Unknown: we could not ask (no route, no descriptor); or the
    name server is this machine's own one and is silent.
    """

    settings_model = DnsSettings
    metrics = (
        Metric("probe_dns_duration_seconds", "gauge", "How long each phase took, at the slowest server."),
        Metric("probe_dns_query_succeeded", "gauge", "1 if a name server answered, whatever it said."),
        Metric("probe_dns_answer_rrs", "gauge", "Records in the answer section of the first server that answered."),
        Metric("probe_dns_authority_rrs", "gauge", "Records in its authority section."),
        Metric("probe_dns_additional_rrs", "gauge", "Records in its additional section."),
        Metric("probe_dns_serial", "gauge", "The zone's serial number, where SOA was asked for."),
        Metric("probe_dns_server_success", "gauge", "1 if this name server gave a good answer, else 0."),
        Metric("probe_dns_server_duration_seconds", "gauge", "How long this name server took to answer."),
        *REACH_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        self._wanted = [parse_record(self.settings.record, text) for text in self.settings.expect.records]

    async def check(self, run: Run) -> Finding:
        """Ask every server once."""
        servers = self.settings.server or self._resolver.servers()[:1]
        seconds = before(run) - asyncio.get_running_loop().time()
        replies = await asyncio.gather(*(self._ask(server, seconds) for server in servers))
        outcome, reason = self._verdict(replies)
        evidence = _evidence(reason or "as expected", self.settings, replies)
        return Finding(outcome, reason, _samples(replies), evidence)

    async def _ask(self, server: Address, seconds: float) -> Reply:
        settings, reply, started = self.settings, Reply(server), perf_counter()
        query = dns.message.make_query(settings.query, settings.record, use_edns=0)
        if not settings.recursion:
            query.flags &= ~dns.flags.RD
        try:
            async with asyncio.timeout(seconds):
                reply.ip = (await self._resolver.resolve(server.host, settings.ip))[0]
            asked = perf_counter()
            reply.resolve = asked - started
            left = seconds - reply.resolve
            address = Address(reply.ip, server.port)
            reply.message = await ask(address, query, left, transport=settings.transport, phase="request")
            reply.seconds = perf_counter() - asked
            reply.reason = self._judge(server, reply.message, reply.seconds)
        except TimeoutError:
            reply.error = TimedOut(f"resolve: the name {server.host} was not resolved within {seconds:.3g}s", "resolve")
        except NetError as error:
            reply.error = error
            if not settings.server:
                reply.error = NetError(f"{error} (this machine's own name server)", error.phase, ours=True)
        if reply.error:
            reply.reason = str(reply.error)
        return reply

    def _judge(self, server: Address, message: dns.message.Message, seconds: float) -> str:
        """How an answer falls short, in a sentence; empty when it does not."""
        expect, kind = self.settings.expect, self.settings.record
        question = f"{self.settings.query} {kind}"
        code = dns.rcode.to_text(message.rcode())
        if code != expect.code:
            return f"answer: expected {expect.code} for {question}, got {code} from {server}"
        if expect.authoritative is not None and bool(message.flags & dns.flags.AA) != expect.authoritative:
            words = ("that is authoritative", "one that is not")
            if not expect.authoritative:
                words = ("that is not authoritative", "an authoritative one")
            return f"answer: expected an answer for {question} {words[0]}, got {words[1]} from {server}"
        came = records_of(message, kind)
        if not came and code == "NOERROR":
            return f"answer: expected a record {question}, got none from {server}"
        missing = [record for record in self._wanted if record not in came]
        if missing:
            return f"answer: expected {question} to have {listing(missing)}, got {listing(came)} from {server}"
        if expect.only and len(came) > len(self._wanted):
            return f"answer: expected {question} to be {listing(self._wanted)} only, got {listing(came)} from {server}"
        if expect.within and seconds > expect.within:
            limit = format_duration(expect.within)
            return f"within: expected an answer from {server} within {limit}, it took {format_duration(seconds)}"
        return ""

    def _verdict(self, replies: list[Reply]) -> tuple[Outcome, str]:
        bad = [reply for reply in replies if reply.outcome is not Outcome.UP]
        reason = "; ".join(reply.reason for reply in bad)
        if len(bad) < len(replies):
            if bad:
                return Outcome.DEGRADED, reason
            return self._slow(replies)
        theirs = any(reply.outcome is Outcome.DOWN for reply in replies)
        return (Outcome.DOWN if theirs else Outcome.UNKNOWN), reason

    def _slow(self, replies: list[Reply]) -> tuple[Outcome, str]:
        slowest = max(replies, key=lambda reply: reply.seconds or 0.0)
        degraded, took = self.settings.degraded, slowest.seconds or 0.0
        if degraded is None or took <= degraded.after:
            return Outcome.UP, ""
        limit = format_duration(degraded.after)
        return (
            Outcome.DEGRADED,
            f"slow: expected {slowest.server} to answer within {limit}, it took {format_duration(took)}",
        )


def _samples(replies: list[Reply]) -> tuple[Sample, ...]:
    first = next((reply for reply in replies if reply.message), None)
    slowest = max(replies, key=lambda reply: reply.seconds or 0.0)
    samples = reach_samples(replies[0].ip, replies[0].resolve)
    for phase, seconds in (("resolve", slowest.resolve), ("request", slowest.seconds)):
        if seconds is not None:
            samples.append(Sample("probe_dns_duration_seconds", seconds, (("phase", phase),)))
    samples.append(Sample("probe_dns_query_succeeded", float(first is not None)))
    if first and first.message:
        samples.append(Sample("probe_dns_answer_rrs", count(first.message.answer)))
        samples.append(Sample("probe_dns_authority_rrs", count(first.message.authority)))
        samples.append(Sample("probe_dns_additional_rrs", count(first.message.additional)))
        serials = [record.serial for record in records_of(first.message, "SOA") if isinstance(record, SOA)]
        samples += [Sample("probe_dns_serial", float(serial)) for serial in serials[:1]]
    for reply in replies:
        labels = (("server", str(reply.server)),)
        samples.append(Sample("probe_dns_server_success", float(reply.outcome is Outcome.UP), labels))
        if reply.seconds is not None:
            samples.append(Sample("probe_dns_server_duration_seconds", reply.seconds, labels))
    return tuple(samples)


def _evidence(summary: str, settings: DnsSettings, replies: list[Reply]) -> Evidence:
    steps = tuple(Step(str(reply.server), reply.outcome, reply.seconds, reply.reason) for reply in replies)
    facts = [("question", f"{settings.query} {settings.record}")]
    for reply in replies:
        if reply.message:
            answer = dns.rcode.to_text(reply.message.rcode())
            facts.append((str(reply.server), f"{answer}: {listing(records_of(reply.message, settings.record))}"))
    return Evidence(summary, steps, tuple(facts))
