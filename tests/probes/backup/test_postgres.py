"""Whatever is done to a pg_dump archive, it is never called good; real PostgreSQL, in the real scratch room."""

import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probes.backup import record
from probes.backup.isolation import Cell
from probes.backup.pg_take import take_record
from probes.backup.postgres import PostgresDump
from probes.backup.record import Counted
from probes.backup.verification import CouldNotLook, Verdict, Verification
from probes.backup.verify import verify
from tests.probes.backup.shops import NOON, ORDERS, POSTGRES_ROWS, Postgres, recorded
from tests.programs import require_program

Make = Callable[..., Any]
#: An age that no backup of these tests has, whenever they run.
YEARS = "30000d"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def look(settings: Any, now: float = NOON + 60, **options: Any) -> Verification:
    return verify(PostgresDump(settings), clock=lambda: now, **options)


@pytest.fixture(scope="session")
def dumped(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return server.dump("shop", tmp_path_factory.mktemp("dumped") / "shop.dump").read_bytes()


@pytest.fixture
def dump(dumped: bytes, tmp_path: Path) -> Path:
    """A good dump with its exact record."""
    path = tmp_path / "shop-1.dump"
    path.write_bytes(dumped)
    recorded(path, POSTGRES_ROWS)
    return path


def test_a_good_dump_passes(dump: Path, dump_settings: Make) -> None:
    expect = {
        "age": "26h",
        "tables": {"orders": {"newest": "created_at", "within": "26h"}, "stock.items": {"min": 2}},
        "query": {
            "select max(created_at) > now() - interval '99 years' from orders;": True,
            "select count(*) from orders": ORDERS,
            "select sum(total) from orders -- all of them": ORDERS * (ORDERS + 1) * 0.75,
            "select sku from stock.items where left_over = 0": "mug",
            "select null::int": None,
        },
    }
    found = look(dump_settings(expect=expect))
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert found.rows == POSTGRES_ROWS == found.recorded
    assert found.newest == {"orders": NOON}
    assert found.taken_at == NOON
    assert dict(found.facts)["archive: dbname"] == "shop"
    assert dict(found.facts)["fsync while restoring"] == "off"
    assert found.restored_size is not None
    assert found.restored_size > 1_000_000
    assert found.rto is not None


def _cut(position: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * position)]


