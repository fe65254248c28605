"""The demo shop is a real one: it sells, refuses, remembers, and breaks as shops break."""

import re
import time

import httpx
import pytest

from tests.servers import until

_CARD = {"card[number]": "4242 4242 4242 4242"}
_CONTACT = {"contact[email]": "ana@example.com", "contact[name]": "Ana", "contact[address]": "1 Tea Street"}


def _token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def _submit(browser: httpx.Client, page: str, action: str, fields: dict[str, str], **more) -> httpx.Response:
    return browser.post(action, data={"csrf": _token(browser.get(page)), **fields}, **more)


def _buy(browser: httpx.Client, sku: str = "SENCHA-100", card: dict[str, str] = _CARD, **more) -> httpx.Response:
    _submit(browser, f"/product/{sku}", "/cart", {f"items[{sku}]": "2"})
    _submit(browser, "/checkout", "/checkout", _CONTACT, **more)
    return _submit(browser, "/checkout/payment", "/checkout/payment", card)


def _number(demo, name: str) -> float:
    lines = httpx.get(f"{demo.places.shop}/metrics", trust_env=False).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


def _stock(demo, sku: str = "SENCHA-100") -> float:
    return _number(demo, f'shop_stock{{sku="{sku}"}}')


def test_a_shopper_buys_and_the_shop_counts_it(demo):
    orders, stock = _number(demo, "shop_orders_total"), _stock(demo)
    with demo.browser() as browser:
        assert "Two leaves and a bud" in browser.get("/").text
        answer = _buy(browser)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/confirmation?order=TL")
        page = browser.get(answer.headers["location"]).text
        assert '<span id="order-status">paid</span>' in page
    assert _number(demo, "shop_orders_total") == orders + 1
    assert _stock(demo) == stock - 2


def test_what_happens_behind_the_counter_is_counted(demo):
    with demo.browser() as browser:
        _buy(browser)
    until(lambda: _number(demo, 'shop_queue_depth{queue="mail"}') == 0, "the confirmation to be sent")
    assert _number(demo, 'shop_queue_oldest_seconds{queue="mail"}') == 0
    assert 0 <= time.time() - _number(demo, 'shop_sync_timestamp_seconds{sync="stock"}') < 120
    assert _number(demo, 'shop_sync_interval_seconds{sync="stock"}') == 60
    assert _number(demo, 'shop_payments_total{result="error"}') == 0


def test_a_cancelled_order_gives_its_goods_back_once(demo):
    with demo.browser() as browser:
        number = _buy(browser).headers["location"].partition("=")[2]
        stock = _stock(demo)
        for _ in range(2):
            answer = browser.post(f"/admin/orders/{number}/cancel", headers=demo.key)
            assert answer.json()["status"] == "cancelled"
            assert _stock(demo) == stock + 2
        assert browser.post("/admin/orders/TL1/cancel", headers=demo.key).status_code == 404


def test_the_back_office_wants_its_key(demo):
    with demo.browser() as browser:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer \xe9".encode("latin-1")}):
            assert browser.get("/admin/orders", headers=headers).status_code == 401
        assert browser.get("/admin/orders", headers=demo.key).json()["orders"]


def test_a_marked_order_counts_in_no_number(demo):
    orders = _number(demo, "shop_orders_total")
    synthetic = {"X-Synthetic": (demo.state / "synthetic-key").read_text().strip()}
    with demo.browser() as browser:
        number = _buy(browser, headers=synthetic).headers["location"].partition("=")[2]
        listed = browser.get("/admin/orders?note=shopwatch&status=paid", headers=demo.key).json()["orders"]
        assert number in [order["number"] for order in listed]
        browser.post(f"/admin/orders/{number}/cancel", headers=demo.key)
        other = _buy(browser).headers["location"].partition("=")[2]
        assert _number(demo, "shop_orders_total") == orders + 1
        marked = browser.post(f"/admin/orders/{other}/synthetic", headers=demo.key).json()
        assert marked["note"] == "shopwatch"
    assert _number(demo, "shop_orders_total") == orders


