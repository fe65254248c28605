"""The sql probe against PostgreSQL, MariaDB and SQLite: what it reads, never writes, and says of trouble."""

import asyncio
import os
import re
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import trustme
from pydantic import ValidationError

from monitor.metrics import Exposition
from probes.base import Finding, Outcome, Result
from probes.sql import SqlProbe, SqlSettings
from probes.sql.dsn import parse_dsn
from tests.looking import look, numbers
from tests.servers import mariadb, postgres
from tests.sockets import on_loop, refused_port, serve, silence

ORDERS = "select count(*) from orders"
PASSWORD = "hunter2"


class Server:
    """A database with three orders, one of which came without a price; `dsn` is that of a user who may only read."""

    def __init__(self, dsn: str, admin: Any, pid: int = 0) -> None:
        self.dsn, self.admin, self.pid = dsn, admin, pid

    def count(self) -> int:
        with self.admin() as connection:
            cursor = connection.cursor()
            cursor.execute(ORDERS)
            return int(cursor.fetchone()[0])


TABLE = (
    "create table orders (number integer primary key, price numeric(10, 2), customer varchar(40))",
    "insert into orders values (1, 12.50, 'Mei'), (2, null, 'Ana'), (3, 7.25, 'Bo')",
)


@pytest.fixture(scope="module")
def postgres_shop() -> Iterator[Server]:
    with postgres() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database shop")
        shop = url.removesuffix("/postgres") + "/shop"
        with psycopg.connect(shop, autocommit=True) as connection:
            for statement in (*TABLE, f"create role probe login password '{PASSWORD}'", "create sequence numbers"):
                connection.execute(statement)
            connection.execute("grant all on all tables in schema public to probe")
            connection.execute("grant all on all sequences in schema public to probe")
            hba = str(connection.execute("show hba_file").fetchone()[0])  # type: ignore[index]  # there is one
            path = Path(hba)
            path.write_text("host all probe 127.0.0.1/32 scram-sha-256\n" + path.read_text())
            connection.execute("select pg_reload_conf()")
        where = shop.partition("@")[2]
        yield Server(f"postgresql://probe:{PASSWORD}@{where}", lambda: psycopg.connect(shop))


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """`ca.pem` and the `server.pem` that it vouches for, where a server that runs as nobody can read them."""
    with tempfile.TemporaryDirectory(prefix="shopwatch-tls-") as name:
        folder, authority = Path(name), trustme.CA()
        authority.cert_pem.write_to_path(f"{name}/ca.pem")
        trustme.CA().cert_pem.write_to_path(f"{name}/other.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(f"{name}/server.pem")
        folder.chmod(0o755)
        (folder / "server.pem").chmod(0o644)
        yield folder


@pytest.fixture(scope="module")
def mariadb_shop(certificates: Path) -> Iterator[Server]:
    pem = certificates / "server.pem"
    with mariadb(f"--ssl-cert={pem}", f"--ssl-key={pem}") as (port, pid):

        def admin() -> Any:
            return pymysql.connect(host="127.0.0.1", port=port, user="root", database="shop", autocommit=True)

        with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as root:
            cursor = root.cursor()
            grants = f"grant all on shop.* to probe@'%' identified by '{PASSWORD}'"
            for statement in ("create database shop", "use shop", *TABLE, grants):
                cursor.execute(statement)
        yield Server(f"mariadb://probe:{PASSWORD}@127.0.0.1:{port}/shop", admin, pid)


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Server:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        for statement in TABLE:
            connection.execute(statement)
    return Server(f"sqlite://{path}", lambda: sqlite3.connect(path))


@pytest.fixture(
    params=[
        "sqlite_shop",
        pytest.param("postgres_shop", marks=pytest.mark.integration),
        pytest.param("mariadb_shop", marks=pytest.mark.integration),
    ]
)
def shop(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


async def asked(server: Server | str, query: str = ORDERS, **words: Any) -> Finding:
    dsn = server if isinstance(server, str) else server.dsn
    finding = await look(SqlProbe, type="sql", dsn=dsn, query=query, **words)
    assert PASSWORD not in repr(finding)
    return finding


@on_loop
async def test_a_number_becomes_a_sample_of_its_own_name(shop: Server) -> None:
    finding = await asked(shop, **{"as": "shop_orders_total"}, expect={"min": 3, "max": 3, "equals": 3, "within": "4s"})
    assert (finding.outcome, finding.reason) == (Outcome.UP, "")
    seen = numbers(finding)
    assert seen["shop_orders_total"] == 3
    assert seen["probe_sql_duration_seconds{connect}"] > 0
    assert seen["probe_sql_duration_seconds{query}"] > 0
    assert finding.evidence
    assert ("answer", "3") in finding.evidence.facts
    assert [step.name for step in finding.evidence.steps][-2:] == ["connect", "query"]


@on_loop
async def test_without_a_name_the_number_has_the_probes_own(shop: Server) -> None:
    finding = await asked(shop, "select price from orders where number = 1")
    assert numbers(finding)["probe_sql_value"] == 12.5
    assert {sample.name for sample in finding.samples} <= {metric.name for metric in SqlProbe.metrics}


@pytest.mark.parametrize(
    ("query", "words", "reason"),
    [
        (ORDERS, {"expect": {"min": 4}}, r"expected the answer of .* to be 4 at least, got 3"),
        (ORDERS, {"expect": {"max": 2}}, r"expected the answer of .* to be 2 at most, got 3"),
        (ORDERS, {"expect": {"equals": 2}}, r"expected the answer of .* to be 2, got 3"),
        ("select price from orders where number = 2", {"as": "price"}, r"answer: expected a number from .*, got NULL"),
        ("select price from orders where number = 9", {"as": "price"}, r"answer: expected a number .*, got no row"),
        ("select customer from orders where number = 1", {"as": "p"}, r"answer: .* got a value of type str"),
    ],
)
@on_loop
async def test_an_answer_that_falls_short_is_down(shop: Server, query: str, words: Any, reason: str) -> None:
    finding = await asked(shop, query, **words)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(reason, finding.reason)
    assert "Mei" not in repr(finding)


@on_loop
async def test_without_expectations_any_answer_is_up(shop: Server) -> None:
    finding = await asked(shop, "select customer from orders")
    assert finding.outcome is Outcome.UP
    assert "probe_sql_value" not in numbers(finding)


@on_loop
async def test_slow_is_degraded_and_slower_than_expected_is_down(sqlite_shop: Server) -> None:
    slow = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000) select max(i) from n"
    finding = await asked(sqlite_shop, slow, degraded={"after": "1ms"})
    assert finding.outcome is Outcome.DEGRADED
    assert re.fullmatch(r"slow: expected the answer of .* within 1ms, it took \d+ms", finding.reason)
    finding = await asked(sqlite_shop, slow, expect={"within": "1ms", "equals": 1})
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"expected .* to be 1, got 200000; within: expected .* within 1ms, .*", finding.reason)


