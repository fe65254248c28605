"""What the shop sells, and how much of it is left."""

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

_TEAS = (
    ("ALISHAN-50", "Alishan High Mountain", "Oolong", 68000, 75, "Floral and buttery, picked at 1,400 m in the mist."),
    (
        "DONGDING-75",
        "Dong Ding Roasted",
        "Oolong",
        54000,
        30,
        "Charcoal-roasted over three nights, toasted and sweet.",
    ),
    ("SUNMOON-50", "Sun Moon Lake Ruby 18", "Black", 61000, 5, "Wild mint and cinnamon, a black tea like no other."),
    ("BAOZHONG-75", "Wenshan Baozhong", "Oolong", 47000, 130, "Barely oxidised, as fresh as cut lilac."),
    ("BEAUTY-25", "Oriental Beauty", "Oolong", 129000, 20, "Bitten by leafhoppers, sweet as ripe peach."),
    ("SENCHA-100", "Sencha Asamushi", "Green", 39000, 110, "Lightly steamed first flush, grassy and clean."),
    ("GENMAI-100", "Genmaicha", "Green", 26000, 90, "Green tea with roasted rice, for every day."),
    (
        "SAMPLER-1",
        "Sampler & Tasting Notes",
        "Gift",
        19000,
        260,
        "Five sachets and a card for what you found.",
    ),
)
_SHELF = 500


@dataclass(frozen=True, slots=True)
class Product:
    """One tea. Prices are whole cents of a New Taiwan dollar."""

    sku: str
    name: str
    kind: str
    description: str
    price_cents: int
    stock: int
    hue: int

    @property
    def price(self) -> str:
        """The price as the page shows it."""
        return money(self.price_cents)


def money(cents: int) -> str:
    """Cents as a page shows them: `NT$1,290.00`."""
    return f"NT${Decimal(cents) / 100:,.2f}"


def fill(connection: sqlite3.Connection) -> None:
    """Put the teas on the shelf, where they are not yet."""
    connection.executemany(
        "insert or ignore into products (sku, name, kind, price_cents, hue, description, stock, shelf)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*tea, _SHELF, _SHELF) for tea in _TEAS],
    )


def find(connection: sqlite3.Connection, sku: str) -> Product | None:
    """One product, or None."""
    row = connection.execute(f"{_SELECT} where sku = ?", (sku,)).fetchone()
    return _product(row) if row else None


def search(connection: sqlite3.Connection, words: str = "") -> list[Product]:
    """Products whose name, kind, description or number holds the words; all of them for no words."""
    pattern = "%" + words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = connection.execute(
        f"{_SELECT} where name || ' ' || kind || ' tea ' || description || ' ' || sku like ? escape '\\'",
        (pattern,),
    )
    return [_product(row) for row in rows]


def empty(connection: sqlite3.Connection) -> None:
    """Sell out of everything, as a broken import from the warehouse does."""
    connection.execute("update products set stock = 0")


def restock(connection: sqlite3.Connection, below: int | None = None) -> None:
    """Fill the shelf again: every product, or those with fewer than `below` left."""
    connection.execute("update products set stock = shelf where stock < coalesce(?, shelf)", (below,))


_SELECT = "select sku, name, kind, description, price_cents, stock, hue from products"


def _product(row: sqlite3.Row) -> Product:
    return Product(**dict(row))
