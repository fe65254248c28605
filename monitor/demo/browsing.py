"""The pages where one looks: home, search, product."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from monitor.demo import catalogue
from monitor.demo.front import Counter, Shop


def router(shop: Shop) -> APIRouter:
    """Home, search and product pages."""
    pages, counter = APIRouter(), Counter(shop)

    @pages.get("/")
    def home(request: Request) -> Response:
        with shop.database.reading() as connection:
            teas = catalogue.search(connection)
        return counter.page("home.html", counter.visit(request), teas=teas)

    @pages.get("/search")
    def search(request: Request, q: str = "") -> Response:
        with shop.database.reading() as connection:
            teas = catalogue.search(connection, q)
        return counter.page("search.html", counter.visit(request), teas=teas, words=q)

    @pages.get("/product/{sku}")
    def product(request: Request, sku: str, q: str = "") -> Response:
        session = counter.visit(request)
        with shop.database.reading() as connection:
            tea = catalogue.find(connection, sku)
        if tea is None:
            return counter.page("sorry.html", session, 404, alert="We do not sell this tea (any more).")
        return counter.page("product.html", session, tea=tea, words=q)

    return pages
