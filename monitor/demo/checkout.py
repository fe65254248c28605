"""The pages where one buys: cart, checkout, payment, confirmation."""

import logging
from typing import Any

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import Response

from monitor.demo import catalogue, orders
from monitor.demo.front import Counter, Form, Posted, Shop
from monitor.demo.sessions import Session

_log = logging.getLogger(__name__)
_MOST_OF_ONE = 20


def router(shop: Shop) -> APIRouter:
    """From the cart to the confirmation. As in real shops, a step that fails answers 200 and says so in words."""
    pages, counter = APIRouter(), Counter(shop)

    @pages.get("/cart")
    def cart(request: Request) -> Response:
        return _cart(shop, counter, counter.visit(request))

    @pages.post("/cart")
    def add(request: Request, form: Posted) -> Response:
        session = counter.visit(request)
        return counter.refused(session, form) or _add(shop, counter, session, form)

    @pages.get("/checkout")
    def checkout(request: Request) -> Response:
        session = counter.visit(request)
        if not session.cart:
            return counter.go("/cart", session)
        return counter.page("checkout.html", session, contact=session.contact, **_bill(shop, session))

    @pages.post("/checkout")
    def contact(request: Request, form: Posted) -> Response:
        session = counter.visit(request)
        return counter.refused(session, form) or _contact(shop, counter, session, form, request)

    @pages.get("/checkout/payment")
    def payment(request: Request) -> Response:
        session = counter.visit(request)
        if not session.cart or session.contact is None:
            return counter.go("/checkout" if session.cart else "/cart", session)
        return counter.page("payment.html", session, **_bill(shop, session))

    @pages.post("/checkout/payment")
    def pay(request: Request, form: Posted) -> Response:
        session = counter.visit(request)
        return counter.refused(session, form) or _pay(shop, counter, session, form)

    @pages.get("/confirmation")
    def confirmation(request: Request, order: str = "") -> Response:
        session = counter.visit(request)
        with shop.database.reading() as connection:
            found = orders.find(connection, order) if order in session.orders else None
        return counter.page("confirmation.html", session, order=found)

    return pages


def _cart(shop: Shop, counter: Counter, session: Session, alert: str = "") -> Response:
    return counter.page("cart.html", session, alert=alert, **_bill(shop, session))


def _add(shop: Shop, counter: Counter, session: Session, form: Form) -> Response:
    """Change the cart. Fields are named as carts name them: `items[SKU]` is the quantity to add."""
    wanted = {name[6:-1]: value for name, value in form.items() if name.startswith("items[") and name.endswith("]")}
    for sku, quantity in wanted.items():
        with shop.database.reading() as connection:
            tea = catalogue.find(connection, sku)
        count = session.cart.get(sku, 0) + (int(quantity) if quantity.isdecimal() and len(quantity) < 4 else 0)
        if tea is None or not 0 < count <= _MOST_OF_ONE:
            return _cart(shop, counter, session, f"Choose 1 to {_MOST_OF_ONE} of a tea that we sell.")
        if tea.stock < count:
            return _cart(shop, counter, session, f"Sorry, {tea.name} is sold out.")
        session.cart[sku] = count
    return counter.go("/cart", session)


def _contact(shop: Shop, counter: Counter, session: Session, form: Form, request: Request) -> Response:
    email, name, address = (form.get(f"contact[{field}]", "").strip()[:200] for field in ("email", "name", "address"))
    note = "shopwatch" if request.headers.get("x-synthetic") == shop.keys.synthetic else ""
    session.contact = orders.Contact(email, name, address, note)
    if "@" not in email or not name or not address:
        alert = "Please give an e-mail address, a name and an address."
        return counter.page("checkout.html", session, contact=session.contact, alert=alert, **_bill(shop, session))
    return counter.go("/checkout/payment", session)


def _pay(shop: Shop, counter: Counter, session: Session, form: Form) -> Response:
    if not session.cart or session.contact is None:
        return counter.go("/cart", session)
    try:
        with shop.database.writing() as connection:
            order = orders.place(connection, session.contact, session.cart, shop.clock())
    except orders.SoldOut as error:
        return _cart(shop, counter, session, f"Sorry, {error}.")
    charge, paid = _charge(shop, order, form.get("card[number]", ""))
    with shop.database.writing() as connection:
        orders.settle(connection, order.number, charge, paid, shop.clock())
    if not paid:
        alert = "Your card was declined. You have not been charged; please try another card."
        return counter.page("payment.html", session, alert=alert, **_bill(shop, session))
    session.cart.clear()
    session.orders.append(order.number)
    return counter.go(f"/confirmation?order={order.number}", session)


def _charge(shop: Shop, order: orders.Order, card: str) -> tuple[str, bool]:
    """Ask the provider; one that cannot be reached has not charged anything, and counts as declined."""
    try:
        answer = shop.provider.post(
            f"{shop.payment_url}/charges",
            json={"amount": order.total_cents, "currency": "TWD", "card": card, "reference": order.number},
            headers={"Authorization": f"Bearer {shop.keys.payment}", "Idempotency-Key": order.number},
        ).json()
        return str(answer["id"]), answer["status"] == "succeeded"
    except (httpx.HTTPError, ValueError, KeyError) as error:
        _log.warning("the payment provider gave no answer for %s: %r", order.number, error)
        return "", False


def _bill(shop: Shop, session: Session) -> dict[str, Any]:
    with shop.database.reading() as connection:
        teas = [(catalogue.find(connection, sku), quantity) for sku, quantity in session.cart.items()]
    lines = [(tea, quantity, tea.price_cents * quantity) for tea, quantity in teas if tea]
    return {"lines": lines, "total": sum(cents for _, _, cents in lines)}
