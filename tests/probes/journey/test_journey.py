"""What a walk says: outcomes, the sentence, the numbers, the evidence, and what it never says."""

import asyncio
import json

import pytest

from probes.base import Outcome
from tests.probes.journey.shop import Answer, Asked, json_answer, open_shop, redirect, walk, walk_through

_THREE = [
    {"name": "home", "get": "/"},
    {"name": "search", "get": "/search"},
    {"name": "product", "get": "/product"},
]


def _numbers(finding, name):
    return {dict(sample.labels).get("step", ""): sample.value for sample in finding.samples if sample.name == name}


def test_a_good_walk_is_up_and_counts_its_steps():
    finding, _ = walk_through(lambda asked: Answer("ok"), _THREE)
    assert finding.outcome is Outcome.UP
    assert finding.reason == ""
    assert _numbers(finding, "journey_steps") == _numbers(finding, "journey_steps_completed") == {"": 3.0}
    assert _numbers(finding, "journey_step_success") == {"home": 1.0, "search": 1.0, "product": 1.0}
    steps = _numbers(finding, "journey_step_duration_seconds")
    assert sum(steps.values()) == pytest.approx(_numbers(finding, "journey_duration_seconds")[""])
    phases = {dict(s.labels)["phase"] for s in finding.samples if s.name == "journey_step_phase_seconds"}
    assert {"connect", "processing"} <= phases
    assert not _numbers(finding, "journey_cleanup_success")


def test_a_failing_step_is_named_and_those_behind_it_are_not_walked():
    def shop(asked: Asked) -> Answer:
        if asked.path == "/search":
            return Answer("<title>Oops</title><p role=alert>Search is away</p>", 500, [("X-Request-Id", "r-42")])
        return Answer("ok")

    finding, shop_ = walk_through(shop, _THREE)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("step 'search' (2 of 3): status: expected 2xx, got 500 from http://127.0.0.1")
    assert finding.reason.endswith('the page says "Search is away"')
    assert [(step.name, step.outcome.value) for step in finding.evidence.steps] == [
        ("home", "up"),
        ("search", "down"),
        ("product", "unknown"),
    ]
    assert finding.evidence.steps[2].seconds is None
    facts = dict(finding.evidence.facts)
    assert facts["step"] == "search"
    assert facts["status"] == "500"
    assert facts["request id"] == "r-42"
    assert finding.evidence.excerpt.startswith("Search is away\nOops")
    assert _numbers(finding, "journey_step_success") == {"home": 1.0, "search": 0.0}
    assert shop_.paths() == ["GET /", "GET /search"]


def test_json_is_compared_with_what_was_captured_and_money_as_numbers():
    def shop(asked: Asked) -> Answer:
        if asked.path == "/pay":
            amount = json.loads(asked.body)["amount"]
            return json_answer(json.dumps({"status": "declined", "total": amount}))
        return Answer("<b class=price>NT$1,299.50</b>")

    steps = [
        {"name": "product", "get": "/", "capture": {"price": {"css": ".price", "as": "money"}}},
        {
            "name": "pay",
            "post": "/pay",
            "json": {"amount": "{{ price }}"},
            "expect": {"json": {"$.total": "{{ price }}", "$.status": "paid"}},
        },
    ]
    finding, shop_ = walk_through(shop, steps)
    assert json.loads(shop_.asked[1].body) == {"amount": 1299.5}
    assert finding.reason.startswith("step 'pay' (2 of 2): json: expected $.status to be 'paid', got 'declined'")
    assert "$.total" not in finding.reason


def test_a_capture_that_is_gone_is_down_and_names_itself_and_its_step():
    steps = [{"name": "product", "get": "/", "capture": {"csrf": {"css": "input[name=csrf]", "attribute": "value"}}}]
    finding, _ = walk_through(lambda asked: Answer("<p>new design</p>"), steps)
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith(
        "step 'product' (1 of 1): capture 'csrf': nothing on the page matches 'input[name=csrf]' (200 from"
    )


def test_a_page_instead_of_a_redirect_is_told_once():
    step = {"name": "pay", "post": "/pay", "expect": {"status": 303, "location": "/thanks"}}
    finding, shop = walk_through(lambda asked: Answer("<p class=error>declined"), [step])
    assert finding.reason == (
        "step 'pay' (1 of 1): location: expected a redirect to '/thanks',"
        f' {shop.url}pay sent none (200); the page says "declined"'
    )


