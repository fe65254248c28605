"""The store keeps what it said it kept, and says what is wrong in a sentence."""

import asyncio
import sqlite3
import stat
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import IntegrityError

from monitor.store import Store, StoreError
from monitor.store.engine import sqlite_path
from monitor.store.migrate import HEADS
from monitor.store.schema import metadata, seen_signatures
from monitor.store.upgrade import scripts
from tests.servers import until


def _add(name: str, connection: Connection) -> None:
    connection.execute(insert(seen_signatures).values(signature=name, at=0.0))


def _names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(seen_signatures.c.signature).order_by(seen_signatures.c.signature)))


def test_the_migrations_make_exactly_the_schema(store: Store) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert store.transaction(differences) == []


def test_where_the_migrations_end_is_known_without_alembic() -> None:
    assert set(scripts().get_heads()) == HEADS


def test_what_is_committed_survives_reopening(store_url: str) -> None:
    first = Store(store_url)
    first.transaction(lambda connection: _add("a", connection))
    first.close()
    second = Store(store_url)
    assert second.transaction(_names) == ["a"]
    second.close()


def test_an_exception_rolls_the_whole_transaction_back(store: Store) -> None:
    def half(connection: Connection) -> None:
        _add("a", connection)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        store.transaction(half)
    assert store.transaction(_names) == []


def test_a_broken_constraint_is_told_as_such_and_the_store_goes_on(store: Store) -> None:
    store.transaction(lambda connection: _add("a", connection))
    with pytest.raises(IntegrityError):
        store.transaction(lambda connection: _add("a", connection))
    assert store.transaction(_names) == ["a"]


def test_a_bad_statement_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match="failed"):
        store.transaction(lambda connection: connection.execute(text("select nonsense from nowhere")))


def test_the_event_loop_can_await_a_transaction(store: Store) -> None:
    async def both() -> list[str]:
        await asyncio.gather(*(store.atransaction(lambda c, n=name: _add(n, c)) for name in ("b", "a")))
        return await store.atransaction(_names)

    assert asyncio.run(both()) == ["a", "b"]


def test_many_threads_share_the_one_thread(store: Store) -> None:
    def work(who: int) -> None:
        for number in range(10):
            store.transaction(partial(_add, f"{who}-{number}"))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.transaction(_names)) == 40


def test_a_transaction_within_a_transaction_is_refused_rather_than_waiting_for_ever(store: Store) -> None:
    with pytest.raises(RuntimeError, match="pass the Connection on"):
        store.transaction(lambda connection: store.transaction(_names))


def test_a_closed_store_says_so_after_finishing_what_was_queued(store: Store) -> None:
    queued = [store.submit(lambda connection, n=str(number): _add(n, connection)) for number in range(20)]
    store.close()
    store.close()
    assert all(future.done() and future.exception() is None for future in queued)
    with pytest.raises(StoreError, match="closed"):
        store.transaction(_names)


def test_a_newer_schema_is_refused_by_name(store_url: str) -> None:
    store = Store(store_url)
    store.transaction(lambda connection: connection.execute(text("insert into alembic_version values ('9999')")))
    store.close()
    with pytest.raises(StoreError, match=r"newer Shopwatch \(schema 9999"):
        Store(store_url)


def test_the_file_is_ours_alone_and_written_through(tmp_path: Path) -> None:
    store = Store(f"sqlite:{tmp_path}/deep/er/state.db")
    pragmas = [
        store.transaction(lambda c, p=p: c.exec_driver_sql(f"PRAGMA {p}").scalar())
        for p in ("journal_mode", "synchronous", "foreign_keys")
    ]
    assert pragmas == ["wal", 2, 1]
    for file in (tmp_path / "deep/er").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    store.close()


@pytest.mark.parametrize(
    "content",
    [b"this is no database, but it is long enough to look like one" * 100, b"SQLite format 3\0" + b"\xff" * 5000],
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"state\.db is damaged .* restore a copy"):
        Store(f"sqlite:{file}")


def test_a_flipped_page_is_found_at_start(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    Store(f"sqlite:{file}").close()
    page = sqlite3.connect(file).execute("pragma page_size").fetchone()[0]
    content = bytearray(file.read_bytes())
    content[page * 2 : page * 3] = b"\xaa" * page
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"state\.db is damaged"):
        Store(f"sqlite:{file}")


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot open .*/file/state\.db: .*give the folder"):
        Store(f"sqlite:{tmp_path}/file/state.db")


