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


def test_silent_connections_leave_descriptors_for_everything_else(tmp_path, descriptors):
    with service(tmp_path, "probes: []\n") as shop, contextlib.ExitStack() as stack:
        process = psutil.Process(shop.process.pid)
        assert process.rlimit(psutil.RLIMIT_NOFILE)[0] == descriptors
        for _ in range(1100):
            stack.enter_context(connect(shop))
        # Those beyond the limit are told so when they ask; the room for others is there as soon as some have gone.
        until(lambda: process.num_fds() > 1000, "the connections to be taken")
        assert shop.client.get("/-/healthy").status_code == 503
        stack.close()
        until(shop.ready, "the service to answer again")
