"""A PostgreSQL of our own for a few minutes: no network, no root, no schedulers, gone when we are gone."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probes.backup.isolation import Cell, Ended, tail, wait_for_end
from probes.backup.verification import CouldNotLook

#: The scratch cluster's own superuser, and the role without any rights that the dump is restored by.
SUPERUSER = "postgres"
RESTORER = "restorer"
DATABASE = "restored"
_NEEDED = ("initdb", "postgres", "psql", "pg_restore")
_SOCKET_LIMIT = 107
_START_SECONDS = 60.0
#: Nothing leaves the cluster and nothing in it starts by itself; what only serves crash recovery is switched off.
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "archive_mode": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "shared_preload_libraries": "",
    "dynamic_shared_memory_type": "mmap",
    "autovacuum": "off",
    "logging_collector": "off",
    "full_page_writes": "off",
    "checkpoint_timeout": "1h",
    "max_wal_size": "4GB",
    "maintenance_work_mem": "128MB",
    "max_connections": "20",
    "timezone": "UTC",
    "jit": "off",
}


def find_programs(configured: Path | None) -> Path:
    """The folder of PostgreSQL's programs: the configured one, or the newest installed. Raises CouldNotLook."""
    folders = [configured] if configured else list(_installed())
    for folder in folders:
        if all((folder / name).exists() for name in _NEEDED):
            return folder
    places = str(configured) if configured else "/usr/lib/postgresql, /usr/pgsql-* or PATH"
    raise CouldNotLook(
        f"PostgreSQL's programs ({', '.join(_NEEDED)}) are not in {places}; install postgresql, or name their folder "
        "in verify: programs"
    )


def _installed() -> Iterator[Path]:
    versions = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    yield from sorted(versions, key=_major, reverse=True)
    if (found := shutil.which("postgres")) is not None:
        yield Path(found).resolve().parent


def _major(folder: Path) -> int:
    digits = folder.parent.name.removeprefix("pgsql-").partition(".")[0]
    return int(digits) if digits.isdigit() else 0


class Cluster:
    """One scratch cluster. `fsync` is the only setting that changes how long a restore takes in earnest."""

    def __init__(self, cell: Cell, programs: Path, fsync: bool) -> None:
        self._cell = cell
        self._programs = programs
        self._fsync = fsync
        self._data = cell.work / "cluster"
        self._log = cell.scratch.root / "postgres.log"
        self._postmaster: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster and wait until it takes questions. Raises CouldNotLook."""
        if len(str(self._cell.work / ".s.PGSQL.5432")) > _SOCKET_LIMIT:
            raise CouldNotLook(f"{self._cell.work} is too long for a socket; name a shorter folder in verify: scratch")
        ended = self.run(
            "initdb", "-D", str(self._data), "-U", SUPERUSER, "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8"
        )
        if ended.code != 0:
            raise CouldNotLook(f"initdb failed: {last_line(ended.err)}")
        options = _OPTIONS | {"unix_socket_directories": str(self._cell.work), "fsync": "on" if self._fsync else "off"}
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("wb") as log:
            # SIGQUIT: a postmaster that is killed leaves its backends at work, one that quits takes them along.
            self._postmaster = self._cell.begin(command, log, log, on_death=signal.SIGQUIT)
        self._await_ready()

    def _await_ready(self) -> None:
        assert self._postmaster is not None
        until = time.monotonic() + _START_SECONDS
        status = self._data / "postmaster.pid"
        while time.monotonic() < until:
            if self._postmaster.poll() is not None:
                raise CouldNotLook(f"the scratch PostgreSQL did not start: {last_line(self.log())}")
            if status.exists() and status.read_text().splitlines()[7:8] == ["ready   "]:
                return
            time.sleep(0.02)
        raise CouldNotLook(
            f"the scratch PostgreSQL was not ready after {_START_SECONDS:.0f} s: {last_line(self.log())}"
        )

    def stop(self) -> None:
        """End the cluster at once; its data is thrown away anyway."""
        if self._postmaster is None:
            return
        self._postmaster.send_signal(signal.SIGQUIT)
        if not wait_for_end(self._postmaster, 10):
            self._postmaster.kill()
            self._postmaster.wait()
        self._postmaster = None

    def log(self) -> str:
        """The last lines of the server's log."""
        with self._log.open("rb") as stream:
            return tail(stream, 4000)

    def run(self, program: str, *arguments: str) -> Ended:
        """Run one of PostgreSQL's programs against the cluster."""
        environment = {"PGHOST": str(self._cell.work), "PGTZ": "UTC", "PGCONNECT_TIMEOUT": "30"}
        return self._cell.run([str(self._programs / program), *arguments], environment=environment)

    def sql(self, statements: str, user: str = RESTORER, database: str = DATABASE) -> Ended:
        """Run SQL with psql, stopping at the first error; rows come as lines, without names or alignment."""
        script = self._cell.scratch.root / "script.sql"
        script.write_text(statements)
        with script.open("rb") as stream:
            command = [str(self._programs / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", database]
            environment = {"PGHOST": str(self._cell.work), "PGTZ": "UTC"}
            return self._cell.run([*command, "-f", "-"], stdin=stream, environment=environment)

    def ask(self, query: str) -> Any:
        """The single JSON value that a query answers. Raises ValueError with PostgreSQL's words."""
        ended = self.sql(query)
        if ended.code != 0:
            raise ValueError(last_line(ended.err))
        return json.loads(ended.out or "null")


def last_line(text: str) -> str:
    """The line that says what went wrong, as far as one can tell."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "ERROR:" in line or "FATAL:" in line or "error:" in line]
    return (telling or lines or ["it said nothing"])[-1][:500]