@pytest.mark.parametrize(
    "statement",
    [
        "insert into orders values (9, 1, 'x')",
        "delete from orders",
        "drop table orders",
        "create table more (a integer)",
        "commit; delete from orders",
        "select 1; delete from orders",
    ],
)
@on_loop
async def test_nothing_is_ever_written(shop: Server, statement: str) -> None:
    finding = await asked(shop, statement)
    assert finding.outcome is Outcome.UNKNOWN, finding
    assert finding.reason.startswith("query: the query ")
    assert shop.count() == 3
    finding = await asked(shop, "select count(*) from more")
    assert finding.outcome is Outcome.DOWN


def test_a_sqlite_probe_makes_no_files(sqlite_shop: Server, tmp_path: Path) -> None:
    for statement in (f"attach '{tmp_path}/a.db' as a", f"vacuum into '{tmp_path}/b.db'", "pragma user_version = 7"):
        assert asyncio.run(asked(sqlite_shop, statement)).outcome in (Outcome.UNKNOWN, Outcome.UP)
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]
    assert numbers(asyncio.run(asked(sqlite_shop, "pragma user_version")))["probe_sql_value"] == 0


@on_loop
async def test_a_missing_table_is_down_and_an_error_in_the_query_is_ours(shop: Server) -> None:
    finding = await asked(shop, "select count(*) from gone")
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("query: ")
    assert "gone" in finding.reason
    finding = await asked(shop, "selekt 1")
    assert finding.outcome is Outcome.UNKNOWN
    assert "the query has an error" in finding.reason


