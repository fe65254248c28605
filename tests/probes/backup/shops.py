"""A small shop's databases, live and dumped, for the tests of backups: real PostgreSQL and SQLite."""

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from probes.backup import record
from probes.backup.record import Counted
from tests.programs import require_program

#: 2026-11-21T12:00:00Z: when the demo shop's newest order was made.
NOON = 1_795_262_400.0
ORDERS = 400
CARTS = 50
SCHEMA = f"""
CREATE TABLE orders (id integer PRIMARY KEY, customer text NOT NULL, total numeric NOT NULL, created_at timestamptz);
CREATE TABLE carts (id integer PRIMARY KEY, note text);
CREATE SCHEMA stock;
CREATE TABLE stock.items (sku text PRIMARY KEY, left_over integer);
INSERT INTO orders SELECT n, md5(n::text) || md5((n * 7)::text), n * 1.5,
       to_timestamp({NOON}) - (({ORDERS} - n) || ' minutes')::interval FROM generate_series(1, {ORDERS}) n;
INSERT INTO carts SELECT n, md5(n::text) FROM generate_series(1, {CARTS}) n;
INSERT INTO stock.items VALUES ('tea', 4), ('mug', 0);
CREATE INDEX ON orders (created_at);
CREATE VIEW paid AS SELECT * FROM orders WHERE total > 0;
"""
POSTGRES_ROWS = {"orders": ORDERS, "carts": CARTS, "stock.items": 2}


class Postgres:
    """A PostgreSQL server of a test's own, on a socket, as an unprivileged user where the test runs as root."""

    def __init__(self, folder: Path) -> None:
        self.programs = Path(require_program("initdb")).resolve().parent
        self.folder = folder
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def start(self) -> None:
        data = self.folder / "data"
        self.run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8")
        self.process = subprocess.Popen(
            [
                *(self.programs / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses="),
                *("-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap", "-c", "timezone=UTC"),
                *("-c", "wal_level=logical"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as_user(),
        )
        for _ in range(600):
            if self.process.poll() is None and self.run("pg_isready", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("the test's PostgreSQL did not start")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)

    def run(self, program: str, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        ended = subprocess.run(
            [self.programs / program, *arguments],
            check=False,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "PGHOST": str(self.folder), "PGUSER": "postgres", "TZ": "UTC", "LC_ALL": "C"},
            **self._as_user(),
        )
        if check and ended.returncode != 0:
            raise RuntimeError(f"{program} failed: {ended.stderr.decode()}")
        return ended

    def sql(self, statements: str, database: str = "postgres") -> str:
        return self.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements).stdout.decode()

    def dump(self, database: str, target: Path, *options: str) -> Path:
        target.write_bytes(self.run("pg_dump", "-Fc", *options, database).stdout)
        return target

    def _as_user(self) -> dict[str, object]:
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server with the databases `shop` (see SCHEMA) and `empty`."""
    require_program("pg_dump")
    folder = Path(tempfile.mkdtemp(prefix="shop-", dir="/tmp"))
    folder.chmod(0o755)
    server = Postgres(folder)
    try:
        server.start()
        server.sql("CREATE DATABASE shop")
        server.sql("CREATE DATABASE empty")
        server.sql(SCHEMA, "shop")
        yield server
    finally:
        if hasattr(server, "process"):
            server.stop()
        shutil.rmtree(folder)


def recorded(dump: Path, rows: dict[str, int], taken_at: float = NOON, counted: Counted = Counted.SNAPSHOT) -> None:
    """Write the record of a dump as it is now."""
    newest = {"orders": NOON} if rows.get("orders") else None
    record.write(record.make([dump], taken_at, rows, counted, newest), dump)


def sqlite_shop(path: Path, orders: int = ORDERS, wal: bool = False) -> Path:
    """A SQLite shop whose newest order was made at NOON."""
    with closing(sqlite3.connect(path)) as connection:
        if wal:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, created_at REAL)")
        connection.execute("CREATE INDEX by_time ON orders (created_at)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)",
            [(n, f"customer {n} " * 5, NOON - 60 * (orders - n)) for n in range(1, orders + 1)],
        )
        connection.execute("CREATE TABLE carts (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO carts VALUES (?)", [(n,) for n in range(CARTS)])
        connection.commit()
    return path