def test_a_form_of_another_visit_is_refused(demo):
    with demo.browser() as one, demo.browser() as other:
        token = _token(one.get("/product/SENCHA-100"))
        fields = {"csrf": token, "items[SENCHA-100]": "1"}
        assert other.post("/cart", data=fields).status_code == 403
        assert one.post("/cart", data=fields).status_code == 303
        assert _token(one.get("/product/SENCHA-100")) != token


@pytest.mark.parametrize("quantity", ["0", "21", "-1", "1.5", "", "٣", "9" * 50])
def test_a_strange_quantity_is_a_page_with_a_sentence(demo, quantity):
    with demo.browser() as browser:
        answer = _submit(browser, "/product/SENCHA-100", "/cart", {"items[SENCHA-100]": quantity})
        assert answer.status_code in (200, 303)
        assert answer.status_code == 303 or "Choose 1 to 20" in answer.text
        assert quantity == "٣" or answer.status_code == 200


def test_a_card_that_is_declined_answers_200_and_takes_nothing(demo):
    stock, orders = _stock(demo), _number(demo, "shop_orders_total")
    with demo.browser() as browser:
        answer = _buy(browser, card={"card[number]": "4000 0000 0000 0002"})
        assert answer.status_code == 200
        assert 'role="alert">Your card was declined' in answer.text
    assert (_stock(demo), _number(demo, "shop_orders_total")) == (stock, orders)


def test_the_confirmation_page_thanks_anyone_as_real_ones_do(demo):
    with demo.browser() as browser:
        page = browser.get("/confirmation?order=TL100001").text
    assert "Thank you!" in page
    assert "order-number" not in page


def test_strange_requests_are_answered_with_pages(demo):
    with demo.browser() as browser:
        assert browser.get("/product/NONE").status_code == 404
        assert browser.get("/search?q=%25_%5C'\"").status_code == 200
        assert browser.get("/checkout").headers["location"] == "/cart"
        assert browser.get("/checkout/payment").headers["location"] == "/cart"
        assert browser.post("/cart", content=b"x" * 100_000).status_code == 413
        assert browser.post("/cart", content=b"\xff\xfe").status_code == 403
        assert browser.get("/nothing").status_code == 404


def test_the_switches_are_buttons_for_this_machine_only(demo):
    with demo.browser() as browser:
        page = browser.get("/switches")
        assert page.text.count("<button>Break</button>") == 5
        assert browser.post("/switches/declined/break", data={"csrf": _token(page)}).status_code == 303
        assert browser.get("/switches.json").json()["declined"] is True
        assert browser.post("/switches/mend", data={"csrf": _token(page)}).status_code == 303
        assert not any(browser.get("/switches.json").json().values())
        assert browser.post("/switches/declined/break").status_code == 403
        assert browser.post("/switches/declined/break", headers={"Host": "evil.example", **demo.key}).status_code == 403
        assert browser.get("/switches", headers={"Host": "evil.example"}).status_code == 403
        assert browser.post("/switches/nothing/break", headers=demo.key).status_code == 404
        assert browser.post("/switches/slow/explode", headers=demo.key).status_code == 404


def test_every_answer_carries_a_request_id(demo):
    with demo.browser() as browser:
        ids = {browser.get("/").headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_payment_stand_in_charges_once_per_key_and_knows_its_shop(demo):
    charge = {"amount": 100, "currency": "TWD", "card": "4242424242424242", "reference": "x"}
    key = (demo.state / "payment-key").read_text().strip()
    with httpx.Client(base_url=demo.places.payment, trust_env=False) as provider:
        assert provider.post("/charges", json=charge).status_code == 401
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
        first, again = (provider.post("/charges", json=charge, headers=headers).json() for _ in range(2))
        assert first == again
        assert first["status"] == "succeeded"


def test_two_shoppers_at_once_both_get_their_order(demo):
    from concurrent.futures import ThreadPoolExecutor

    def shopper(_: int) -> int:
        with demo.browser() as browser:
            return _buy(browser, "GENMAI-100").status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(shopper, range(6))) == [303] * 6
