"""The amqp probe against a real RabbitMQ, and against servers that are none."""

import asyncio
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.amqp import AmqpProbe, AmqpSettings
from probes.base import Finding, Outcome
from probes.net.amqp import Amqp, short
from probes.net.connect import connect
from probes.net.errors import NetError
from probes.net.phases import Phases
from probes.net.stream import Stream
from tests.looking import look, numbers
from tests.servers import rabbitmq
from tests.sockets import Authority, on_loop, refused_port, serve, silence

GUEST: dict[str, Any] = {"vhost": "shop"}
PROBE: dict[str, Any] = {"vhost": "shop", "user": "probe", "password": "hunter2"}


@pytest.fixture(scope="module")
def broker() -> Iterator[int]:
    with rabbitmq() as port:
        asyncio.run(publish(port, "mails", 3))
        yield port


async def publish(port: int, queue: str, count: int) -> None:
    """Put some messages into a queue, and wait until the broker has them."""
    wire = await connect(["127.0.0.1"], port, "127.0.0.1")
    client = Amqp(Stream(wire, Phases(), "the broker"))
    await client.login("guest", "guest")
    await client.open("shop")
    for _ in range(count):
        client.send(1, (60, 40), struct.pack("!H", 0) + short("") + short(queue) + b"\0")
        client.send_frame(2, 1, struct.pack("!HHQH", 60, 0, 5, 0))
        client.send_frame(3, 1, b"hello")
    for _ in range(200):
        if (await client.queue(queue))[0] >= count:
            break
        await asyncio.sleep(0.05)
    client.close()
    wire.close()


async def asked(port: int, **words: Any) -> Finding:
    finding = await look(AmqpProbe, type="amqp", address=f"127.0.0.1:{port}", patience=10.0, **words)
    assert "hunter2" not in repr(finding)
    return Finding(finding.outcome, finding.reason.replace(f":{port}", ":PORT"), finding.samples, finding.evidence)


@pytest.mark.integration
@on_loop
async def test_signing_in_and_the_length_of_a_queue(broker: int) -> None:
    for who in (GUEST, PROBE):
        finding = await asked(broker, **who, queue="mails", expect={"max": 3})
        assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert (seen["probe_amqp_queue_messages"], seen["probe_amqp_queue_consumers"]) == (3, 0)
    phases = {name.partition("{")[2][:-1] for name in seen if name.startswith("probe_amqp_duration_seconds")}
    assert phases == {"resolve", "connect", "login", "open", "queue"}
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in AmqpProbe.metrics}
    assert finding.evidence
    assert ("queue", "mails: 3 messages, 0 consumers") in finding.evidence.facts
    finding = await asked(broker, **PROBE, queue="empty", **{"as": "shop_mails_waiting"})
    assert numbers(finding)["shop_mails_waiting"] == 0
    finding = await asked(broker, **GUEST)
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")


@pytest.mark.integration
@on_loop
async def test_numbers_out_of_bounds_are_down(broker: int) -> None:
    finding = await asked(broker, **GUEST, queue="mails", expect={"max": 2, "consumers": 1})
    assert (finding.outcome, finding.reason) == (
        Outcome.DOWN,
        "expected the length of 'mails' in 127.0.0.1:PORT to be 2 at most, got 3;"
        " expected 1 consumers of 'mails' in 127.0.0.1:PORT at least, got 0",
    )


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "outcome", "reason"),
    [
        ({**PROBE, "password": "wrong"}, Outcome.UNKNOWN, "login: 127.0.0.1:PORT refused: 403 ACCESS_REFUSED - .*"),
        ({**PROBE, "vhost": "/"}, Outcome.UNKNOWN, "open: 127.0.0.1:PORT refused: 530 NOT_ALLOWED - .* refused .*"),
        ({"vhost": "gone"}, Outcome.DOWN, "open: 127.0.0.1:PORT refused: 530 NOT_ALLOWED - .* not found"),
        ({**GUEST, "queue": "gone"}, Outcome.DOWN, "queue: 127.0.0.1:PORT refused: 404 NOT_FOUND - no queue 'gone' .*"),
    ],
)
@on_loop
async def test_who_is_refused_is_unknown_and_what_is_not_there_is_down(
    broker: int, words: dict[str, Any], outcome: Outcome, reason: str
) -> None:
    finding = await asked(broker, **words)
    assert finding.outcome is outcome
    assert re.fullmatch(reason, finding.reason)