def test_a_form_that_is_gone_is_down():
    steps = [{"name": "page", "get": "/"}, {"name": "add", "submit": "form#add"}]
    finding, _ = walk_through(lambda asked: Answer("<p>"), steps)
    assert finding.outcome is Outcome.DOWN
    assert "has no form 'form#add'" in finding.reason


def test_a_rate_limiter_blocks_and_is_not_the_shops_outage():
    steps = [{"name": "home", "get": "/"}]
    finding, _ = walk_through(lambda asked: Answer("slow down", 429, [("Retry-After", "60")]), steps)
    assert finding.outcome is Outcome.BLOCKED
    assert "429" in finding.reason
    assert not _numbers(finding, "journey_step_success")


def test_an_expected_429_is_no_block():
    steps = [{"name": "home", "get": "/", "expect": {"status": 429}}]
    assert walk_through(lambda asked: Answer("", 429), steps)[0].outcome is Outcome.UP


def test_slower_than_wished_is_degraded_and_names_the_slowest_step():
    async def shop(asked: Asked) -> Answer:
        await asyncio.sleep(0.3 if asked.path == "/search" else 0)
        return Answer("ok")

    finding, _ = walk_through(shop, _THREE, degraded={"after": "250ms"})
    assert finding.outcome is Outcome.DEGRADED
    assert "the slowest step was 'search'" in finding.reason


def test_a_step_slower_than_allowed_is_down():
    async def shop(asked: Asked) -> Answer:
        await asyncio.sleep(0.3)
        return Answer("ok")

    finding, _ = walk_through(shop, [{"name": "home", "get": "/", "expect": {"within": "100ms"}}])
    assert finding.outcome is Outcome.DOWN
    assert "within 100ms" in finding.reason


def test_a_dripping_body_ends_at_the_deadline_with_its_step_named():
    async def run():
        async def drip(reader, writer):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            try:
                while True:
                    writer.write(b".")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            except ConnectionError:
                writer.close()

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        async with open_shop(lambda asked: Answer()) as shop:
            shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            finding = await walk(shop, _THREE, timeout="1s")
        server.close()
        return finding

    finding = asyncio.run(run())
    assert finding.outcome is Outcome.DOWN
    assert finding.reason.startswith("step 'home' (1 of 3): transfer: no whole answer within")


def test_a_refused_connection_is_down():
    async def run():
        async with open_shop(lambda asked: Answer()) as shop:
            pass
        return await walk(shop, _THREE)

    finding = asyncio.run(run())
    assert finding.outcome is Outcome.DOWN
    assert "refused the connection" in finding.reason


def test_a_missing_secret_file_is_our_own_trouble():
    steps = [{"name": "home", "get": "/", "auth": {"bearer_file": "/nowhere/token"}}]
    finding, shop = walk_through(lambda asked: Answer(), steps)
    assert finding.outcome is Outcome.UNKNOWN
    assert "/nowhere/token" in finding.reason
    assert shop.asked == []


def test_nothing_secret_or_personal_is_shown():
    page = (
        "<p role=alert>mei@shop.example, your card 4111 1111 1111 1111 with session {cookie} and token tok-abc-123"
        " was refused; k3y-synthetic, b3arer-secret, eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMiJ9.c2lnbmF0dXJl</p>"
    )

    def shop(asked: Asked) -> Answer:
        if asked.path == "/":
            cookie = ("Set-Cookie", "sid=cookie-value-1; Path=/")
            return Answer("<input name=csrf value=tok-abc-123>", headers=[cookie])
        return Answer(page.replace("{cookie}", asked.cookies["sid"]), 500, [("X-Request-Id", "mei@shop.example")])

    steps = [
        {"name": "home", "get": "/", "capture": {"csrf": {"css": "input", "attribute": "value"}}},
        {"name": "pay", "post": "/tok-abc-123/pay", "body": "x", "auth": {"bearer": "b3arer-secret"}},
    ]
    finding, _ = walk_through(shop, steps, identity={"header": {"X-Synthetic": "k3y-synthetic"}})
    shown = repr(finding)
    assert finding.outcome is Outcome.DOWN
    for secret in ("mei@", "4111", "cookie-value-1", "tok-abc-123", "k3y-synthetic", "b3arer-secret", "eyJzdWI"):
        assert secret not in shown
    assert "was refused" in shown


