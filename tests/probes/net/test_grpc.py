"""Asking a gRPC server for its health: what is sent, what is read, and what a hostile answer costs."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.net.address import Address
from probes.net.errors import NetError, TimedOut
from probes.net.grpc import LEGS, GrpcError, Health, check_health, read_status
from probes.net.resolver import Resolver
from probes.net.tls import TlsSettings
from probes.net.visit import Visit
from tests.health import NOT_SERVING, SERVING, Act, acting, health, nothing, over_h2, trailers_only
from tests.sockets import Authority, Shop, answer, on_loop, serve


async def ask(
    port: int, service: str = "", tls: TlsSettings | None = None, patience: float = 5.0
) -> tuple[Health | None, NetError | None, Visit]:
    visit, told = Visit(Address("localhost", port), LEGS), []

    async def talk() -> None:
        told.append(await check_health(visit, Resolver(), "any", service, tls))

    error = await visit.pay(asyncio.get_running_loop().time() + patience, talk())
    return (told[0] if told else None), error, visit


@on_loop
async def test_a_service_by_its_name_however_long() -> None:
    asked: list[dict[bytes, bytes]] = []
    long = "shop.cart.v1." + "Köln" * 60
    async with serve(health({"": SERVING, "cart": NOT_SERVING, long: SERVING}, asked)) as port:
        statuses = [(await ask(port, service))[0] for service in ("", "cart", long)]
        _, error, _ = await ask(port, "nobody")
    assert [one and one.name for one in statuses] == ["SERVING", "NOT_SERVING", "SERVING"]
    assert isinstance(error, GrpcError)
    assert (error.code, str(error)) == (5, f"check: localhost:{port} answered with gRPC's code 5 unknown service")
    assert asked[0][b"content-type"] == b"application/grpc"
    assert (asked[0][b"te"], asked[0][b":scheme"], asked[0][b":method"]) == (b"trailers", b"http", b"POST")


@on_loop
async def test_in_tls_every_leg_is_measured(tmp_path: Path) -> None:
    authority, asked = Authority(tmp_path), list[dict[bytes, bytes]]()
    async with serve(health({"": SERVING}, asked), tls=over_h2(authority.server("localhost"))) as port:
        told, error, visit = await ask(port, tls=TlsSettings(ca=authority.ca))
    assert (told, error) == (Health(SERVING), None)
    assert set(visit.phases.seconds) == set(LEGS)
    assert all(seconds > 0 for seconds in visit.phases.seconds.values())
    assert visit.facts
    assert visit.facts.alpn == "h2"
    assert asked[0][b":scheme"] == b"https"


@on_loop
async def test_silence_ends_at_the_deadline() -> None:
    async with serve(acting(nothing)) as port:
        told, error, _ = await ask(port, patience=0.3)
    assert told is None
    assert isinstance(error, TimedOut)
    assert str(error).startswith("check: not done within 0.3s: localhost:")


@on_loop
async def test_a_web_server_is_told_as_one() -> None:
    async with serve(Shop(answer())) as port:
        _, error, _ = await ask(port)
    assert isinstance(error, GrpcError)
    assert str(error) == f"check: localhost:{port} answered in HTTP/1, so that it speaks no gRPC here"
    assert error.code == 14


@pytest.mark.parametrize(
    ("act", "code", "reason"),
    [
        (trailers_only(16, "x" * 5000), 16, "answered with gRPC's code 16 " + "x" * 200),
        (trailers_only(-1, ""), 13, "ended its answer without a grpc-status"),
        (trailers_only(10**20, ""), 13, "ended its answer without a grpc-status"),
    ],
    ids=["wordy", "odd", "endless"],
)
@on_loop
async def test_hostile_answers(act: Act, code: int, reason: str) -> None:
    async with serve(acting(act)) as port:
        told, error, _ = await ask(port)
    assert told is None
    assert isinstance(error, GrpcError)
    assert (error.code, str(error)) == (code, f"check: localhost:{port} {reason}")


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", 0),
        (b"\x08\x01", 1),
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -1),
        (b"\x12\x02ab\x08\x02", 2),
        (b"\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x08\x03", 3),
        (b"\x08\x01\x08\x02", 2),
    ],
)
def test_protobuf(message: bytes, status: int) -> None:
    assert read_status(message) == status


@pytest.mark.parametrize("message", [b"\x08", b"\x12\x09ab", b"\x0b", b"\x00\x01", b"\x08" + b"\xff" * 11, b"\x11ab"])
def test_what_is_no_protobuf(message: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        read_status(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    with suppress(ValueError, IndexError):
        read: Any = read_status(message)
        assert -(2**31) <= read < 2**31
