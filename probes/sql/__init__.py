"""Asks a database one question: does it answer, how fast, and is the number what it should be (orders, stock, lag)?"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from probes.base import Evidence, Finding, Metric, Outcome, Probe, Run, Sample
from probes.net.address import is_ip
from probes.net.errors import NetError, TimedOut
from probes.net.reach import REACH_METRICS, Degraded, ResolvedSettings, before, reach_samples
from probes.number import MetricName, NumberExpect, metric_of, shortfalls
from probes.settings import Secret, SecretUnreadable
from probes.sql import mariadb, postgresql, sqlite
from probes.sql.asking import Asking, Engine, Row
from probes.sql.dsn import parse_dsn
from probes.units import format_duration

ENGINES = {
    "postgresql": Engine(postgresql.prepare, postgresql.ask),
    "mariadb": Engine(mariadb.prepare, mariadb.ask),
    "sqlite": Engine(sqlite.prepare, sqlite.ask),
}
_LEGS = ("resolve", "connect", "query")
_VALUE = "probe_sql_value"
_SHOWN = 200


class SqlSettings(ResolvedSettings):
    """One query to one database. It runs in a read-only transaction, and the first column of its first row counts."""

    type: Literal["sql"] = "sql"
    dsn: Secret = Field(description="postgresql://, mysql:// or mariadb://user:password@host/database; sqlite:///path.")
    query: str = Field(min_length=1, description="One statement; its first row's first column is the answer.")
    as_: MetricName = Field(default=_VALUE, alias="as", description="What the answer is called in Prometheus.")
    expect: NumberExpect = NumberExpect()
    degraded: Degraded | None = None

    @model_validator(mode="after")
    def _dsn_is_one(self) -> "SqlSettings":
        if self.dsn.file is None:
            parse_dsn(self.dsn.read())
        return self

    @property
    def named_metrics(self) -> tuple[Metric, ...]:
        """The number's own name, where it has one."""
        return () if self.as_ == _VALUE else (metric_of(self.as_),)

    @property
    def wants_number(self) -> bool:
        """Whether an answer that is no number falls short."""
        return self.as_ != _VALUE or self.expect.wants_number


class SqlProbe(Probe[SqlSettings]):
    """One connection, one read-only transaction, one query, and a clean goodbye.

    Up: the query was answered, and its number is as expected. Degraded: so, but it took longer than `degraded.after`.
    Down: nobody answers, the database or a table is not there, the number is out of bounds, or the query did not end in
    time (the server is told to stop it). Unknown: the look itself is wrong: a password or right that we lack, a query
    with an error or one that writes, a driver that is not installed, no route, no name server.
    """

    settings_model = SqlSettings
    metrics = (
        Metric("probe_sql_duration_seconds", "gauge", "How long each phase took."),
        Metric(_VALUE, "gauge", "The number that the query answered, where `as` gives it no name of its own."),
        *REACH_METRICS,
    )

    async def open(self) -> None:
        """Load the driver before anything is measured, and keep a thread for those that block."""
        self._resolver = self.settings.make_resolver()
        self._thread = ThreadPoolExecutor(1, f"sql {self.settings.name}")
        with suppress(NetError, SecretUnreadable, ValueError):
            ENGINES[parse_dsn(self.settings.dsn.read()).engine].prepare()

    async def close(self) -> None:
        """Let the thread go; a query that it still waits for ends by its own deadline."""
        self._thread.shutdown(wait=False)

    async def check(self, run: Run) -> Finding:
        """Ask once."""
        try:
            dsn = parse_dsn(self.settings.dsn.read())
        except (SecretUnreadable, ValueError) as error:
            return Finding(Outcome.UNKNOWN, f"dsn: {error}")
        asking = Asking(dsn, self.settings.query, before(run), self._thread)
        try:
            row = await self._ask(asking)
        except NetError as error:
            return self._judged(asking, None, error)
        return self._judged(asking, row, None)

    async def _ask(self, asking: Asking) -> Row:
        engine, dsn = ENGINES[asking.dsn.engine], asking.dsn
        engine.prepare()
        if dsn.host:
            asking.phases.enter("resolve")
            try:
                async with asyncio.timeout_at(asking.deadline):
                    asking.ips = await self._resolver.resolve(dsn.host, self.settings.ip)
            except TimeoutError:
                raise TimedOut(f"resolve: the name {dsn.host} was not resolved in time", "resolve") from None
            asking.ip = asking.ips[0]
        asking.phases.enter("connect")
        return await engine.ask(asking)

    def _judged(self, asking: Asking, row: Row, error: NetError | None) -> Finding:
        settings, phases = self.settings, asking.phases
        phases.stop()
        samples = reach_samples(asking.ip, phases.seconds.get("resolve"))
        samples += [
            Sample("probe_sql_duration_seconds", seconds, (("phase", leg),)) for leg, seconds in phases.seconds.items()
        ]
        number = number_of(row)
        if number is not None:
            samples.append(Sample(settings.as_, number))
        outcome, reason = self._verdict(asking, row, number, error)
        steps = phases.steps(error.phase, outcome, reason, _LEGS) if error else phases.steps(legs=_LEGS)
        facts = [("database", asking.dsn.shown)]
        if asking.ip and not is_ip(asking.dsn.host):
            facts.append(("ip", asking.ip))
        if asking.server:
            facts.append(("server", asking.server[:_SHOWN]))
        if error is None:
            facts.append(("answer", told(row, number)))
        return Finding(outcome, reason, tuple(samples), Evidence(reason or "as expected", steps, tuple(facts)))

    def _verdict(self, asking: Asking, row: Row, number: float | None, error: NetError | None) -> tuple[Outcome, str]:
        if error:
            return error.outcome, str(error)
        settings, seconds, what = self.settings, asking.phases.total, f"the answer of {asking.dsn.shown}"
        if number is None and settings.wants_number:
            return Outcome.DOWN, f"answer: expected a number from {asking.dsn.shown}, got {told(row, number)}"
        failures = list(shortfalls(settings.expect, number, seconds, what))
        if failures:
            return Outcome.DOWN, "; ".join(failures)
        if settings.degraded and seconds > settings.degraded.after:
            limit = format_duration(settings.degraded.after)
            return Outcome.DEGRADED, f"slow: expected {what} within {limit}, it took {format_duration(seconds)}"
        return Outcome.UP, ""


def number_of(row: Row) -> float | None:
    """The first column as a number, true being 1; None when it is none."""
    value = row[0] if row else None
    try:
        return float(value) if isinstance(value, (int, float, Decimal)) else None
    except OverflowError:
        return None


def told(row: Row, number: float | None) -> str:
    """The answer for a sentence. What is no number may be a customer's name, so that only its kind is told."""
    if number is not None:
        return f"{number:.10g}"
    if not row:
        return "no row"
    return "NULL" if row[0] is None else f"a value of type {type(row[0]).__name__}"
