"""Signs in at a message broker such as RabbitMQ, and asks how many messages wait in a queue and who works on them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import HostPort
from probes.net.amqp import Amqp, short
from probes.net.certificate import TLS_METRICS
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before
from probes.net.stream import Stream
from probes.net.tls import TlsWord, prepare
from probes.net.visit import Visit
from probes.number import MetricName, NumberExpect, metric_of, shortfalls
from probes.settings import Secret, SecretUnreadable
from probes.units import format_duration

_LEGS = ("resolve", "connect", "tls", "login", "open", "queue")
_LENGTH = "probe_amqp_queue_messages"


def _short(text: str) -> str:
    short(text)
    return text


class AmqpExpect(NumberExpect):
    """What must hold of the number of waiting messages, and of those who work on them."""

    consumers: int | None = Field(default=None, ge=1, description="Fewer consumers of the queue than this is down.")


class AmqpSettings(NetworkSettings):
    """Where the broker listens, who we are there, and which queue to measure."""

    type: Literal["amqp"] = "amqp"
    address: HostPort = Field(description="host:port, such as queue.shop.example:5672.")
    tls: TlsWord = Field(default=None, description="`true` to speak TLS (port 5671), or what differs from the usual.")
    user: str = "guest"
    password: Secret = Field(
        default=Secret("guest"), description="RabbitMQ's own default is guest, from loopback only."
    )
    vhost: Annotated[str, AfterValidator(_short)] = Field(default="/", description="The virtual host.")
    queue: Annotated[str, AfterValidator(_short)] = Field(default="", description="A queue whose length is measured.")
    as_: MetricName = Field(default=_LENGTH, alias="as", description="What the length is called in Prometheus.")
    expect: AmqpExpect = AmqpExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _has_a_number(self) -> "AmqpSettings":
        asks = self.expect.wants_number or self.expect.consumers is not None or self.as_ != _LENGTH
        if asks and not self.queue:
            raise ValueError("there is no number without a queue; name the one whose length counts (queue: …)")
        return self

    @property
    def named_metrics(self) -> tuple[Metric, ...]:
        """The length's own name, where it has one."""
        return () if self.as_ == _LENGTH else (metric_of(self.as_),)


class AmqpProbe(Probe[AmqpSettings]):
    """One connection by AMQP 0-9-1: sign in, open the virtual host and a channel, look at a queue. Nothing is declared,
    taken or sent.

    Up: all of it went well, and the numbers are as expected. Degraded: so, but slower than `degraded.after`. Down:
    nobody there, silence, another protocol, no such virtual host or queue, a number out of bounds. Unknown: our user,
    password or rights were not accepted; or we had no route, no descriptor, no name server.
    """

    settings_model = AmqpSettings
    metrics = (
        Metric("probe_amqp_duration_seconds", "gauge", "How long each phase took."),
        Metric(_LENGTH, "gauge", "Messages ready in the queue, where `as` gives their number no name of its own."),
        Metric("probe_amqp_queue_consumers", "gauge", "How many consumers the queue has."),
        *REACH_METRICS,
        *TLS_METRICS,
    )

    async def open(self) -> None:
        """Build once what every look needs."""
        self._resolver = self.settings.make_resolver()
        if self.settings.tls:
            prepare(self.settings.tls)

    async def check(self, run: Run) -> Finding:
        """Ask once."""
        settings, visit, counts = self.settings, Visit(self.settings.address, _LEGS), list[int]()
        try:
            password = settings.password.read()
        except SecretUnreadable as unreadable:
            return Finding(Outcome.UNKNOWN, f"login: {unreadable}")
        error = await visit.pay(before(run), self._talk(visit, password, counts))
        samples = visit.samples("probe_amqp_duration_seconds")
        names = (settings.as_, "probe_amqp_queue_consumers")
        samples += [Sample(name, float(count)) for name, count in zip(names, counts, strict=False)]
        facts = [("queue", f"{settings.queue}: {counts[0]} messages, {counts[1]} consumers")] if counts else []
        outcome, reason = (error.outcome, str(error)) if error else self._verdict(counts, visit.phases.total)
        evidence = visit.evidence(reason or "as expected", run.now, *facts)
        return Finding(outcome, reason, tuple(samples), evidence)

    async def _talk(self, visit: Visit, password: str, counts: list[int]) -> None:
        settings, phases = self.settings, visit.phases
        wire = await visit.connect(self._resolver, settings.ip)
        if settings.tls:
            await visit.secure(settings.tls)
        broker = Amqp(Stream(wire, phases, str(settings.address)))
        phases.enter("login")
        await broker.login(settings.user, password)
        phases.enter("open")
        await broker.open(settings.vhost)
        if settings.queue:
            phases.enter("queue")
            counts += await broker.queue(settings.queue)
        phases.stop()
        broker.close()

    def _verdict(self, counts: list[int], seconds: float) -> tuple[Outcome, str]:
        settings, expect = self.settings, self.settings.expect
        what = f"the length of {settings.queue!r} in {settings.address}" if settings.queue else str(settings.address)
        failures = list(shortfalls(expect, float(counts[0]) if counts else None, seconds, what))
        if expect.consumers is not None and counts and counts[1] < expect.consumers:
            least = f"{expect.consumers} consumers of {settings.queue!r} in {settings.address} at least"
            failures.append(f"expected {least}, got {counts[1]}")
        if failures:
            return Outcome.DOWN, "; ".join(failures)
        if settings.degraded and seconds > settings.degraded.after:
            limit = format_duration(settings.degraded.after)
            return Outcome.DEGRADED, f"slow: expected {what} within {limit}, it took {format_duration(seconds)}"
        return Outcome.UP, ""
