"""Real servers that tests start on loopback for themselves, and end by pid."""

import contextlib
import os
import pwd
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.programs import require_program


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition on a busy machine; an AssertionError says what did not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds:g} s still waiting for {what}"
        time.sleep(0.02)


def port_open(port: int) -> bool:
    """Whether something accepts connections on loopback."""
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """An empty PostgreSQL of our own on loopback; yields its URL. It wants a user other than root."""
    initdb, server = require_program("initdb"), require_program("postgres")
    with tempfile.TemporaryDirectory(prefix="shopwatch-postgres-") as folder:
        other = _other_user()
        data = Path(folder, "data")
        if other is not None:
            os.chown(folder, *other)
        user = {"user": other[0], "group": other[1], "extra_groups": []} if other else {}
        arguments = [initdb, "-D", str(data), "-U", "shop", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"]
        subprocess.run(arguments, check=True, capture_output=True, cwd=folder, timeout=60, **user)
        port = free_port()
        options = [
            "-c",
            f"unix_socket_directories={folder}",
            "-c",
            "dynamic_shared_memory_type=mmap",
            "-c",
            "fsync=off",
        ]
        arguments = [server, "-D", str(data), "-p", str(port), "-h", "127.0.0.1", *options]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder, **user)
        try:
            until(lambda: process.poll() is not None or _answers(port), "PostgreSQL to start")
            assert process.poll() is None, Path(folder, "log").read_text()
            yield f"postgresql://shop@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(2)  # fast shutdown
            process.wait(timeout=30)


def _answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(f"postgresql://shop@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _other_user() -> tuple[int, int] | None:
    if os.getuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid
