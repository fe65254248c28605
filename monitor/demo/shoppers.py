"""A few shoppers, so that there is something to see: they search, fill a cart and pay, over HTTP like anybody else."""

import asyncio
import logging
import random
import re
import secrets

import httpx

from monitor.demo import catalogue, orders
from monitor.demo.database import Database

_log = logging.getLogger(__name__)
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
_PRODUCT = re.compile(r'data-sku="([^"]+)"')
_NAMES = ("Lin", "Chen", "Okada", "Sato", "Silva", "Novak", "Ahmed", "Dubois", "Kim", "Rossi")
_WORDS = ("oolong", "green", "roasted", "tea", "mountain", "")
_LOW_SHELF = 50


async def shop_for_ever(url: str, database: Database, pause: float) -> None:
    """One shopper after another, `pause` seconds apart on average. A broken shop sends them home, not away for good."""
    while True:
        await asyncio.sleep(random.uniform(0.5, 1.5) * pause)  # noqa: S311 - no secret is made of it
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=8.0) as client:
                await _buy(client)
        except (httpx.HTTPError, _GaveUp) as error:
            _log.debug("a shopper went home: %r", error)


def keep_shelves(database: Database) -> None:
    """Fill shelves that run low, so that the demo can run for days."""
    with database.writing() as connection:
        catalogue.restock(connection, below=_LOW_SHELF)


def seed_history(database: Database, now: float, count: int = 60) -> None:
    """Some orders of the last hours, so that the first backup has something to lose."""
    with database.writing() as connection:
        if orders.newest(connection, limit=1):
            return
        for index in range(count):
            at = now - (count - index) * 120.0
            teas = catalogue.search(connection)
            contact = _contact()
            order = orders.place(connection, contact, {secrets.choice(teas).sku: 1 + index % 3}, at)
            orders.settle(connection, order.number, f"ch_{secrets.token_hex(8)}", index % 20 != 7, at)


class _GaveUp(Exception):
    """A page did not have what a shopper looks for."""


async def _buy(client: httpx.AsyncClient) -> None:
    found = _PRODUCT.findall((await client.get("/search", params={"q": secrets.choice(_WORDS)})).text)
    if not found:
        raise _GaveUp("nothing found")
    sku, contact = secrets.choice(found), _contact()
    await _submit(client, f"/product/{sku}", "/cart", {f"items[{sku}]": str(secrets.choice((1, 1, 2)))})
    fields = {"email": contact.email, "name": contact.name, "address": contact.address}
    await _submit(client, "/checkout", "/checkout", {f"contact[{name}]": value for name, value in fields.items()})
    await _submit(client, "/checkout/payment", "/checkout/payment", {"card[number]": "4242 4242 4242 4242"})


async def _submit(client: httpx.AsyncClient, page: str, action: str, fields: dict[str, str]) -> None:
    token = _TOKEN.search((await client.get(page)).text)
    if token is None:
        raise _GaveUp(f"no form on {page}")
    answer = await client.post(action, data={"csrf": token[1], **fields})
    if answer.status_code != 303:
        raise _GaveUp(f"{action} did not go on")


def _contact() -> orders.Contact:
    name = secrets.choice(_NAMES)
    return orders.Contact(f"{name.lower()}.{secrets.token_hex(4)}@example.com", name, "1 Tea Street, Taipei")