def _flip(seed: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[random.Random(seed).randrange(len(data))] ^= 1 << (seed % 8)
        return bytes(changed)

    return change


MUTATIONS: dict[str, Callable[[bytes], bytes]] = {
    **{f"cut at {part:.1%}": _cut(part) for part in (0, 0.001, 0.01, 0.2, 0.5, 0.8, 0.99, 0.9999)},
    **{f"flipped bit {seed}": _flip(seed) for seed in range(20)},
    "a byte appended": lambda data: data + b"\0",
    "zeroes": lambda data: bytes(len(data)),
    "twice": lambda data: data + data,
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_changed_dump_with_a_record_is_called_good(dump: Path, dump_settings: Make, mutation: str) -> None:
    dump.write_bytes(MUTATIONS[mutation](dump.read_bytes()))
    found = look(dump_settings())
    assert found.verdict is Verdict.FAIL, found
    assert found.reasons


@pytest.mark.parametrize("compression", ["0", "6"])
def test_every_cut_is_found_by_the_restore_alone(
    server: Postgres, dump_settings: Make, tmp_path: Path, compression: str
) -> None:
    path = server.dump("shop", tmp_path / "shop-1.dump", f"--compress={compression}")
    whole = path.read_bytes()
    for length in (0, 5, 60, len(whole) // 3, len(whole) * 9 // 10, len(whole) - 1):
        path.write_bytes(whole[:length])
        found = look(dump_settings())
        assert found.verdict is Verdict.FAIL, (length, found)


def test_a_flipped_bit_in_data_that_is_not_compressed_needs_the_record(
    server: Postgres, dump_settings: Make, tmp_path: Path
) -> None:
    path = server.dump("shop", tmp_path / "shop-1.dump", "--compress=0")
    recorded(path, POSTGRES_ROWS)
    data = path.read_bytes()
    customer = server.sql("SELECT customer FROM orders WHERE id = 9", "shop").strip().encode()
    assert customer in data
    path.write_bytes(data.replace(customer, b"X" + customer[1:]))
    found = look(dump_settings())
    assert found.verdict is Verdict.FAIL
    assert "SHA-256" in found.reasons[0]


@pytest.mark.parametrize("seed", range(10))
def test_a_dump_that_was_broken_before_it_was_recorded(
    server: Postgres, dumped: bytes, dump_settings: Make, tmp_path: Path, seed: int
) -> None:
    """Its checksum is right and its counts are of the live database: only the restore can tell."""
    content = "SELECT md5(string_agg(orders::text, ',' ORDER BY id)) FROM orders"
    path = tmp_path / "shop-1.dump"
    path.write_bytes(_flip(1000 + seed)(dumped) if seed % 2 else _cut(seed / 10 + 0.05)(dumped))
    recorded(path, POSTGRES_ROWS)
    found = look(dump_settings(expect={"query": {content: server.sql(content, "shop").strip()}}))
    assert found.verdict is not Verdict.PASS or path.read_bytes()[:4000] != dumped[:4000], "the table of contents only"
    assert found.verdict is not Verdict.PASS or seed % 2, found


def test_a_dump_whose_record_was_swapped_fails(dump: Path, dump_settings: Make) -> None:
    dump.rename(dump.with_name("shop-2.dump"))
    record.path_of(dump).rename(dump.with_name("shop-2.dump.record.json"))
    found = look(dump_settings())
    assert found.verdict is Verdict.FAIL
    assert "is about 'shop-1.dump', not about 'shop-2.dump'" in found.reasons[0]


@pytest.mark.parametrize(
    ("database", "options", "reason"),
    [
        ("empty", (), "it contains no tables at all"),
        ("shop", ("--schema-only",), "table carts has 0 rows, 50 were recorded"),
        ("shop", ("--exclude-table-data=orders",), "table orders has 0 rows, 400 were recorded"),
        ("shop", ("--exclude-table=carts",), "table carts is missing; 50 rows were recorded"),
        ("shop", ("--data-only",), "pg_restore cannot restore it"),
        ("postgres", (), "it contains no tables at all"),
    ],
)
def test_a_whole_dump_of_the_wrong_thing_fails(
    server: Postgres, dump_settings: Make, tmp_path: Path, database: str, options: tuple[str, ...], reason: str
) -> None:
    path = server.dump(database, tmp_path / "shop-1.dump", *options)
    recorded(path, POSTGRES_ROWS)
    found = look(dump_settings())
    assert found.verdict is Verdict.FAIL
    assert any(reason in said for said in found.reasons), found.reasons
    record.path_of(path).unlink()
    expect = {"age": YEARS, "tables": {"orders": {}, "carts": {}}}
    assert look(dump_settings(expect=expect), now=NOON * 2).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("database", "options", "reason"),
    [
        ("shop", ("--exclude-table-data=orders",), "table orders is empty, 400 rows in the last good backup"),
        ("shop", ("-t", "carts"), "table orders is missing, 400 rows in the last good backup"),
        ("blog", (), "none of the 3 tables with rows of the last good backup is in it: it is another database"),
    ],
)
def test_without_a_word_in_the_config_what_a_pass_held_is_held_against_the_next(
    server: Postgres, dump_settings: Make, tmp_path: Path, database: str, options: tuple[str, ...], reason: str
) -> None:
    if database == "blog" and not server.sql("SELECT 1 FROM pg_database WHERE datname = 'blog'"):
        server.sql("CREATE DATABASE blog")
        server.sql("CREATE TABLE posts AS SELECT 1 AS id", "blog")
    path = server.dump("shop", tmp_path / "shop-1.dump")
    passed = look(dump_settings(), now=time.time() + 60)
    assert passed.verdict is Verdict.PASS
    assert "nothing says what should be in it" in passed.notes[0]
    server.dump(database, path, *options)
    found = look(dump_settings(), now=time.time() + 60, previous=passed.rows)
    assert found.verdict is Verdict.FAIL
    assert reason in found.reasons[0]


def test_rows_that_are_missing_fail_even_when_the_record_was_made_from_the_dump(
    server: Postgres, dump_settings: Make, tmp_path: Path
) -> None:
    path = server.dump("shop", tmp_path / "shop-1.dump", "--exclude-table-data=orders")
    recorded(path, POSTGRES_ROWS | {"orders": 0}, counted=Counted.BACKUP)
    expect = {"age": YEARS, "tables": {"orders": {"min": 0, "shrink": "1%"}}}
    found = look(dump_settings(expect=expect), now=NOON * 2)
    assert found.verdict is Verdict.PASS, "nothing tells, and the notes say so"
    assert "counted in the backup itself" in found.notes[0]
    found = look(dump_settings(expect=expect), now=NOON * 2, previous={"orders": ORDERS})
    assert found.verdict is Verdict.FAIL
    assert "400 in the last good backup" in found.reasons[0]


def test_other_formats_are_told_apart(server: Postgres, dump_settings: Make, tmp_path: Path) -> None:
    path = tmp_path / "shop-1.dump"
    path.write_bytes(server.run("pg_dump", "-Fp", "shop").stdout)
    assert "is no pg_dump -Fc archive" in look(dump_settings()).reasons[0]
    path.write_bytes(server.run("pg_dump", "-Ft", "shop").stdout)
    assert look(dump_settings()).verdict is Verdict.FAIL


def test_an_old_dump_with_a_fresh_mtime_is_old(server: Postgres, dump_settings: Make, tmp_path: Path) -> None:
    path = server.dump("shop", tmp_path / "shop-1.dump")
    made = path.stat().st_mtime
    found = look(dump_settings(expect={"age": "26h"}), now=made + 5 * 86400)
    assert found.verdict is Verdict.FAIL
    assert "it is 5d" in found.reasons[0]
    found = look(dump_settings(), now=made - 86400)
    assert "in the future" in found.reasons[0]
    found = look(dump_settings(timezone="Asia/Taipei"), now=made)
    assert found.verdict is Verdict.PASS
    assert found.taken_at == pytest.approx(made - 8 * 3600, abs=30)


def test_the_newest_dump_is_chosen_by_what_is_inside(server: Postgres, dump_settings: Make, tmp_path: Path) -> None:
    newer = server.dump("shop", tmp_path / "shop-a.dump")
    older = tmp_path / "shop-z.dump"
    older.write_bytes(newer.read_bytes())
    recorded(older, POSTGRES_ROWS, taken_at=newer.stat().st_mtime - 86400)
    os.utime(newer, (0, 0))
    found = look(dump_settings(), now=older.stat().st_mtime + 60)
    assert found.file == "shop-a.dump"
    older.write_bytes(b"")
    found = look(dump_settings(), now=older.stat().st_mtime + 60)
    assert (found.verdict, found.file) == (Verdict.PASS, "shop-a.dump")
    assert found.notes[0] == "an older backup is bad: shop-z.dump is empty"
    record.path_of(older).unlink()
    found = look(dump_settings(), now=older.stat().st_mtime + 60)
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("shop-z.dump is empty",)), "it may be the newest"


HOSTILE = """
SET shop.setup = 'on';
CREATE FUNCTION evil() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('shop.setup', true) = 'on' THEN RETURN; END IF;
  BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {mark}'''; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
  BEGIN PERFORM pg_read_file('/etc/passwd'); RAISE 'I read it'; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
  BEGIN PERFORM lo_export(1, '{mark}'); EXCEPTION WHEN insufficient_privilege THEN NULL; END;
END $$;
CREATE FUNCTION evil_check(integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM public.evil(); RETURN true; END';
CREATE TABLE orders (id integer CHECK (evil_check(id)));
INSERT INTO orders VALUES (1);
CREATE EXTENSION pgcrypto;
CREATE SCHEMA extra; CREATE EXTENSION hstore SCHEMA extra;
CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more tables'; END $$;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE SUBSCRIPTION shop CONNECTION 'host=/nowhere dbname=shop' PUBLICATION everything WITH (connect = false);
CREATE ROLE cashier; ALTER TABLE orders OWNER TO cashier; GRANT SELECT ON orders TO PUBLIC;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY;
CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n, extra.hstore('a', 'b') AS h FROM orders;
CREATE EVENT TRIGGER stop ON ddl_command_start EXECUTE FUNCTION stop();
"""
ODD = "CREATE OPERATOR CLASS odd FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int4, int4)"


def test_a_hostile_dump_reaches_nothing_and_is_still_restored(
    server: Postgres, dump_settings: Make, tmp_path: Path
) -> None:
    mark = Path(f"/tmp/evil-{os.getpid()}")
    server.sql("CREATE DATABASE hostile")
    try:
        server.sql(HOSTILE.replace("{mark}", str(mark)), "hostile")
        mark.unlink(missing_ok=True)
        path = server.dump("hostile", tmp_path / "shop-1.dump")
    finally:
        server.sql("DROP EVENT TRIGGER IF EXISTS stop", "hostile")
        server.sql("ALTER SUBSCRIPTION shop SET (slot_name = NONE)", "hostile")
        server.sql("DROP SUBSCRIPTION IF EXISTS shop", "hostile")
        server.sql("DROP DATABASE hostile (FORCE)")
        server.sql("DROP ROLE cashier")
    recorded(path, {"orders": 1})
    found = look(dump_settings(expect={"query": {"select n from sums": 1}}))
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert not mark.exists()
    left_out = dict(found.facts)["left out"]
    assert all(word in left_out for word in ("EVENT TRIGGER - stop", "SUBSCRIPTION - shop", "PUBLICATION - everything"))


RICH = """
CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE EXTENSION pg_stat_statements; CREATE EXTENSION postgres_fdw;
CREATE SCHEMA audit;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN sku AS text CHECK (VALUE ~ '^[A-Z]+-[0-9]+$');
CREATE TYPE money_of AS (amount numeric, currency char(3));
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail citext UNIQUE, feels mood, photo oid,
  name text, search tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED);
CREATE INDEX ON customers USING gin (search); CREATE INDEX ON customers USING gin (name gin_trgm_ops);
CREATE TABLE orders (id serial, customer bigint REFERENCES customers, at date NOT NULL, total money_of, item sku,
  PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE orders_2025 PARTITION OF orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE audit.log (id bigint, was jsonb, seen timestamptz DEFAULT now(), EXCLUDE USING btree (id WITH =));
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $f$ BEGIN INSERT INTO audit.log (was) VALUES (to_jsonb(NEW)); RETURN NEW; END $f$;
CREATE TRIGGER note AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION audit.note();
CREATE PROCEDURE tidy() LANGUAGE sql AS 'DELETE FROM audit.log WHERE false';
CREATE AGGREGATE longest (text) (sfunc = textcat, stype = text);
CREATE OPERATOR === (leftarg = citext, rightarg = citext, function = citext_eq);
CREATE VIEW sales AS SELECT at, count(*) FROM orders GROUP BY at;
CREATE RULE no_delete AS ON DELETE TO customers DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW best AS SELECT customer, count(*) AS n FROM orders GROUP BY customer;
CREATE STATISTICS both_of (dependencies) ON id, customer FROM orders_2026;
CREATE TEXT SEARCH CONFIGURATION shop (COPY = simple);
CREATE COLLATION plain (locale = 'C');
CREATE TABLE notes (body text COLLATE plain);
COMMENT ON TABLE notes IS 'it''s fine'; COMMENT ON SCHEMA public IS 'ours';
CREATE SERVER branch FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '10.0.0.9', dbname 'shop');
CREATE USER MAPPING FOR CURRENT_USER SERVER branch OPTIONS (user 'shop', password 'secret');
CREATE FOREIGN TABLE far (id int) SERVER branch;
ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT ON TABLES TO PUBLIC;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON customers USING (name = current_user);
INSERT INTO customers (mail, feels, name, photo) SELECT 'c' || n || '@x', 'glad', 'Ann ' || n, lo_from_bytea(0, 'jpg')
  FROM generate_series(1, 30) n;
INSERT INTO orders (customer, at, total, item) SELECT n, '2025-12-15'::date + n, ROW(n, 'TWD')::money_of, 'TEA-' || n
  FROM generate_series(1, 30) n;
REFRESH MATERIALIZED VIEW best;
"""
RICH_ROWS = {"customers": 30, "orders": 30, "orders_2025": 16, "orders_2026": 14, "audit.log": 30, "notes": 0}


def test_what_real_shops_have_is_restored_without_rights(server: Postgres, dump_settings: Make, tmp_path: Path) -> None:
    server.sql("CREATE DATABASE rich")
    try:
        server.sql(RICH, "rich")
        path = server.dump("rich", tmp_path / "shop-1.dump")
    finally:
        server.sql("DROP DATABASE rich (FORCE)")
    record.write(record.make([path], NOON, RICH_ROWS, Counted.SNAPSHOT), path)
    expect = {
        "tables": {"audit.log": {"newest": "seen"}},
        "query": {"select sum(n) from best": 30, "select count(*) from sales": 30},
    }
    found = look(dump_settings(expect=expect), now=path.stat().st_mtime, offline=True)
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert found.rows == RICH_ROWS
    found = look(dump_settings())
    assert found.verdict is Verdict.INCONCLUSIVE, "foreign servers are for rooms without a network"
    assert "permission denied for foreign-data wrapper" in found.reasons[0]


def test_a_dump_that_asks_for_more_than_we_give_is_inconclusive(
    server: Postgres, dump_settings: Make, tmp_path: Path
) -> None:
    server.sql("CREATE DATABASE greedy")
    server.sql(ODD, "greedy")
    path = server.dump("greedy", tmp_path / "shop-1.dump")
    server.sql("DROP DATABASE greedy")
    recorded(path, {})
    found = look(dump_settings())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "must be superuser" in found.reasons[0]


def test_queries_that_fail_or_answer_otherwise(dump: Path, dump_settings: Make) -> None:
    queries = {
        "select count(*) from orders": 3,
        "select missing": 1,
        "select * from orders": 1,
        "drop table orders": 1,
        "select pg_read_file('/etc/passwd')": "root",
    }
    found = look(dump_settings(expect={"query": queries}))
    assert found.verdict is Verdict.FAIL
    assert len(found.reasons) == len(queries)
    assert "answered 400, expected 3" in found.reasons[0]
    assert 'column "missing" does not exist' in found.reasons[1]
    assert "one row of one column" in found.reasons[2]
    assert "permission denied" in found.reasons[4]


def test_packed_dumps(dump: Path, dump_settings: Make) -> None:
    subprocess.run([require_program("zstd"), "-q", "--rm", dump], check=True)
    packed = Path(f"{dump}.zst")
    recorded(packed, POSTGRES_ROWS)
    found = look(dump_settings())
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    record.path_of(packed).unlink()
    packed.write_bytes(packed.read_bytes()[:-4])
    found = look(dump_settings(expect={"age": YEARS}), now=NOON * 2)
    assert found.verdict is Verdict.FAIL
    assert "zstd cannot unpack it" in found.reasons[0]


def test_missing_programs_are_our_trouble(dump: Path, dump_settings: Make, tmp_path: Path) -> None:
    found = look(dump_settings(verify={"programs": str(tmp_path)}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"are not in {tmp_path}; install postgresql" in found.reasons[0]


def test_a_scratch_folder_with_a_long_name_is_told(dump: Path, dump_settings: Make, scratch: Path) -> None:
    deep = scratch / ("x" * 80)
    deep.mkdir(mode=0o711)
    found = look(dump_settings(verify={"scratch": str(deep)}))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "too long for a socket" in found.reasons[0]


def test_nobody_but_us_may_enter_a_private_scratch_folder(dump: Path, dump_settings: Make, scratch: Path) -> None:
    private = scratch / "private"
    private.mkdir(mode=0o700)
    found = look(dump_settings(verify={"scratch": str(private)}))
    if os.geteuid() == 0:
        assert found.verdict is Verdict.INCONCLUSIVE
        assert found.reasons[0] == f"the user nobody may not enter {private}; name another folder in verify: scratch"
    else:
        assert found.verdict is Verdict.PASS


def test_the_cluster_ends_and_nothing_is_left_when_the_restore_breaks(dump: Path, dump_settings: Make) -> None:
    class Breaking(PostgresDump):
        def question(self, cell: Cell, answered: Any) -> Any:
            assert self._cluster is not None
            assert self._cluster._postmaster is not None
            started.append(self._cluster._postmaster.pid)
            raise CouldNotLook("the test breaks it")

    started: list[int] = []
    found = verify(Breaking(dump_settings()), clock=lambda: NOON)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert not Path(f"/proc/{started[0]}").exists()


def test_a_record_made_in_the_snapshot_that_is_dumped(server: Postgres, dump_settings: Make, tmp_path: Path) -> None:
    live = f"postgresql://postgres@/shop?host={server.folder}"
    target = tmp_path / "shop-1.dump"
    made = take_record(server.programs, live, target, {"orders": "created_at"}, "UTC", dump=True)
    assert made.counted is Counted.SNAPSHOT
    assert {name: table.rows for name, table in made.tables.items()} == POSTGRES_ROWS
    assert made.database_bytes is not None
    found = look(dump_settings(expect={"age": "1h"}), now=made.taken_at.timestamp() + 5)
    assert (found.verdict, found.reasons) == (Verdict.PASS, ())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop-1.dump", "shop-1.dump.record.json"]


def test_rows_that_come_while_it_is_dumped_are_in_neither(server: Postgres, tmp_path: Path) -> None:
    from probes.backup.pg_take import snapshot

    server.sql("CREATE DATABASE busy")
    try:
        server.sql("CREATE TABLE orders (id integer)", "busy")
        live = f"postgresql://postgres@/busy?host={server.folder}"
        with snapshot(server.programs, live) as session:
            assert session.ask("SELECT count(*) FROM orders;") == ["0"]
            server.sql("INSERT INTO orders VALUES (1)", "busy")
            assert session.ask("SELECT count(*) FROM orders;") == ["0"]
            with pytest.raises(CouldNotLook, match=r"cannot be asked: .*read-only transaction"):
                session.ask("INSERT INTO orders VALUES (2);")
    finally:
        server.sql("DROP DATABASE busy (FORCE)")


@pytest.mark.parametrize(
    ("live", "newest", "message"),
    [
        ("postgresql://postgres@/nothing?host={folder}", {}, "database .nothing. does not exist"),
        ("postgresql://postgres@/shop?host={folder}", {"sales": "at"}, "no table sales; is this the right database"),
        ("postgresql://postgres@/shop?host={folder}", {"orders": "at"}, 'column "at" does not exist'),
    ],
)
def test_a_live_database_that_cannot_be_recorded(
    server: Postgres, tmp_path: Path, live: str, newest: dict[str, str], message: str
) -> None:
    with pytest.raises(CouldNotLook, match=message):
        take_record(
            server.programs, live.replace("{folder}", str(server.folder)), tmp_path / "x.dump", newest, "UTC", True
        )
    assert list(tmp_path.iterdir()) == []
