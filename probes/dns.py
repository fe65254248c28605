"""Asks name servers for a record, and checks that they know it and say what they should."""

import asyncio
from typing import Literal, Self

import dns.flags
import dns.message
import dns.rcode
from dns.rdtypes.ANY.SOA import SOA
from pydantic import model_validator

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample, Step
from probes.net.address import Address
from probes.net.certificate import TLS_METRICS
from probes.net.dnswords import AnswerCode, Domain, NameServers, Records, RecordType
from probes.net.errors import NetError, TimedOut
from probes.net.nameserver import LEGS, consult
from probes.net.phases import Phases
from probes.net.question import ask
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before, reach_samples
from probes.net.reply import Reply, count, listing, parse_record, records_of
from probes.net.tls import DEFAULT_TLS, TlsSettings, prepare
from probes.net.visit import Visit
from probes.settings import Settings
from probes.units import Interval, format_duration


class DnsExpect(Settings):
    """A good answer: this `code`, all of these `records` among the answers (`only: true`: and no others),
    `authoritative` or not, `within` so long. Unless told, NOERROR with at least one record of the type.
    """

    code: AnswerCode = "NOERROR"
    records: Records = ()
    only: bool = False
    authoritative: bool | None = None
    within: Interval | None = None


class DnsSettings(NetworkSettings):
    """`query` is the name asked for, `record` its type; `server` one name server or several, by default this
    machine's first one; `recursion: false` asks an authoritative server for what it knows itself. `transport: tls` is
    DNS over TLS (RFC 7858, port 853), `tls` what differs there from what a browser does.
    """

    type: Literal["dns"] = "dns"
    query: Domain
    record: RecordType = "A"
    transport: Literal["udp", "tcp", "tls"] = "udp"
    server: NameServers = ()
    tls: TlsSettings = DEFAULT_TLS
    recursion: bool = True
    expect: DnsExpect = DnsExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _records_fit(self) -> "DnsSettings":
        for text in self.expect.records:
            parse_record(self.record, text)
        return self

    @model_validator(mode="after")
    def _tls_where_it_is_spoken(self) -> Self:
        if self.transport == "tls" and not self.server:
            raise ValueError(
                "transport: tls needs a server, such as dns.shop.example; this machine's own one is asked by UDP"
            )
        if self.transport != "tls" and "tls" in self.model_fields_set:
            raise ValueError(f"tls is only spoken with transport: tls, and this is transport: {self.transport}")
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
        *TLS_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        self._wanted = [parse_record(self.settings.record, text) for text in self.settings.expect.records]
        if self.settings.transport == "tls":
            prepare(self.settings.tls)

    async def check(self, run: Run) -> Finding:
        """Ask every server once."""
        servers = self.settings.server or self._resolver.servers()[:1]
        replies = await asyncio.gather(*(self._ask(server, before(run)) for server in servers))
        outcome, reason = self._verdict(replies)
        evidence = _evidence(reason or "as expected", self.settings, replies)
        return Finding(outcome, reason, _samples(replies), evidence)

    async def _ask(self, server: Address, deadline: float) -> Reply:
        settings, reply = self.settings, Reply(server)
        query = dns.message.make_query(settings.query, settings.record, use_edns=0)
        if not settings.recursion:
            query.flags &= ~dns.flags.RD
        try:
            if settings.transport == "udp":
                reply.message = await self._by_datagram(reply, query, deadline)
            else:
                reply.message = await self._by_connection(reply, query, deadline)
            reply.seconds = sum(reply.phases.values()) - reply.phases["resolve"]
            reply.reason = self._judge(server, reply.message, reply.seconds)
        except NetError as error:
            reply.error = error
            if not settings.server:
                reply.error = NetError(f"{error} (this machine's own name server)", error.phase, ours=True)
            reply.reason = str(reply.error)
        return reply

    async def _by_datagram(self, reply: Reply, query: dns.message.Message, deadline: float) -> dns.message.Message:
        server, loop, phases = reply.server, asyncio.get_running_loop(), Phases()
        seconds, reply.phases = deadline - loop.time(), phases.seconds
        phases.enter("resolve")
        try:
            async with asyncio.timeout_at(deadline):
                reply.ip = (await self._resolver.resolve(server.host, self.settings.ip))[0]
            phases.enter("request")
            address, left = Address(reply.ip, server.port), deadline - loop.time()
            return await ask(address, query, left, phase="request", source=self.settings.source)
        except TimeoutError:
            message = f"resolve: the name {server.host} was not resolved within {seconds:.3g}s"
            raise TimedOut(message, "resolve") from None
        finally:
            phases.stop()

    async def _by_connection(self, reply: Reply, query: dns.message.Message, deadline: float) -> dns.message.Message:
        settings, visit, told = self.settings, Visit(reply.server, LEGS), []
        tls = settings.tls if settings.transport == "tls" else None

        async def talk() -> None:
            told.append(await consult(visit, self._resolver, settings.ip, query, tls))

        error = await visit.pay(deadline, talk())
        reply.ip, reply.phases, reply.facts = visit.ip, visit.phases.seconds, visit.facts
        if error:
            raise error
        return told[0]

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
    samples = reach_samples(replies[0].ip, replies[0].phases.get("resolve"))
    for phase, seconds in slowest.phases.items():
        samples.append(Sample("probe_dns_duration_seconds", seconds, (("phase", phase),)))
    samples += _tls(replies)
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


def _tls(replies: list[Reply]) -> tuple[Sample, ...]:
    """What TLS showed at the server whose certificate expires first: that is the one to be warned of."""
    seen = [reply.facts for reply in replies if reply.facts]
    return min(seen, key=lambda facts: facts.earliest_expiry or float("inf")).samples if seen else ()


def _evidence(summary: str, settings: DnsSettings, replies: list[Reply]) -> Evidence:
    steps = tuple(Step(str(reply.server), reply.outcome, reply.seconds, reply.reason) for reply in replies)
    facts = [("question", f"{settings.query} {settings.record}")]
    for reply in replies:
        if reply.message:
            answer = dns.rcode.to_text(reply.message.rcode())
            facts.append((str(reply.server), f"{answer}: {listing(records_of(reply.message, settings.record))}"))
    return Evidence(summary, steps, tuple(facts))
