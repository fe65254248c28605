"""The redis probe against a real Redis: alive, let in, how many jobs wait; and what it says of others."""

import asyncio
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.base import Finding, Outcome
from probes.redis import RedisProbe, RedisSettings
from tests.looking import look, numbers
from tests.servers import redis
from tests.sockets import Authority, on_loop, refused_port, serve, silence

PASSWORD = 'hunter2 \\1 "x"'


def command(port: int, *lines: str) -> None:
    """Have a Redis do something, by its inline protocol."""
    with socket.create_connection(("127.0.0.1", port), 5) as client, client.makefile("rb") as answers:
        for line in lines:
            client.sendall(line.encode() + b"\r\n")
            answer = answers.readline()
            assert not answer.startswith(b"-"), answer


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    with redis() as port:
        queues = [
            "rpush jobs a b c",
            "xadd events * a 1",
            "zadd later 1 a 2 b",
            "sadd set a",
            "hset hash a 1",
            "set text x",
        ]
        command(port, *queues, "select 3", "rpush jobs a")
        yield port


@pytest.fixture(scope="module")
def guarded() -> Iterator[int]:
    with redis() as port:
        limited = "acl setuser reader on >hunter2 +ping +type ~*"
        command(port, limited, 'config set requirepass "hunter2 \\\\1 \\"x\\""')
        yield port


async def asked(port: int, **words: Any) -> Finding:
    finding = await look(RedisProbe, type="redis", address=f"127.0.0.1:{port}", **words)
    assert "hunter2" not in repr(finding)
    reason = finding.reason.replace(f":{port}", ":PORT")
    return Finding(finding.outcome, reason, finding.samples, finding.evidence)


@pytest.mark.integration
@on_loop
async def test_one_that_answers_is_up(plain: int) -> None:
    finding = await asked(plain)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["probe_redis_duration_seconds{ping}"] > 0
    assert "probe_redis_queue_length" not in seen
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in RedisProbe.metrics}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("queue", "length"), [("jobs", 3), ("events", 1), ("later", 2), ("set", 1), ("hash", 1), ("nothing here", 0)]
)
@on_loop
async def test_the_length_of_every_kind_of_queue(plain: int, queue: str, length: int) -> None:
    finding = await asked(plain, queue=queue, **{"as": "shop_jobs_waiting"})
    assert finding.outcome is Outcome.UP
    assert numbers(finding)["shop_jobs_waiting"] == length
    assert finding.evidence
    assert ("queue", f"{queue}: {length}") in finding.evidence.facts


@pytest.mark.integration
@on_loop
async def test_a_length_out_of_bounds_is_down(plain: int) -> None:
    finding = await asked(plain, queue="jobs", expect={"max": 2})
    assert finding.outcome is Outcome.DOWN
    assert finding.reason == "expected the length of 'jobs' in 127.0.0.1:PORT to be 2 at most, got 3"
    assert numbers(finding)["probe_redis_queue_length"] == 3
    finding = await asked(plain, queue="jobs", database=3, expect={"equals": 1})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    finding = await asked(plain, queue="text")
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith("query: 127.0.0.1:PORT has a string as 'text', which is no queue")
    finding = await asked(plain, queue="jobs", database=99)
    assert finding.outcome is Outcome.UNKNOWN
    assert "out of range" in finding.reason


@pytest.mark.integration
@on_loop
async def test_who_is_not_let_in_is_unknown(guarded: int) -> None:
    assert (await asked(guarded, password=PASSWORD, queue="jobs")).outcome is Outcome.UP
    finding = await asked(guarded)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason == "ping: 127.0.0.1:PORT answered PING with 'NOAUTH Authentication required.'"
    finding = await asked(guarded, password="wrong")
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith("login: 127.0.0.1:PORT answered AUTH with 'WRONGPASS ")
    finding = await asked(guarded, user="reader", password="hunter2", queue="jobs")
    assert (finding.outcome, numbers(finding)["probe_redis_queue_length"]) == (Outcome.UP, 0)


@pytest.mark.integration
@on_loop
async def test_what_our_user_may_not_do_is_unknown(guarded: int) -> None:
    words: dict[str, Any] = {"user": "reader", "password": "hunter2", "queue": "jobs", "database": 1}
    finding = await asked(guarded, **words)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith('query: 127.0.0.1:PORT answered SELECT with "NOPERM ')


def answering(text: bytes) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        writer.write(text)
        await writer.drain()

    return talk


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "answered PING with 'LOADING Redis is loading .*"),
        (b"+WAIT\r\n", r"answered PING with '\+WAIT'; expected \+PONG"),
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "answered PING with 'HTTP/1.1 400 Bad Request', which is not Redis' protocol",
        ),
        (b"+PO", "hung up after b'\\+PO'"),
        (b"", "hung up"),
        (b"+" + b"x" * 2_000_000, "sent 1048576 bytes without an end"),
    ],
)
@on_loop
async def test_another_answer_is_down(text: bytes, reason: str) -> None:
    async with serve(answering(text)) as port:
        finding = await asked(port)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(f"ping: 127.0.0.1:PORT {reason}", finding.reason)


@on_loop
async def test_nobody_there_and_silence_are_down() -> None:
    finding = await asked(refused_port())
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, "connect: 127.0.0.1:PORT refused the connection")
    async with serve(silence) as port:
        finding = await asked(port, patience=0.4)
    assert finding.outcome is Outcome.DOWN
    assert re.match(r"ping: not done within 0\.3\d+s: 127\.0\.0\.1:PORT had taken the connection", finding.reason)


@on_loop
async def test_in_tls_and_slow_is_degraded(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"PING\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"+PONG\r\n")
        await writer.drain()

    async with serve(slow, tls=authority.server("127.0.0.1")) as port:
        finding = await asked(port, tls={"ca": str(authority.ca)}, degraded={"after": "50ms"})
    assert finding.outcome is Outcome.DEGRADED
    assert re.fullmatch(r"slow: expected 127\.0\.0\.1:PORT within 50ms, it took \d+ms", finding.reason)
    assert "probe_ssl_earliest_cert_expiry" in numbers(finding)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"expect": {"max": 1}}, "there is no number without a queue"),
        ({"as": "shop_jobs"}, "there is no number without a queue"),
        ({"user": "reader"}, "a user needs a password"),
        ({"address": "cache"}, "'cache' has no port"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        RedisSettings.model_validate({"name": "cache", "type": "redis", "address": "cache:6379", **words})
