"""The traps of real shops, each as a shop that has it."""

import asyncio
from itertools import count

from probes.base import Outcome
from tests.probes.journey.shop import Answer, Asked, json_answer, open_shop, redirect, walk, walk_through


def test_a_hidden_token_is_another_one_on_every_page_and_the_form_sends_the_newest():
    numbers = count(1)
    newest = ""

    def shop(asked: Asked) -> Answer:
        nonlocal newest
        if asked.method == "POST":
            return redirect("/cart") if ("csrf", newest) in asked.form else Answer("expired", 403)
        newest = f"t{next(numbers)}"
        return Answer(f'<form id=add method=post action=/cart><input type=hidden name=csrf value="{newest}"></form>')

    steps = [
        {"name": "product", "get": "/product"},
        {"name": "product again", "get": "/product"},
        {"name": "add", "submit": "#add", "expect": {"location": "/cart"}},
    ]
    finding, _ = walk_through(shop, steps)
    assert finding.outcome is Outcome.UP, finding.reason


def test_a_token_can_be_captured_from_an_input_and_sent_in_a_form_of_ones_own():
    def shop(asked: Asked) -> Answer:
        if asked.method == "POST":
            return redirect("/cart") if dict(asked.form) == {"csrf": "a&b", "quantity": "1"} else Answer("no", 403)
        return Answer('<input name=csrf type=hidden value="a&amp;b">')

    steps = [
        {"name": "page", "get": "/", "capture": {"csrf": {"css": "input[name=csrf]", "attribute": "value"}}},
        {"name": "add", "post": "/cart", "form": {"csrf": "{{ csrf }}", "quantity": 1}, "expect": {"status": 303}},
    ]
    finding, _ = walk_through(shop, steps)
    assert finding.outcome is Outcome.UP, finding.reason


def test_a_token_in_inline_json_is_found_and_sent_in_a_header():
    def shop(asked: Asked) -> Answer:
        if asked.method == "POST":
            return json_answer("{}") if asked.headers.get("x-csrf") == "tok-1" else json_answer("{}", 403)
        return Answer('<script id=state type=application/json>{"csrf": {"value": "tok-1"}}</script>')

    steps = [
        {"name": "page", "get": "/", "capture": {"csrf": {"css": "#state", "json": "$.csrf.value"}}},
        {"name": "add", "post": "/api/cart", "json": {"n": 1}, "headers": {"X-Csrf": "{{ csrf }}"}},
    ]
    finding, _ = walk_through(shop, steps)
    assert finding.outcome is Outcome.UP, finding.reason


def test_inline_javascript_gives_its_token_to_a_regex():
    page = "<script>window.cfg = {nonce: 'n0nce-9', n: 1};</script>"
    steps = [
        {"name": "page", "get": "/", "capture": {"nonce": {"regex": "nonce: '([^']+)'"}}},
        {"name": "next", "get": "/next?n={{ nonce }}"},
    ]
    _, shop = walk_through(lambda asked: Answer(page), steps)
    assert shop.asked[1].query == {"n": "n0nce-9"}


def test_a_token_in_a_response_header_and_an_order_in_location():
    def shop(asked: Asked) -> Answer:
        if asked.path == "/start":
            return Answer("{}", headers=[("vendure-auth-token", "secret-auth-token")])
        if asked.path == "/order":
            good = asked.headers.get("authorization") == "Bearer secret-auth-token"
            return redirect("/thanks?order=A-17&x=1", 302) if good else Answer("", 401)
        return Answer(f"<b id=n>{asked.query.get('order')}</b>")

    steps = [
        {"name": "start", "get": "/start", "capture": {"token": {"header": "Vendure-Auth-Token"}}},
        {
            "name": "order",
            "post": "/order",
            "headers": {"Authorization": "Bearer {{ token }}"},
            "expect": {"location": "/thanks"},
            "capture": {"number": {"header": "location", "regex": "order=([A-Z0-9-]+)"}},
        },
        {"name": "thanks", "get": "/thanks?order={{ number }}", "expect": {"css": {"#n": "{{ number }}"}}},
    ]
    finding, _ = walk_through(shop, steps)
    assert finding.outcome is Outcome.UP, finding.reason


def test_links_hold_amp_whether_taken_by_selector_or_by_regex():
    page = '<a class=next href="/p?a=1&amp;b=2">next</a>'
    steps = [
        {
            "name": "list",
            "get": "/",
            "capture": {"link": {"css": "a.next", "attribute": "href"}, "raw": {"regex": 'href="([^"]+)"'}},
        },
        {"name": "by selector", "get": "{{ link }}"},
        {"name": "by regex", "get": "{{ raw }}"},
    ]
    _, shop = walk_through(lambda asked: Answer(page), steps)
    assert [asked.query for asked in shop.asked[1:]] == [{"a": "1", "b": "2"}] * 2


def test_json_that_holds_html_escaped_or_not_is_searched_as_html():
    def shop(asked: Asked) -> Answer:
        if asked.path == "/escaped":
            return json_answer('{"html": "&lt;input name=\\"key\\" value=\\"k-1\\"&gt;"}')
        return json_answer('{"html": "\\u003cinput name=\\"key\\" value=\\"k-2\\"\\u003e"}')

    find = {"json": "$.html", "css": "input[name=key]", "attribute": "value"}
    steps = [
        {"name": "escaped", "get": "/escaped", "capture": {"one": find}},
        {"name": "plain", "get": "/plain", "capture": {"two": find}},
        {"name": "both", "get": "/{{ one }}/{{ two }}"},
    ]
    _, shop = walk_through(shop, steps)
    assert shop.asked[2].path == "/k-1/k-2"