@pytest.mark.parametrize(
    ("name", "query"),
    [
        pytest.param("postgres_shop", "select pg_sleep(60)", marks=pytest.mark.integration),
        pytest.param("mariadb_shop", "select sleep(60) from orders", marks=pytest.mark.integration),
        ("sqlite_shop", "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"),
    ],
)
@on_loop
async def test_a_query_without_end_is_stopped_on_the_server(
    request: pytest.FixtureRequest, name: str, query: str
) -> None:
    server = request.getfixturevalue(name)
    finding = await asked(server, query, patience=1.0)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"query: not done within 0\.9\d*s: .* had not answered the query", finding.reason)
    if name != "sqlite_shop":
        running = {
            "postgres_shop": "select count(*) from pg_stat_activity where query like 'select pg_sleep%'",
            "mariadb_shop": "select count(*) from information_schema.processlist where info like 'select sleep%'",
        }
        with server.admin() as connection:
            cursor = connection.cursor()
            cursor.execute(running[name])
            assert cursor.fetchone()[0] == 0


@pytest.mark.integration
@pytest.mark.parametrize("name", ["postgres_shop", "mariadb_shop"])
@on_loop
async def test_who_we_are_is_our_trouble_and_what_is_missing_theirs(request: pytest.FixtureRequest, name: str) -> None:
    server = request.getfixturevalue(name)
    finding = await look(SqlProbe, type="sql", dsn=server.dsn.replace(PASSWORD, "wrong0"), query=ORDERS)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith("connect: ")
    assert "probe" in finding.reason
    assert "wrong0" not in repr(finding)
    missing = server.dsn.removesuffix("/shop") + "/outlet"
    finding = await asked(missing)
    if name == "postgres_shop":
        assert finding.outcome is Outcome.DOWN
        assert re.fullmatch(
            r'connect: PostgreSQL 127\.0\.0\.1:\d+/outlet did not let us in: database "outlet" does not exist',
            finding.reason,
        )
    else:  # MariaDB tells a user without rights on it no more than that
        assert finding.outcome is Outcome.UNKNOWN
        assert "our user may not use that database" in finding.reason


@pytest.mark.integration
@on_loop
async def test_a_mariadb_database_that_is_gone_is_down(mariadb_shop: Server) -> None:
    root = mariadb_shop.dsn.replace(f"probe:{PASSWORD}", "root").removesuffix("/shop") + "/outlet"
    finding = await asked(root)
    assert finding.outcome is Outcome.DOWN
    assert "Unknown database 'outlet'" in finding.reason


