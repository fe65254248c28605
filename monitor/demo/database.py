"""The shop's database: one SQLite file that takes several shoppers at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_SCHEMA = """
create table if not exists products (
    sku text primary key, name text not null, description text not null, kind text not null,
    price_cents integer not null, stock integer not null, shelf integer not null, hue integer not null
);
create table if not exists orders (
    id integer primary key, number text not null unique, email text not null, name text not null,
    address text not null, total_cents integer not null, status text not null, note text not null default '',
    created_at text not null, paid_at text
);
create index if not exists orders_by_note on orders (note, status);
create table if not exists order_lines (
    order_id integer not null references orders (id), sku text not null references products (sku),
    quantity integer not null, price_cents integer not null
);
create table if not exists payments (
    id integer primary key, order_id integer not null references orders (id), charge text not null,
    result text not null, amount_cents integer not null, created_at text not null
);
create table if not exists mails (
    order_id integer primary key references orders (id), created_at text not null, sent_at text
);
create table if not exists syncs (name text primary key, ended_at text not null);
"""


class Database:
    """One SQLite file. Every use opens its own connection, so that any thread may ask.

    WAL and BEGIN IMMEDIATE are what keeps two shoppers at the till from answering 500 to one of them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the tables where they are missing."""
        with closing(self._connect()) as connection:
            connection.executescript(_SCHEMA)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that only asks."""
        with closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes: all of it or nothing."""
        with closing(self._connect()) as connection:
            connection.execute("begin immediate")
            try:
                yield connection
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute("pragma foreign_keys = on")
        return connection
