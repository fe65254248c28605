"""Behind the demo shop's counter: mails wait until they are sent, and the warehouse's figures have a date."""

from datetime import UTC, datetime

import pytest

from monitor.demo import backstage, catalogue, orders
from monitor.demo.database import Database

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
CONTACT = orders.Contact("mei@example.com", "Mei", "1 Tea Street")


@pytest.fixture
def database(tmp_path) -> Database:
    made = Database(tmp_path / "shop.db")
    made.create()
    with made.writing() as connection:
        catalogue.fill(connection)
    return made


def buy(database: Database, paid: bool, at: float) -> None:
    with database.writing() as connection:
        number = orders.place(connection, CONTACT, {"SAMPLER-1": 1}, at).number
        orders.settle(connection, number, "ch_1", paid, at)


def waiting(database: Database, at: float) -> tuple[int, float]:
    with database.reading() as connection:
        return backstage.waiting_mails(connection, at)


def test_a_paid_order_is_confirmed_and_a_declined_one_is_not(database):
    assert waiting(database, NOON) == (0, 0.0)
    buy(database, True, NOON)
    buy(database, True, NOON + 30)
    buy(database, False, NOON + 40)
    assert waiting(database, NOON + 60) == (2, 60.0)
    backstage.send_mails(database, NOON + 61)
    assert waiting(database, NOON + 62) == (0, 0.0)


def test_an_import_fills_shelves_and_leaves_its_time(database):
    with database.writing() as connection:
        catalogue.empty(connection)
    backstage.import_stock(database, NOON)
    backstage.import_stock(database, NOON + 60)
    with database.reading() as connection:
        assert backstage.syncs(connection) == [("stock", NOON + 60)]
        assert catalogue.find(connection, "SAMPLER-1").stock > 0
