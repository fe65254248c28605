"""The shop's back office: orders listed, cancelled and marked by whoever holds the key; and its numbers."""

import secrets
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.demo import backstage, orders
from monitor.demo.front import Shop


def router(shop: Shop) -> APIRouter:
    """`/admin/…` with `Authorization: Bearer KEY`, and `/metrics` for everyone."""

    def authorised(authorization: Annotated[str, Header()] = "") -> None:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {shop.keys.admin}".encode()):
            raise HTTPException(401, "the back office wants its bearer token", {"WWW-Authenticate": "Bearer"})

    office = APIRouter()
    locked = [Depends(authorised)]

    @office.get("/admin/orders", dependencies=locked)
    def listed(note: str = "", status: str = "", limit: int = 100) -> dict[str, Any]:
        with shop.database.reading() as connection:
            return {"orders": orders.newest(connection, note, status, min(max(limit, 1), 1000))}

    @office.get("/admin/orders/{number}", dependencies=locked)
    def one(number: str) -> orders.Order:
        with shop.database.reading() as connection:
            return _found(number, orders.find(connection, number))

    @office.post("/admin/orders/{number}/cancel", dependencies=locked)
    def cancel(number: str) -> orders.Order:
        with shop.database.writing() as connection:
            return _found(number, orders.cancel(connection, number))

    @office.post("/admin/orders/{number}/synthetic", dependencies=locked)
    def synthetic(number: str) -> orders.Order:
        with shop.database.writing() as connection:
            return _found(number, orders.mark(connection, number, "shopwatch"))

    registry = CollectorRegistry()
    registry.register(_Numbers(shop))

    @office.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    return office


class _Numbers(Collector):
    """The shop's numbers, counted in its database whenever somebody asks."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def collect(self) -> Iterator[Metric]:
        """Orders, revenue, payments, stock, mails, imports. Orders with a note are tests, and do not count."""
        with self._shop.database.reading() as connection:
            paid, revenue, newest = connection.execute(
                "select count(*), coalesce(sum(total_cents), 0), coalesce(max(unixepoch(paid_at)), 0)"
                " from orders where paid_at is not null and note = ''"
            ).fetchone()
            payments = connection.execute(
                "select iif(charge = '', 'error', result), count(*) from payments join orders on orders.id = order_id"
                " where note = '' group by 1"
            ).fetchall()
            stock = connection.execute("select sku, stock from products").fetchall()
            waiting, oldest = backstage.waiting_mails(connection, self._shop.clock())
            syncs = backstage.syncs(connection)
        yield CounterMetricFamily("shop_orders", "Orders ever paid.", value=paid)
        yield CounterMetricFamily("shop_revenue_twd", "Revenue ever paid, in New Taiwan dollars.", value=revenue / 100)
        yield GaugeMetricFamily("shop_newest_order_timestamp_seconds", "When the newest order was paid.", value=newest)
        results = CounterMetricFamily("shop_payments", "Payments by result.", labels=["result"])
        for result, count in {"paid": 0, "declined": 0, "error": 0, **{row[0]: row[1] for row in payments}}.items():
            results.add_metric([result], count)
        yield results
        left = GaugeMetricFamily("shop_stock", "Packets left on the shelf.", labels=["sku"])
        for sku, count in stock:
            left.add_metric([sku], count)
        yield left
        yield _labelled("shop_queue_depth", "What waits in a queue.", "queue", [("mail", waiting)])
        yield _labelled("shop_queue_oldest_seconds", "How long its oldest waits.", "queue", [("mail", oldest)])
        yield _labelled("shop_sync_timestamp_seconds", "When an import last ended well.", "sync", syncs)
        every = [(name, backstage.STOCK_EVERY) for name, _ in syncs]
        yield _labelled("shop_sync_interval_seconds", "How often it is meant to run.", "sync", every)


def _labelled(name: str, text: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values:
        family.add_metric([key], value)
    return family


def _found(number: str, order: orders.Order | None) -> orders.Order:
    if order is None:
        raise HTTPException(404, f"there is no order {number}")
    return order
