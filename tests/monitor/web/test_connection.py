"""How long a connection may be silent, and who gives way, with real sockets at a real server."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial

import uvicorn
from fastapi import FastAPI, Request

from monitor.web.connection import Connection, Waiting
from tests.servers import free_port, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab"


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def root() -> str:
        return "here"

    @app.post("/echo")
    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    @app.post("/early")
    async def early() -> str:
        return "did not wait"

    return app


@contextlib.contextmanager
def serve(most: int, patience: float) -> Iterator[int]:
    port, http = free_port(), partial(Connection, waiting=Waiting(most, patience))
    config = uvicorn.Config(
        application(),
        port=port,
        http=http,
        log_level="error",
        lifespan="off",
        limit_concurrency=most + 1,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "our server to start")
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


def connect(port: int, words: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(words)
    return connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the body is there, or the connection is ended."""
    came = b""
    with contextlib.suppress(ConnectionError):
        while not came.endswith(b'"') and (piece := connection.recv(4096)):
            came += piece
    return came


def test_a_connection_without_a_whole_request_is_ended():
    early = HALF.replace(b"/echo", b"/early")
    with serve(100, 1.5) as port:
        for words, said in ((b"", b""), (GET[:20], b""), (HALF, b""), (GET, b'"here"'), (early, b'"did not wait"')):
            with connect(port, words) as connection:
                assert answer(connection).endswith(said)
                assert answer(connection) == b"", words


def test_a_byte_now_and_then_wins_no_time():
    with serve(100, 1.0) as port, connect(port, HALF[:-2]) as connection:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in (b"GET / HTTP/1.1\r\nX: " + b"y" * 500) * 2:
                connection.sendall(bytes([byte]))
                time.sleep(0.3)
                assert time.monotonic() - began < 20


def test_requests_that_come_in_time_are_answered_on_one_connection():
    with serve(100, 4.0) as port, connect(port) as connection:
        for _ in range(3):
            connection.sendall(HALF)
            time.sleep(1.5)
            connection.sendall(b"cd")
            assert answer(connection).endswith(b'"abcd"')
        connection.sendall(GET + HALF)
        assert answer(connection).endswith(b'"here"')
        connection.sendall(b"cd")
        assert answer(connection).endswith(b'"abcd"')


def test_the_oldest_silent_one_gives_way_to_a_newer():
    with serve(3, 60.0) as port, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(port, words)) for words in (b"", GET[:9], HALF, b"", b"")]
        for _ in range(5):
            with connect(port, GET) as asks:
                assert answer(asks).endswith(b'"here"')
        assert [answer(one) for one in silent[:3]] == [b"", b"", b""]


def test_the_client_with_most_silent_ones_gives_way():
    with serve(3, 60.0) as port, contextlib.ExitStack() as stack:
        other = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=("127.0.0.2", 0))
        stack.enter_context(other)
        for _ in range(6):
            stack.enter_context(connect(port))
        other.sendall(GET)
        assert answer(other).endswith(b'"here"')