def sending(data: bytes) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(data)
        await writer.drain()

    return talk


def frame(payload: bytes, kind: int = 1, end: bytes = b"\xce") -> bytes:
    return struct.pack("!BHI", kind, 0, len(payload)) + payload + end


START = frame(struct.pack("!HHBB", 10, 10, 0, 9))


@pytest.mark.parametrize(
    ("conversation", "reason"),
    [
        (sending(b"AMQP\x00\x01\x00\x00"), "speaks AMQP 1-0-0, not 0-9-1"),
        (sending(b"HTTP/1.1 400 Bad\r\n"), "does not speak AMQP: what it sends begins with b'H'"),
        (sending(frame(b"\0\x0a\0\x0a", end=b"x")), "broke the protocol: a frame without its end"),
        (sending(frame(b"a")), "broke the protocol: a frame that names no method"),
        (
            sending(frame(b"", 8) + frame(b"\0\x0a\0\x0b")),
            "broke the protocol: expected .*, got .*",
        ),
        (sending(START + frame(struct.pack("!HHB", 10, 30, 0))), "broke the protocol: a method that is too short"),
        (sending(START + frame(struct.pack("!HH", 10, 50))), "broke the protocol: a method that is too short"),
        (sending(b"\x01\0\0\xff\xff\xff\xff"), "announced a piece of 4294967295 bytes"),
        (sending(b""), "hung up"),
    ],
)
@on_loop
async def test_another_server_is_down(conversation: Any, reason: str) -> None:
    async with serve(conversation) as port:
        finding = await asked(port)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(f"login: 127.0.0.1:PORT {reason}", finding.reason)


@on_loop
async def test_nobody_there_and_silence_are_down(tmp_path: Path) -> None:
    finding = await asked(refused_port())
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, "connect: 127.0.0.1:PORT refused the connection")
    authority = Authority(tmp_path)
    async with serve(silence, tls=authority.server("127.0.0.1")) as port:
        words = {"tls": {"ca": str(authority.ca)}, "address": f"127.0.0.1:{port}"}
        finding = await look(AmqpProbe, type="amqp", patience=0.5, **words)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("login: not done within ")
    assert "probe_ssl_earliest_cert_expiry" in numbers(finding)


class _Line:
    """The little of a wire that a stream asks for."""

    def attach(self, reader: Stream) -> None:
        self.reader = reader

    def write(self, data: bytes) -> None:
        pass


@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_any_bytes_are_understood_or_refused(pieces: list[bytes], framed: bool) -> None:
    async def talk() -> None:
        line = _Line()
        broker = Amqp(Stream(line, Phases(), "it"))  # type: ignore[arg-type]  # no connection is used here
        line.reader.feed(b"".join(frame(piece) if framed else piece for piece in pieces))
        line.reader.closed(None)
        with pytest.raises(NetError):
            await broker.login("guest", "guest")

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"expect": {"consumers": 1}}, "there is no number without a queue"),
        ({"expect": {"consumers": 0}, "queue": "q"}, "greater than or equal to 1"),
        ({"queue": "q" * 300}, "is longer than the 255 bytes that AMQP allows"),
        ({"as": "a-b", "queue": "q"}, "'a-b' is not a metric's name"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        AmqpSettings.model_validate({"name": "q", "type": "amqp", "address": "queue:5672", **words})