def test_what_came_through_a_variable_is_not_shown():
    from probes.interpolated import Interpolated

    secret = Interpolated("pass{{word", "${SHOP_PASSWORD}")
    steps = [{"name": "sign in", "post": "/", "form": {"user": "probe", "pin": secret}}]
    finding, shop = walk_through(
        lambda asked: Answer(f"<p class=error>wrong: {dict(asked.form)['pin']}</p>", 403), steps
    )
    assert dict(shop.asked[0].form)["pin"] == "pass{{word"
    assert "pass{{word" not in repr(finding)
    assert "wrong: …" in finding.reason


def test_every_walk_is_a_new_visitor_and_keeps_its_cookies_to_the_end():
    seen: list[dict[str, str]] = []

    def shop(asked: Asked) -> Answer:
        seen.append(asked.cookies)
        return Answer("ok", headers=[("Set-Cookie", f"n={len(seen)}; Path=/")])

    async def run():
        async with open_shop(shop) as open_:
            await walk(open_, _THREE[:2])
            await walk(open_, _THREE[:2])

    asyncio.run(run())
    assert seen == [{}, {"n": "1"}, {}, {"n": "3"}]


def test_a_captured_line_break_cannot_smuggle_a_header():
    steps = [
        {"name": "page", "get": "/", "capture": {"tok": {"json": "$.t"}}},
        {"name": "next", "get": "/", "headers": {"X-Tok": "{{ tok }}"}},
    ]
    finding, shop = walk_through(lambda asked: json_answer('{"t": "a\\r\\nX-Evil: 1"}'), steps)
    assert finding.outcome is Outcome.DOWN
    assert "line break" in finding.reason
    assert len(shop.asked) == 1


def test_a_captured_link_to_nowhere_is_down():
    steps = [
        {"name": "page", "get": "/", "capture": {"link": {"css": "a", "attribute": "href"}}},
        {"name": "next", "get": "{{ link }}"},
    ]
    finding, _ = walk_through(lambda asked: Answer('<a href="javascript:buy()">'), steps)
    assert finding.outcome is Outcome.DOWN
    assert "which is no http URL" in finding.reason


def test_who_walks_is_told_also_in_a_language_with_accents():
    _, shop = walk_through(lambda asked: Answer("ok"), _THREE[:1], identity={"user_agent": "boutique-é"})
    assert shop.asked[0].headers["user-agent"] == "boutique-é".encode().decode("latin-1")


def test_an_idempotency_key_is_one_per_walk_and_step():
    steps = [{"name": "pay", "post": "/pay", "json": {"a": 1}, "idempotency": "Idempotency-Key", "level": "checkout"}]
    keys = set()
    for _ in range(2):
        _, shop = walk_through(lambda asked: Answer("ok"), steps)
        keys.add(shop.asked[0].headers["idempotency-key"])
    assert len(keys) == 2
    assert all(key.startswith("shopwatch-") and key.endswith("-pay") for key in keys)


def test_a_multipart_form_is_sent_as_the_page_says():
    form = '<form method=post enctype=multipart/form-data action=/up><input name="a[b]" value=1></form>'
    _, shop = walk_through(lambda asked: Answer(form), [{"name": "p", "get": "/"}, {"name": "s", "submit": "form"}])
    assert shop.asked[1].headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="a[b]"\r\n\r\n1\r\n' in shop.asked[1].body


def test_a_get_form_becomes_a_query():
    form = '<form action="/find?old=1"><input name=q value="x y"><button name=go value=1></form>'
    _, shop = walk_through(lambda asked: Answer(form), [{"name": "p", "get": "/"}, {"name": "s", "submit": "form"}])
    assert shop.asked[1].target == "/find?q=x+y&go=1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_followed_redirect_changes_the_method_as_browsers_do(status):
    def shop(asked: Asked) -> Answer:
        return redirect("/there", status) if asked.path == "/" else Answer("ok")

    _, shop_ = walk_through(shop, [{"name": "s", "post": "/", "form": {"a": 1}, "follow": True}])
    kept = status in (307, 308)
    assert shop_.asked[1].method == ("POST" if kept else "GET")
    assert shop_.asked[1].body == (b"a=1" if kept else b"")
