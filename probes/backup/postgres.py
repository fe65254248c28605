"""Verifies pg_dump -Fc archives: restored in full into a scratch PostgreSQL by a role without rights, then asked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from probes.backup.engine import Engine
from probes.backup.isolation import Cell
from probes.backup.judge import Answer, Found
from probes.backup.moment import parse_moment
from probes.backup.pg_archive import encoding, extensions, made_at, read_header, restorable
from probes.backup.pg_cluster import DATABASE, RESTORER, SUPERUSER, Cluster, find_programs, last_line
from probes.backup.pg_questions import TABLES, count_rows, newest_row, one_value
from probes.backup.pg_take import take_record
from probes.backup.record import Record
from probes.backup.settings import BackupSettings, Verify
from probes.backup.verification import Broken, CouldNotLook

#: What an empty cluster takes up, and how much larger than its dump a database usually is.
_CLUSTER_BYTES = 128 * 1024 * 1024
_GROWTH = 6
#: Words of PostgreSQL that tell of this machine or of our caution, not of the backup.
_OUR_TROUBLE = re.compile(
    r"No space left on device|could not extend file|Disk quota exceeded|out of (shared )?memory|"
    r"could not resize shared memory|server closed the connection|connection to server|terminating connection|"
    r"permission denied|must be superuser|must be owner|must have privileges|is not available|"
    r"could not open extension control file|could not access file|unsupported version|"
    r"collation .* does not exist|unrecognized configuration parameter"
)

#: Foreign servers may be declared, as long as none of them can be reached.
_FOREIGN = f"""DO $$ DECLARE wrapper name; BEGIN
  FOR wrapper IN SELECT fdwname FROM pg_foreign_data_wrapper LOOP
    EXECUTE format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO {RESTORER}', wrapper);
  END LOOP; END $$"""  # noqa: S608 - only our own role's name is filled in


class PostgresVerify(Verify):
    """When and how to restore it."""

    programs: Path | None = Field(
        default=None, description="The folder of initdb, postgres and pg_restore; the newest installed by default."
    )
    fsync: bool = Field(default=True, description="Off, the restore is faster than a real one would be.")


class PostgresDumpSettings(BackupSettings):
    """A folder of `pg_dump -Fc` archives. `timezone` is that of the host that dumps: archives do not say."""

    type: Literal["postgres-dump"]
    verify: PostgresVerify = Field(default_factory=PostgresVerify, description="When and how to restore it.")


class PostgresDump(Engine[PostgresDumpSettings]):
    """`pg_restore --list` calls a truncated archive fine: only a full restore reads all of it."""

    settings_model: ClassVar[type[BackupSettings]] = PostgresDumpSettings
    _cluster: Cluster | None = None

    def taken_at(self, head: bytes) -> float | None:
        """When pg_dump began, by the archive's header."""
        return made_at(read_header(head), self.settings.timezone)

    def needed_bytes(self, size: int, record: Record | None) -> int:
        """The archive, the cluster, and the database in it."""
        database = record.database_bytes if record and record.database_bytes else size * _GROWTH
        return size + _CLUSTER_BYTES + database

    def start(self, cell: Cell) -> None:
        """Start an empty cluster."""
        programs = find_programs(self.settings.verify.programs)
        self.log.facts["programs"] = str(programs)
        self.log.facts["fsync while restoring"] = "on" if self.settings.verify.fsync else "off"
        self._cluster = Cluster(cell, programs, self.settings.verify.fsync)
        self._cluster.start()

    def restore(self, cell: Cell, file: Path) -> None:
        """Restore all that holds data. The dump's SQL runs as a role that may do nothing outside its own database."""
        cluster = self._running()
        listing = self._pg_restore("--list", str(file))
        self.log.facts |= _told(listing)
        made = self._prepare(cell, cluster, self._pg_restore("--schema-only", "--file", "-", str(file)))
        kept, left_out = restorable(listing, made)
        if left_out:
            self.log.facts["left out"] = ", ".join(left_out)[:300]
        wanted = cell.scratch.root / "wanted.list"  # not in the work folder, where only the account may write
        wanted.write_text(kept)
        wanted.chmod(0o644)
        self._pg_restore(
            *("--exit-on-error", "--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"),
            *("--use-list", str(wanted), "--username", RESTORER, "--dbname", DATABASE, str(file)),
        )

    def question(self, cell: Cell, answered: Callable[[], None]) -> Found:
        """Count every table, find the newest rows, ask the user's queries."""
        cluster = self._running()
        names: dict[str, str] = dict(self._ask(TABLES))
        answered()
        self.log.restored_size = self._ask("SELECT pg_database_size(current_database())")
        rows = self._count(cluster, names)
        newest, errors = self._newest(cluster, names)
        answers = {query: _answer(cluster, query) for query in self.settings.expect.query}
        return Found(rows=rows, newest=newest, newest_errors=errors, answers=answers)

    def stop(self) -> None:
        """End the cluster."""
        if self._cluster is not None:
            self._cluster.stop()

    def record(self, live: str | None, target: Path, make: bool) -> Record:
        """Record a dump's live database (`service=shop`, a URL), and with `make` dump it in the same snapshot."""
        if live is None:
            raise CouldNotLook("name the live database with --live, such as service=shop or postgresql://host/shop")
        columns, zone = self.settings.newest_columns, self.settings.timezone
        return take_record(find_programs(self.settings.verify.programs), live, target, columns, zone, make)

    def _running(self) -> Cluster:
        assert self._cluster is not None, "start() comes first"
        return self._cluster

    def _pg_restore(self, *arguments: str) -> str:
        ended = self._running().run("pg_restore", *arguments)
        if ended.code == 0:
            return ended.out
        self.log.excerpt = ended.err[-2000:]
        if _OUR_TROUBLE.search(ended.err):
            raise CouldNotLook(f"pg_restore could not do its work here: {last_line(ended.err)}")
        raise Broken(f"pg_restore cannot restore it: {last_line(ended.err)}")

    def _prepare(self, cell: Cell, cluster: Cluster, definitions: str) -> list[str]:
        """Make the database, and as its superuser the extensions, before anything of the dump has run.

        Answers the names of the schemas that were made for extensions.
        """
        self._superuser(cluster, f"CREATE ROLE {RESTORER} LOGIN BYPASSRLS", "postgres")
        self._superuser(
            cluster,
            f"CREATE DATABASE {DATABASE} OWNER {RESTORER} TEMPLATE template0 LOCALE 'C' "
            f"ENCODING '{encoding(definitions)}'",
            "postgres",
        )
        made = []
        for name, schema in extensions(definitions):
            statement = f"CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {schema};"
            if not schema.strip('"').startswith("pg_") and schema != "public":
                statement = f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {RESTORER};" + statement
                made.append(schema.strip('"').replace('""', '"'))
            statement += f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {RESTORER};"
            self._superuser(cluster, statement, DATABASE)
        if cell.offline:
            self._superuser(cluster, _FOREIGN, DATABASE)
        return made

    def _superuser(self, cluster: Cluster, statement: str, database: str) -> None:
        ended = cluster.sql(statement, SUPERUSER, database)
        if ended.code != 0:
            raise CouldNotLook(f"the scratch PostgreSQL cannot be prepared: {last_line(ended.err)}")

    def _ask(self, query: str) -> Any:
        try:
            return self._running().ask(query)
        except ValueError as error:
            raise CouldNotLook(f"the restored database cannot be asked: {error}") from None

    def _count(self, cluster: Cluster, names: dict[str, str]) -> dict[str, int]:
        if not names:
            return {}
        ended = cluster.sql(count_rows(names))
        if ended.code != 0:
            if _OUR_TROUBLE.search(ended.err):
                raise CouldNotLook(f"the rows cannot be counted: {last_line(ended.err)}")
            raise Broken(f"the rows cannot be counted: {last_line(ended.err)}")
        return dict(json.loads(line) for line in ended.out.splitlines())

    def _newest(self, cluster: Cluster, names: dict[str, str]) -> tuple[dict[str, float], dict[str, str]]:
        newest, errors = {}, {}
        for table, column in self.settings.newest_columns.items():
            if table not in names:
                continue
            try:
                value = cluster.ask(newest_row(names[table], column))
                if value is not None:
                    newest[table] = parse_moment(value, self.settings.timezone)
            except ValueError as error:
                errors[table] = str(error)
        return newest, errors


def _answer(cluster: Cluster, query: str) -> Answer:
    try:
        rows = cluster.ask(one_value(query))
    except ValueError as error:
        return Answer(error=str(error))
    if len(rows) != 1 or len(rows[0]) != 1:
        return Answer(error="it must answer one row of one column")
    value = next(iter(rows[0].values()))
    return Answer(value if not isinstance(value, dict | list) else json.dumps(value))


def _told(listing: str) -> dict[str, str]:
    """What the archive's own table of contents says."""
    lines = re.findall(
        r"^;\s+(dbname|TOC Entries|Dumped from database version|Compression): (.+)$", listing, re.MULTILINE
    )
    return {f"archive: {name.lower()}": value for name, value in lines}