def test_brackets_in_form_names_arrive_as_they_are():
    form = '<form id=f method=post action=/cart><input name="product[id]" value=7><input name="tags[]" value=a></form>'
    steps = [
        {"name": "page", "get": "/"},
        {"name": "add", "submit": "#f", "form": {"product[options][size]": "XL", "tags[]": ["b", "c"]}},
    ]
    _, shop = walk_through(lambda asked: Answer(form), steps)
    assert shop.asked[1].form == [
        ("product[id]", "7"),
        ("product[options][size]", "XL"),
        ("tags[]", "b"),
        ("tags[]", "c"),
    ]


def test_django_wants_a_referer_or_origin_of_its_own_and_gets_both():
    def shop(asked: Asked) -> Answer:
        if asked.method == "GET":
            return Answer(
                "<form id=f method=post action=/basket></form>", headers=[("Set-Cookie", "csrftoken=x; Path=/")]
            )
        home = f"http://{asked.headers['host']}"
        good = asked.headers.get("referer") == f"{home}/product?id=1" and asked.headers.get("origin") == home
        return redirect("/basket") if good and asked.cookies == {"csrftoken": "x"} else Answer("CSRF", 403)

    steps = [
        {"name": "product", "get": "/product?id=1"},
        {"name": "add", "submit": "#f", "expect": {"location": "/basket"}},
    ]
    finding, shop_ = walk_through(shop, steps)
    assert finding.outcome is Outcome.UP, finding.reason
    assert "referer" not in shop_.asked[0].headers


def test_e_mail_addresses_are_other_ones_in_every_walk():
    seen = set()
    steps = [{"name": "sign up", "post": "/", "form": {"email": "{{ email }}"}}]
    for _ in range(3):
        _, shop = walk_through(
            lambda asked: Answer("ok"), steps, **{"with": {"email": "p+{{ run_id }}-{{ now_ms }}@example.com"}}
        )
        seen.add(dict(shop.asked[0].form)["email"])
    assert len(seen) == 3
    assert all("-1790000000123@" in email for email in seen)


def test_a_shop_that_redirects_to_itself_until_its_cookie_comes_back_gets_it():
    def shop(asked: Asked) -> Answer:
        if asked.cookies.get("seen") != "1":
            return redirect(asked.target, 302, ("Set-Cookie", "seen=1; Path=/"))
        return Answer("welcome")

    finding, shop_ = walk_through(shop, [{"name": "home", "get": "/", "follow": True, "expect": {"text": "welcome"}}])
    assert finding.outcome is Outcome.UP, finding.reason
    assert len(shop_.asked) == 2


def test_a_shop_that_redirects_to_itself_for_ever_is_down_with_a_sentence_after_two_tries():
    steps = [{"name": "home", "get": "/", "follow": True}]
    finding, shop = walk_through(lambda asked: redirect("/", 302), steps)
    assert finding.outcome is Outcome.DOWN
    assert "lead back to" in finding.reason
    assert "cookie" in finding.reason
    assert len(shop.asked) == 2


def test_redirects_that_never_repeat_end_too():
    numbers = count()
    steps = [{"name": "home", "get": "/", "follow": True}]
    finding, shop = walk_through(lambda asked: redirect(f"/?n={next(numbers)}", 302), steps)
    assert finding.outcome is Outcome.DOWN
    assert "redirects on after 10 redirects" in finding.reason
    assert len(shop.asked) == 11


def test_a_redirect_is_an_answer_unless_follow_says_otherwise():
    steps = [{"name": "home", "get": "/"}]
    finding, shop = walk_through(lambda asked: redirect("/login", 302), steps)
    assert finding.outcome is Outcome.DOWN
    assert "step 'home' (1 of 1)" in finding.reason
    assert "got 302" in finding.reason
    assert len(shop.asked) == 1


def test_a_confirmation_page_that_thanks_anyone_proves_nothing_the_order_number_does():
    def shop(asked: Asked) -> Answer:
        if asked.path == "/place":  # nothing was ordered, and the shop says 200
            return Answer("<div class=error>Please choose a shipping method</div>")
        return Answer("<h1>Thank you for your order!</h1>")

    steps = [
        {"name": "place", "post": "/place", "follow": True, "capture": {"order": {"url": "order=(\\d+)"}}},
        {"name": "thanks", "get": "/confirmation", "expect": {"text": "Thank you"}},
    ]
    finding, shop_ = walk_through(shop, steps)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("step 'place' (1 of 2): capture 'order': the URL does not match")
    assert 'the page says "Please choose a shipping method"' in finding.reason
    assert shop_.paths() == ["POST /place"]


def test_credentials_and_identity_stay_at_home():
    async def run() -> tuple[dict[str, str], dict[str, str]]:
        async with (
            open_shop(lambda asked: Answer("provider")) as provider,
            open_shop(lambda asked: redirect(provider.url, 302)) as shop,
        ):
            step = {"name": "out", "get": "/", "follow": True, "headers": {"X-Api": "k"}}
            step["auth"] = {"bearer": "s3cret-bearer"}
            await walk(shop, [step], identity={"user_agent": "sw", "header": {"X-Synthetic": "k3y"}})
            return shop.asked[0].headers, provider.asked[0].headers

    home, away = asyncio.run(run())
    assert home["authorization"] == "Bearer s3cret-bearer"
    assert home["x-synthetic"] == "k3y"
    assert not {"authorization", "x-synthetic", "x-api"} & away.keys()
    assert away["user-agent"] == "sw"