@pytest.mark.integration
@pytest.mark.parametrize(
    ("options", "outcome", "answer"),
    [
        ("", Outcome.UP, 1),
        ("?sslmode=disable", Outcome.UP, 0),
        ("?sslmode=require", Outcome.UP, 1),
        ("?sslmode=verify-full&sslrootcert=FOLDER/ca.pem", Outcome.UP, 1),
        ("?sslmode=verify-full&sslrootcert=FOLDER/other.pem", Outcome.DOWN, "the TLS handshake with MariaDB .* failed"),
        (
            "?sslmode=verify-ca&sslrootcert=FOLDER/gone.pem",
            Outcome.UNKNOWN,
            "connect: cannot read .*/gone.pem: No such",
        ),
        ("?sslmode=verify-ca&sslrootcert=/dev/null", Outcome.UNKNOWN, "connect: sslrootcert=/dev/null is no PEM file"),
        ("?sslmode=maybe", Outcome.UNKNOWN, "connect: sslmode=maybe is not one of disable, prefer, require"),
    ],
)
@on_loop
async def test_mariadb_in_tls(
    mariadb_shop: Server, certificates: Path, options: str, outcome: Outcome, answer: int | str
) -> None:
    encrypted = "select variable_value <> '' from information_schema.session_status where variable_name = 'ssl_cipher'"
    finding = await asked(mariadb_shop.dsn + options.replace("FOLDER", str(certificates)), encrypted)
    assert finding.outcome is outcome, finding.reason
    if isinstance(answer, str):
        assert re.search(answer, finding.reason)
    else:
        assert numbers(finding)["probe_sql_value"] == answer


@pytest.mark.integration
@on_loop
async def test_connections_are_closed_and_never_more_than_one(postgres_shop: Server, mariadb_shop: Server) -> None:
    sessions = {
        postgres_shop: "select count(*) from pg_stat_activity where application_name = 'shopwatch'",
        mariadb_shop: "select count(*) from information_schema.processlist where user = 'probe'",
    }
    for server, query in sessions.items():
        assert numbers(await asked(server, query))["probe_sql_value"] == 1
        for _ in range(50):
            with server.admin() as connection:
                cursor = connection.cursor()
                cursor.execute(query)
                if cursor.fetchone()[0] == 0:
                    break
            await asyncio.sleep(0.1)
        else:
            pytest.fail(f"{server.dsn} still has our session")


@pytest.mark.integration
@on_loop
async def test_a_stopped_server_is_down_in_time_and_leaves_no_thread_behind(mariadb_shop: Server) -> None:
    os.kill(mariadb_shop.pid, signal.SIGSTOP)
    try:
        finding = await asked(mariadb_shop, patience=0.6)
    finally:
        os.kill(mariadb_shop.pid, signal.SIGCONT)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"connect: not done within 0\.5\d*s: MariaDB .* had not let us in", finding.reason)


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
@on_loop
async def test_nobody_there_and_somebody_silent_are_down(scheme: str) -> None:
    port = refused_port()
    finding = await asked(f"{scheme}://probe:{PASSWORD}@127.0.0.1:{port}/shop")
    assert finding.outcome is Outcome.DOWN
    assert re.match(r"connect: .*refused", finding.reason)
    async with serve(silence) as port:
        finding = await asked(f"{scheme}://probe:{PASSWORD}@127.0.0.1:{port}/shop", patience=0.5)
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"connect: not done within 0\.4\d*s: .* had not let us in", finding.reason)


@on_loop
async def test_a_file_that_is_missing_or_no_database_is_down(tmp_path: Path) -> None:
    finding = await asked(f"sqlite://{tmp_path}/gone.db")
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, f"connect: there is no file {tmp_path}/gone.db")
    (tmp_path / "broken.db").write_bytes(b"not a database at all" * 100)
    finding = await asked(f"sqlite://{tmp_path}/broken.db")
    assert finding.outcome is Outcome.DOWN
    assert "file is not a database" in finding.reason
    finding = await asked(f"sqlite://{tmp_path}")
    assert finding.outcome in (Outcome.UNKNOWN, Outcome.DOWN)


@on_loop
async def test_a_locked_file_is_down(sqlite_shop: Server) -> None:
    with sqlite_shop.admin() as other:
        other.execute("begin exclusive")
        finding = await asked(sqlite_shop, patience=0.5)
        other.rollback()
    assert finding.outcome is Outcome.DOWN
    assert re.fullmatch(r"connect: the SQLite file .* stayed locked for 0\.4\d*s", finding.reason)


