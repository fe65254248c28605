"""Reading HTTP/1.1: whatever comes, in whatever pieces, it ends, and ends the same way."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.net.address import Url
from probes.net.errors import NetError
from probes.net.http1 import Http1, encode
from probes.net.message import Request

NO_HTTP = "transfer: shop sent what is not HTTP: "
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\n\r\nhello",
    b"HTTP/1.0 404 Not Found\r\nServer: old\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 999999999999 No\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
]


async def read(pieces: list[bytes], head_only: bool = False, max_body: int = 1000) -> tuple[Any, ...]:
    done = asyncio.get_running_loop().create_future()
    reader = Http1("shop", done, head_only=head_only, max_body=max_body)
    for piece in pieces:
        reader.feed(piece)
    reader.closed(None)
    assert reader.done.done()
    error = reader.done.exception()
    assert error is None or isinstance(error, NetError)
    came = reader.answer
    return (str(error), came.status, came.version, came.headers, came.body)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_it_does_not_matter_in_which_pieces_an_answer_comes(data: bytes, places: list[int], head_only: bool) -> None:
    whole = asyncio.run(read([data], head_only))
    assert asyncio.run(read(cut(data, places), head_only)) == whole


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60) | st.sampled_from(ANSWERS), max_size=6), st.integers(0, 50))
def test_whatever_comes_it_ends_and_stays_within_its_bounds(pieces: list[bytes], max_body: int) -> None:
    _, _, _, _, body = asyncio.run(read(pieces, max_body=max_body))
    assert len(body) <= max_body + max(map(len, pieces), default=0)


def test_what_browsers_read_is_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for size in (b"5 ", b"5   ", b"0005"):
        error, status, _, _, body = asyncio.run(read([head + size + b"\r\nhello\r\n0\r\n\r\n"]))
        assert (error, status, body) == ("None", 200, b"hello")


@pytest.mark.parametrize(
    ("lengths", "rest", "told"),
    [
        (b"Content-Length: 5\r\nX-A: 1\r\ncontent-length:5 \r\nContent-Length: 5\r\n", b"hello", "None"),
        (b"Content-Length: 5, 5\r\n", b"hello", "None"),
        (b"Content-Length: 5 ,5\nContent-Length: 5\n", b"hello", "None"),
        (b"Content-Length: 5, 6\r\n", b"hello", f"{NO_HTTP}Invalid character in Content-Length"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello", f"{NO_HTTP}Duplicate Content-Length"),
        (b"Content-Length: x, x\r\n", b"hello", f"{NO_HTTP}Invalid character in Content-Length"),
        (b"Content-Length: 5, 5\r\n", b"hel", "transfer: shop closed the connection after 3 of 5 bytes of the body"),
    ],
)
def test_the_same_length_again_is_that_length(lengths: bytes, rest: bytes, told: str) -> None:
    data = b"HTTP/1.1 200 OK\r\n" + lengths + b"\r\n" + rest
    for pieces in ([data], [data[:30], data[30:]], [data[place : place + 1] for place in range(len(data))]):
        error, _, _, headers, body = asyncio.run(read(pieces))
        assert error == told
        if error == "None":
            assert (body, [value for name, value in headers if name == b"content-length"]) == (b"hello", [b"5"])


@pytest.mark.parametrize(
    ("request_", "data"),
    [
        (
            Request(Url("http://shop.example/a?b")),
            b"GET /a?b HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
        ),
        (
            Request(Url("http://[::1]:8080/"), "POST", [(b"Host", b"other"), (b"X", b"1")], b"hi"),
            b"POST / HTTP/1.1\r\nHost: other\r\nX: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
        ),
        (
            Request(Url("http://a/"), "POST", [(b"Connection", b"x")]),
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
def test_a_request_as_bytes(request_: Request, data: bytes) -> None:
    assert encode(request_, reuse=False) == data
    assert b"close" not in encode(request_, reuse=True)
