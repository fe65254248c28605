"""Orders: placed against the stock, paid or declined, cancelled with their goods back on the shelf."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: An order number is this and its row's number, as customers read it out on the phone.
_PREFIX = "TL"
_FIRST = 100_000


class SoldOut(Exception):
    """There is less on the shelf than the cart wants; the message names the product."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Who buys, and where the parcel goes. `note` marks an order that is not a customer's."""

    email: str
    name: str
    address: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One order as the shop remembers it. Its status is pending, paid, declined or cancelled."""

    number: str
    status: str
    total_cents: int
    email: str
    note: str
    created_at: str
    lines: tuple[tuple[str, int], ...] = field(default=())


def place(connection: sqlite3.Connection, contact: Contact, cart: dict[str, int], at: float) -> Order:
    """Take the goods off the shelf and write a pending order. Raises SoldOut; the caller's transaction then ends."""
    lines = [(sku, quantity, _take(connection, sku, quantity)) for sku, quantity in cart.items()]
    total = sum(quantity * price for _, quantity, price in lines)
    row = connection.execute(
        "insert into orders (number, email, name, address, total_cents, status, note, created_at)"
        " values ('', ?, ?, ?, ?, 'pending', ?, ?)",
        (contact.email, contact.name, contact.address, total, contact.note, _moment(at)),
    ).lastrowid
    number = f"{_PREFIX}{_FIRST + (row or 0)}"
    connection.execute("update orders set number = ? where id = ?", (number, row))
    connection.executemany(
        "insert into order_lines (order_id, sku, quantity, price_cents) values (?, ?, ?, ?)",
        [(row, *line) for line in lines],
    )
    order = find(connection, number)
    assert order is not None
    return order


def settle(connection: sqlite3.Connection, number: str, charge: str, paid: bool, at: float) -> None:
    """Write down what the provider said: a paid order is confirmed by mail, a declined one gives its goods back."""
    result = "paid" if paid else "declined"
    connection.execute(
        "insert into payments (order_id, charge, result, amount_cents, created_at)"
        " select id, ?, ?, total_cents, ? from orders where number = ?",
        (charge, result, _moment(at), number),
    )
    connection.execute(
        "update orders set status = ?, paid_at = ? where number = ?", (result, _moment(at) if paid else None, number)
    )
    if paid:
        connection.execute(
            "insert or ignore into mails (order_id, created_at) select id, ? from orders where number = ?",
            (_moment(at), number),
        )
    else:
        _put_back(connection, number)


def cancel(connection: sqlite3.Connection, number: str) -> Order | None:
    """Cancel a pending or paid order and put its goods back; a second time changes nothing. None: no such order."""
    changed = connection.execute(
        "update orders set status = 'cancelled' where number = ? and status in ('pending', 'paid')", (number,)
    ).rowcount
    if changed:
        _put_back(connection, number)
    return find(connection, number)


def mark(connection: sqlite3.Connection, number: str, note: str) -> Order | None:
    """Note on an order that it is not a customer's. None: no such order."""
    connection.execute("update orders set note = ? where number = ?", (note, number))
    return find(connection, number)


def find(connection: sqlite3.Connection, number: str) -> Order | None:
    """One order with its lines, or None."""
    row = connection.execute("select * from orders where number = ?", (number,)).fetchone()
    return _order(connection, row) if row else None


def newest(connection: sqlite3.Connection, note: str = "", status: str = "", limit: int = 100) -> list[Order]:
    """The newest orders, with this note and status where they are given."""
    rows = connection.execute(
        "select * from orders where (? = '' or note = ?) and (? = '' or status = ?) order by id desc limit ?",
        (note, note, status, status, limit),
    ).fetchall()
    return [_order(connection, row) for row in rows]


def _take(connection: sqlite3.Connection, sku: str, quantity: int) -> int:
    """Take goods off the shelf and answer their price."""
    row = connection.execute("select name, price_cents, stock from products where sku = ?", (sku,)).fetchone()
    if row is None or row["stock"] < quantity:
        raise SoldOut(f"{row['name'] if row else sku} is sold out")
    connection.execute("update products set stock = stock - ? where sku = ?", (quantity, sku))
    return int(row["price_cents"])


def _put_back(connection: sqlite3.Connection, number: str) -> None:
    connection.execute(
        "update products set stock = stock + taken.quantity from"
        " (select sku, sum(quantity) as quantity from order_lines join orders on orders.id = order_lines.order_id"
        "  where orders.number = ? group by sku) as taken where taken.sku = products.sku",
        (number,),
    )


def _order(connection: sqlite3.Connection, row: sqlite3.Row) -> Order:
    lines = connection.execute("select sku, quantity from order_lines where order_id = ?", (row["id"],))
    return Order(
        number=row["number"],
        status=row["status"],
        total_cents=row["total_cents"],
        email=row["email"],
        note=row["note"],
        created_at=row["created_at"],
        lines=tuple((line["sku"], line["quantity"]) for line in lines),
    )


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(sep=" ", timespec="seconds")
