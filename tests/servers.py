"""Real servers that tests start on loopback for themselves, and end by pid."""

import contextlib
import json
import os
import pwd
import signal
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


@contextlib.contextmanager
def started(arguments: list[str], folder: str, ready: Callable[[], object], **environment: str) -> Iterator[int]:
    """A server that runs in the foreground, in `folder`, as a user other than root, until the block ends; its pid."""
    other = _other_user()
    if other is not None:
        os.chown(folder, *other)
    user = {"user": other[0], "group": other[1], "extra_groups": []} if other else {}
    log = Path(folder, "log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, stdout=output, stderr=output, cwd=folder, env={**os.environ, **environment}, **user
        )
    try:
        until(lambda: process.poll() is not None or ready(), f"{arguments[0]} to start")
        assert process.poll() is None, log.read_text(errors="replace")
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def mariadb(*options: str) -> Iterator[tuple[int, int]]:
    """An empty MariaDB of our own on loopback, `root` without a password; yields its port and its pid. `options` are
    more of its command line's.
    """
    install, server = require_program("mariadb-install-db"), require_program("mariadbd")
    with tempfile.TemporaryDirectory(prefix="shopwatch-mariadb-") as folder:
        other = _other_user()
        if other is not None:
            os.chown(folder, *other)
        user = {"user": other[0], "group": other[1], "extra_groups": []} if other else {}
        words = ["--no-defaults", f"--datadir={folder}/data"]
        arguments = [install, *words, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(arguments, check=True, capture_output=True, cwd=folder, timeout=60, **user)
        port = free_port()
        words += [
            f"--socket={folder}/socket",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
            *options,
        ]
        with started([server, *words], folder, lambda: port_open(port)) as pid:
            yield port, pid


@contextlib.contextmanager
def redis(*words: str) -> Iterator[int]:
    """An empty Redis of our own on loopback; yields its port. `words` are settings, as on its command line."""
    server, port = require_program("redis-server"), free_port()
    with tempfile.TemporaryDirectory(prefix="shopwatch-redis-") as folder:
        arguments = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, *words]
        with started(arguments, folder, lambda: port_open(port)):
            yield port


#: What the broker of `rabbitmq` has: a virtual host with two queues, and a user who may not see the one at the root.
_BROKER = {
    "vhosts": [{"name": "/"}, {"name": "shop"}],
    "users": [
        {"name": "guest", "password": "guest", "tags": "administrator"},
        {"name": "probe", "password": "hunter2", "tags": ""},
    ],
    "permissions": [
        {"user": "guest", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"},
        {"user": "probe", "vhost": "shop", "configure": "", "write": "", "read": ""},
    ],
    "queues": [
        {"name": name, "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}}
        for name in ("mails", "empty")
    ],
}


@contextlib.contextmanager
def rabbitmq() -> Iterator[int]:
    """A RabbitMQ of our own on loopback, with what _BROKER says; yields its port."""
    require_program("rabbitmq-server")
    server = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # Debian's wrapper on the path insists on its own user
    port, names, distribution = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="shopwatch-rabbitmq-") as folder:
        Path(folder, "plugins").write_text("[].")
        Path(folder, "definitions").write_text(json.dumps(_BROKER))
        Path(folder, "rabbit.conf").write_text(f"load_definitions = {folder}/definitions\n")
        environment = {
            "HOME": folder,
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "shopwatch@localhost",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbit.conf",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
        }
        # Erlang would start its daemon of names by itself, and leave it behind.
        daemon = [require_program("epmd"), "-port", str(names), "-address", "127.0.0.1"]
        with (
            tempfile.TemporaryDirectory(prefix="shopwatch-epmd-") as other,
            started(daemon, other, lambda: port_open(names)),
            started([server], folder, lambda: port_open(port), **environment),
        ):
            yield port


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


@contextlib.contextmanager
def program(arguments: list[str], port: int, folder: Path) -> Iterator[None]:
    """A real program that listens on `port`, ended by pid; its log is a file in the folder."""
    log = folder / f"{Path(arguments[0]).name}-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out, cwd=folder)
    try:
        until(lambda: process.poll() is not None or port_open(port), f"{arguments[0]} to start", 60)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[int]:
    """An Alertmanager that groups nothing, waits for nothing and tells a webhook; yields its port."""
    port = free_port()
    config = folder / "alertmanager.yml"
    config.write_text(
        "route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{webhook}', send_resolved: true}}]}}]\n"
    )
    arguments = [
        require_program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with program(arguments, port, folder):
        yield port