@pytest.mark.parametrize("url", ["mysql://x@y/z", "nonsense", ""])
def test_an_unknown_kind_of_store_is_a_sentence(url: str) -> None:
    with pytest.raises(StoreError, match="write sqlite:///path or postgresql:"):
        Store(url)


def test_a_password_is_not_shown_when_the_server_is_away() -> None:
    with pytest.raises(StoreError) as caught:
        Store("postgresql://shop:hunter2@127.0.0.1:1/shop")
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:////var/lib/x.db", "/var/lib/x.db"),
        ("sqlite:x.db", "x.db"),
        ("sqlite:///./x.db", "./x.db"),
        ("sqlite:/x.db", "/x.db"),
    ],
)
def test_sqlite_urls(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://", "sqlite:///", "sqlite:///var/lib/"])
def test_sqlite_urls_without_a_file(url: str) -> None:
    with pytest.raises(StoreError, match="names no file"):
        sqlite_path(url)


def test_a_database_held_by_another_process_is_waited_for(tmp_path: Path) -> None:
    store = Store(f"sqlite:{tmp_path}/state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("begin immediate")
    waiting = store.submit(lambda connection: _add("a", connection))
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.2)
    other.execute("rollback")
    waiting.result(timeout=20)
    assert store.transaction(_names) == ["a"]
    store.close()


def test_a_full_disk_is_named_also_inside_a_savepoint(tmp_path: Path) -> None:
    store = Store(f"sqlite:{tmp_path}/state.db")
    pages = store.transaction(lambda connection: connection.exec_driver_sql("pragma page_count").scalar())
    store.transaction(lambda connection: connection.exec_driver_sql(f"pragma max_page_count = {pages}"))

    def much(connection: Connection) -> None:
        with connection.begin_nested():
            for number in range(2000):
                _add(f"{number} {'x' * 60}", connection)

    with pytest.raises(StoreError, match=r"no space left for .*state\.db .*is full.*free some"):
        store.transaction(much)
    assert "no space left" in store.trouble
    assert store.transaction(_names) == []
    store.close()


def test_trouble_is_said_while_it_lasts_and_a_stuck_transaction_is_trouble(tmp_path: Path) -> None:
    now = [100.0]
    store = Store(f"sqlite:{tmp_path}/state.db", monotonic=lambda: now[0])
    assert store.trouble == ""
    with pytest.raises(StoreError):
        store.transaction(lambda connection: connection.execute(text("select nonsense from nowhere")))
    assert "nonsense" in store.trouble or "nowhere" in store.trouble
    now[0] += 60
    assert store.trouble == ""
    inside, gate = threading.Event(), threading.Event()

    def stuck(connection: Connection) -> None:
        inside.set()
        gate.wait(60)

    waiting = store.submit(stuck)
    assert inside.wait(30)
    now[0] += 6
    assert store.trouble == "store: a transaction has been running for 6 s"
    gate.set()
    waiting.result(30)
    until(lambda: store.trouble == "", "the transaction to be over")
    store.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_taken_away_is_noticed(tmp_path: Path, replaced: bool, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "state.db"
    store = Store(f"sqlite:{file}")
    store.inspect()
    assert store.trouble == ""
    file.rename(tmp_path / "elsewhere")
    if replaced:
        file.write_bytes((tmp_path / "elsewhere").read_bytes())
    for _ in range(3):
        store.inspect()
    assert "was removed or replaced while we run" in store.trouble
    assert caplog.text.count("was removed or replaced") == 1
    (tmp_path / "elsewhere").rename(file)
    store.inspect()
    assert store.trouble == ""
    store.close()


def test_an_inspection_really_writes(tmp_path: Path) -> None:
    store = Store(f"sqlite:{tmp_path}/state.db")
    written = (tmp_path / "state.db-wal").stat().st_size
    store.inspect()
    until(lambda: (tmp_path / "state.db-wal").stat().st_size > written, "the write-ahead log to grow")
    store.close()


@pytest.mark.integration
def test_a_restarted_postgresql_costs_a_reconnect_only(postgres_url: str) -> None:
    import psycopg

    store = Store(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'shopwatch'")
    assert isinstance(store.transaction(_names), list)
    store.close()