@pytest.mark.parametrize(("scheme", "driver"), [("postgresql", "psycopg"), ("mysql", "pymysql")])
@on_loop
async def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch, scheme: str, driver: str) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    finding = await asked(f"{scheme}://db.shop.example/shop")
    assert finding.outcome is Outcome.UNKNOWN
    package = {"psycopg": "psycopg[binary]", "pymysql": "pymysql"}[driver]
    remedy = f"run {sys.executable} -m pip install '{package}'"
    assert finding.reason.endswith(f"driver {driver}, which is not installed; {remedy}")


@on_loop
async def test_a_dsn_in_a_file_is_read_at_each_look(sqlite_shop: Server, tmp_path: Path) -> None:
    path = tmp_path / "dsn"
    words: dict[str, Any] = {"type": "sql", "dsn_file": str(path), "query": ORDERS}
    finding = await look(SqlProbe, **words)
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.reason.startswith(f"dsn: cannot read the secret file {path}")
    path.write_text("mongodb://probe:hunter2@db/shop")
    finding = await look(SqlProbe, **words)
    assert finding.reason.startswith("dsn: the dsn does not begin with a database that we know; write postgresql://")
    path.write_text(sqlite_shop.dsn + "\n")
    assert (await look(SqlProbe, **words)).outcome is Outcome.UP


def test_the_named_metric_is_a_counter_when_it_ends_in_total(sqlite_shop: Server) -> None:
    exposition = Exposition("here")
    names = {"shop_orders_total": "counter", "shop_orders_waiting": "gauge"}
    words: dict[str, Any] = {"type": "sql", "dsn": sqlite_shop.dsn, "query": ORDERS}
    exposition.configure([SqlSettings.model_validate({"name": name, **words, "as": name}) for name in names], 0.0)
    for name in names:
        finding = asyncio.run(look(SqlProbe, **words, **{"as": name}))
        exposition.update(Result(name, "sql", 0.0, 0.0, 0.1, finding), 0.0)
    page = exposition.text().decode()
    for name, kind in names.items():
        assert f'# TYPE {name} {kind}\n{name}{{probe="{name}",type="sql",location="here"}} 3.0\n' in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"dsn": "db.shop.example/shop"}, "the dsn does not begin with a database that we know"),
        ({"dsn": "postgresql://u:hunter2@h:port/shop"}, "the dsn is not a URL with a valid host and port"),
        ({"dsn": "postgresql://u:hunter2@db.shop.example"}, "the dsn names no database"),
        ({"dsn": "postgresql:///shop"}, "the dsn names no host"),
        ({"dsn": "postgresql://a,b/shop"}, "the dsn names several hosts"),
        ({"dsn": "sqlite://shop.db"}, "three slashes begin at the root"),
        ({"as": "shop-orders"}, "'shop-orders' is not a metric's name"),
        ({"as": "probe_success"}, "'probe_success' is a metric that every probe has"),
        ({"expect": {"min": 3, "max": 2}}, "no number is at least 3 and at most 2"),
        ({"query": ""}, "at least 1 character"),
    ],
)
def test_bad_settings_are_refused(words: dict[str, Any], message: str) -> None:
    whole = {"name": "orders", "type": "sql", "dsn": "sqlite:///srv/shop.db", "query": "select 1", **words}
    with pytest.raises(ValidationError, match=re.escape(message)) as refused:
        SqlSettings.model_validate(whole)
    assert "hunter2" not in str(refused.value)


def test_a_dsn_shows_no_password() -> None:
    dsn = parse_dsn("postgresql://u%40x:p%3Aw@[::1]/shop?sslmode=require")
    assert (dsn.user, dsn.password, dsn.host, dsn.port) == ("u@x", "p:w", "::1", 5432)
    assert dsn.shown == "PostgreSQL [::1]:5432/shop"
    assert "p:w" not in repr(dsn)
