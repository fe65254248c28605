"""Asks a Redis (or Valkey) whether it is alive, and how many jobs wait in a queue of it."""

from typing import Literal

from pydantic import Field, model_validator

from probes.base import Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import HostPort
from probes.net.certificate import TLS_METRICS
from probes.net.reach import REACH_METRICS, Degraded, NetworkSettings, before
from probes.net.stream import Stream
from probes.net.tls import TlsWord, prepare
from probes.net.visit import Visit
from probes.number import MetricName, NumberExpect, metric_of, shortfalls
from probes.settings import Secret, SecretUnreadable
from probes.units import format_duration

_LEGS = ("resolve", "connect", "tls", "login", "ping", "query")
_LENGTH = "probe_redis_queue_length"
#: How the length of each type is asked for. Redis removes a queue that has become empty: it is then of no type.
_COUNT = {"list": "LLEN", "stream": "XLEN", "zset": "ZCARD", "set": "SCARD", "hash": "HLEN"}
#: Refusals that are about who we are or what we asked.
_OURS = ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "MOVED", "ASK", "WRONGTYPE", "ERR")


class RedisSettings(NetworkSettings):
    """Where it listens, who we are there, and which queue to measure."""

    type: Literal["redis"] = "redis"
    address: HostPort = Field(description="host:port, such as cache.shop.example:6379.")
    tls: TlsWord = Field(default=None, description="`true` to speak TLS, or what differs from the usual.")
    user: str = Field(default="", description="The ACL user; the default one if empty.")
    password: Secret | None = None
    database: int = Field(default=0, ge=0, description="Which of its numbered databases to look into.")
    queue: str = Field(default="", description="A list, stream, set, sorted set or hash whose length is measured.")
    as_: MetricName = Field(default=_LENGTH, alias="as", description="What the length is called in Prometheus.")
    expect: NumberExpect = NumberExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _has_a_number(self) -> "RedisSettings":
        if not self.queue and (self.as_ != _LENGTH or self.expect.wants_number):
            raise ValueError("there is no number without a queue; name the key whose length counts (queue: …)")
        if self.user and self.password is None:
            raise ValueError("a user needs a password (or password_file)")
        return self

    @property
    def named_metrics(self) -> tuple[Metric, ...]:
        """The length's own name, where it has one."""
        return () if self.as_ == _LENGTH else (metric_of(self.as_),)


class RedisProbe(Probe[RedisSettings]):
    """One connection: AUTH where asked, PING, and the length of a queue.

    Up: it answered PONG, and the length is as expected. Degraded: so, but slower than `degraded.after`. Down: nobody
    there, still loading, another answer, a length out of bounds. Unknown: it did not accept our user or password, our
    user may not ask that; or we had no route, no descriptor, no name server.
    """

    settings_model = RedisSettings
    metrics = (
        Metric("probe_redis_duration_seconds", "gauge", "How long each phase took."),
        Metric(_LENGTH, "gauge", "Entries in the queue, where `as` gives their number no name of its own."),
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
        settings, visit, lengths = self.settings, Visit(self.settings.address, _LEGS), list[float]()
        try:
            password = settings.password.read() if settings.password else None
        except SecretUnreadable as unreadable:
            return Finding(Outcome.UNKNOWN, f"login: {unreadable}")
        error = await visit.pay(before(run), self._talk(visit, password, lengths))
        samples = visit.samples("probe_redis_duration_seconds")
        samples += [Sample(settings.as_, length) for length in lengths]
        facts = [("queue", f"{settings.queue}: {length:.10g}") for length in lengths]
        outcome, reason = (error.outcome, str(error)) if error else self._verdict(lengths, visit.phases.total)
        evidence = visit.evidence(reason or "as expected", run.now, *facts)
        return Finding(outcome, reason, tuple(samples), evidence)

    async def _talk(self, visit: Visit, password: str | None, lengths: list[float]) -> None:
        settings = self.settings
        wire = await visit.connect(self._resolver, settings.ip)
        if settings.tls:
            await visit.secure(settings.tls)
        stream = Stream(wire, visit.phases, str(settings.address))
        if password is not None:
            visit.phases.enter("login")
            await _ask(stream, "AUTH", *([settings.user] if settings.user else []), password)
        visit.phases.enter("ping")
        pong = await _ask(stream, "PING")
        if pong != "+PONG":
            raise stream.error(f"answered PING with {pong[:100]!r}; expected +PONG")
        if settings.queue:
            visit.phases.enter("query")
            if settings.database:
                await _ask(stream, "SELECT", str(settings.database))
            lengths.append(await self._length(stream))

    async def _length(self, stream: Stream) -> float:
        queue = self.settings.queue
        kind = (await _ask(stream, "TYPE", queue)).removeprefix("+")
        if kind == "none":
            return 0.0
        if kind not in _COUNT:
            raise stream.error(f"has a {kind} as {queue!r}, which is no queue; expected a list or the like", ours=True)
        count = await _ask(stream, _COUNT[kind], queue)
        try:
            return float(int(count.removeprefix(":")))
        except ValueError:
            raise stream.error(f"answered {_COUNT[kind]} with {count[:100]!r}; expected a number") from None

    def _verdict(self, lengths: list[float], seconds: float) -> tuple[Outcome, str]:
        settings = self.settings
        what = f"the length of {settings.queue!r} in {settings.address}" if settings.queue else str(settings.address)
        failures = list(shortfalls(settings.expect, lengths[0] if lengths else None, seconds, what))
        if failures:
            return Outcome.DOWN, "; ".join(failures)
        if settings.degraded and seconds > settings.degraded.after:
            limit = format_duration(settings.degraded.after)
            return Outcome.DEGRADED, f"slow: expected {what} within {limit}, it took {format_duration(seconds)}"
        return Outcome.UP, ""


async def _ask(stream: Stream, *words: str) -> str:
    """One command and the line that answers it (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    parts = [word.encode() for word in words]
    stream.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    answer = await stream.line()
    if answer.startswith("-"):
        raise stream.error(f"answered {words[0]} with {answer[1:200]!r}", ours=answer[1:].split(" ")[0] in _OURS)
    if not answer.startswith(("+", ":")):
        raise stream.error(f"answered {words[0]} with {answer[:100]!r}, which is not Redis' protocol")
    return answer
