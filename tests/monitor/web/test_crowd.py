"""Many connections at once: the service keeps descriptors for what it is there for."""

import contextlib
import resource
import socket

import httpx
import psutil
import pytest

from monitor.web.operators import MOST_STREAMS
from tests.servers import until
from tests.service import service

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def connect(shop):
    address = httpx.URL(shop.url)
    return socket.create_connection((address.host, address.port), timeout=20)


def status(connection):
    return connection.recv(12).decode()


def test_pages_beyond_the_hundredth_are_not_told_until_one_closes(tmp_path):
    with service(tmp_path, "probes: []\n") as shop, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(shop)) for _ in range(MOST_STREAMS + 20)]
        for one in crowd:
            one.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        answers = [status(one) for one in crowd]
        assert answers.count("HTTP/1.1 200") == MOST_STREAMS
        assert answers.count("HTTP/1.1 503") == 20
        assert shop.client.get("/").status_code == 200
        for one in crowd:
            one.close()

        def again():
            with connect(shop) as late:
                late.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return status(late) == "HTTP/1.1 200"

        until(again, "a stream for a new page")


@pytest.fixture
def descriptors():
    """Enough for the crowd on our side; answers how many the service may take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("needs 4096 file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    yield min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silent_connections_keep_nobody_out_and_are_ended(tmp_path, descriptors):
    config = "probes:\n  - {name: nightly, type: heartbeat, every: 1d, timeout: 1s}\n"
    with service(tmp_path, config) as shop, contextlib.ExitStack() as stack:
        process = psutil.Process(shop.process.pid)
        assert process.rlimit(psutil.RLIMIT_NOFILE)[0] == descriptors
        crowd = [stack.enter_context(connect(shop)) for _ in range(1500)]
        for one in crowd[3::4]:
            with contextlib.suppress(ConnectionError):  # it has given way to a newer one
                one.sendall(b"POST /api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n[")
        for _ in range(3):
            for path in ("/-/healthy", "/metrics", "/", "/heartbeat/nightly"):
                with httpx.Client(base_url=shop.url, trust_env=False, timeout=10.0) as other:
                    assert other.get(path).status_code == 200
        assert process.num_fds() < 1200
        until(lambda: process.num_fds() < 200, "the silent ones to be ended", 60)
        assert shop.ready()
