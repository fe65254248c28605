"""What a journey's config may say, and the sentence for what it may not."""

import pickle

import pytest
from pydantic import ValidationError

from probes.interpolated import Interpolated
from probes.journey.level import Level
from probes.journey.settings import JourneySettings
from tests.probes.journey.shop import settings

_ORDER = {"name": "pay", "post": "/pay", "json": {"a": 1}, "idempotency": "Idempotency-Key"}
_CANCEL = {"name": "cancel", "post": "/cancel/{{ order }}", "when": "order"}
_CAPTURE = {"order": {"json": "$.n"}}


def _problems(steps, **more):
    with pytest.raises(ValidationError) as error:
        settings("http://shop.example/", steps, **more)
    return [(error["loc"], error["msg"]) for error in error.value.errors()]


def test_the_example_of_the_grammar_is_understood():
    journey = settings(
        "https://shop.example/",
        [
            {
                "name": "search",
                "get": "/search?q={{ sku }}",
                "expect": {"status": 200, "css": "a.product"},
                "capture": {"product": {"css": "a.product", "attribute": "href"}},
            },
            {
                "name": "product",
                "get": "{{ product }}",
                "capture": {
                    "csrf": {"css": "input[name=csrf]", "attribute": "value"},
                    "price": {"css": ".price", "as": "money"},
                },
            },
            {
                "name": "add to cart",
                "post": "/cart",
                "form": {"csrf": "{{ csrf }}", "sku": "{{ sku }}", "quantity": 1},
                "expect": {"status": 302, "location": "/cart"},
            },
            {
                "name": "pay",
                "post": "/checkout/pay",
                "json": {"method": "test", "amount": "{{ price }}"},
                "idempotency": "Idempotency-Key",
                "expect": {"json": {"$.status": "paid", "$.total": "{{ price }}"}},
                "capture": {"order": {"json": "$.order.number"}},
            },
        ],
        level="sandbox-order",
        timeout="30s",
        every="60s",
        identity={"user_agent": "shopwatch", "header": {"X-Synthetic": "k"}},
        cleanup=[
            {
                "name": "cancel",
                "post": "/admin/orders/{{ order }}/cancel",
                "auth": {"bearer_file": "/run/secrets/admin"},
                "when": "order",
            }
        ],
        reap={"get": "/admin/orders?note=shopwatch", "each": "$.orders[*].number", "older_than": "10m"},
        **{"with": {"sku": "VIRTUAL-1", "email": "probe+{{ run_id }}@example.com"}},
    )
    assert journey.level is Level.SANDBOX_ORDER
    assert journey.kept_back == 7.5
    assert journey.reaped_name == "order"
    assert JourneySettings.model_validate(pickle.loads(pickle.dumps(journey))) == journey


def test_budget_is_no_word_as_nothing_would_keep_it():
    assert _problems([{"name": "a", "get": "/"}], budget={"orders": "1500/d"})[0][0] == ("budget",)


@pytest.mark.parametrize(
    ("step", "where", "said"),
    [
        ({}, ("steps", 0), "write exactly one of get, post, put, delete, submit"),
        ({"get": "/", "post": "/"}, ("steps", 0), "write exactly one of"),
        ({"get": "/", "form": {"a": 1}}, ("steps", 0), "a get has no form"),
        ({"post": "/", "form": {"a": 1}, "body": "x"}, ("steps", 0), "one body; keep one of form, body"),
        ({"submit": "form", "json": {"a": 1}}, ("steps", 0), "write form instead of json"),
        ({"submit": "form["}, ("steps", 0, "submit"), "'form[' is not a CSS selector"),
        ({"get": "/{{ x"}, ("steps", 0, "get"), "is not a template"),
        ({"get": "/{{ x }}"}, ("steps", 0), "step 'a' uses {{ x }}, which nothing before it captures"),
        ({"get": "/", "expect": {"text": "{{ y }}"}}, ("steps", 0), "uses {{ y }}"),
        ({"get": "/", "expect": {"text": "{{ y"}}, ("steps", 0), "is not a template"),
        ({"get": "/", "follow": True, "expect": {"location": "/x"}}, ("steps", 0), "follow would walk past"),
        ({"get": "/", "capture": {"a": {}}}, ("steps", 0, "capture", "a"), "where is the value?"),
        ({"get": "/", "capture": {"a": {"css": "a", "header": "b"}}}, ("steps", 0, "capture", "a"), "one place"),
        ({"get": "/", "capture": {"a": {"attribute": "b"}}}, ("steps", 0, "capture", "a"), "where is the value?"),
        (
            {"get": "/", "capture": {"a": {"regex": "b", "attribute": "b"}}},
            ("steps", 0, "capture", "a"),
            "which element",
        ),
        ({"get": "/", "capture": {"a": {"json": "$["}}}, ("steps", 0, "capture", "a", "json"), "is not a JSONPath"),
        ({"get": "/", "capture": {"a": {"regex": "("}}}, ("steps", 0, "capture", "a", "regex"), "regular expression"),
        ({"get": "/", "capture": {"a": {"css": "a", "as": "float"}}}, ("steps", 0, "capture", "a", "as"), "'money'"),
        ({"get": "/", "headers": {"a b": "c"}}, ("steps", 0, "headers", "a b", "[key]"), "is not a header name"),
        ({"get": "/", "headers": {"a": 1}}, ("steps", 0, "headers", "a"), "valid string"),
    ],
)
def test_a_step_that_cannot_be_taken_is_refused_with_its_place(step, where, said):
    problems = _problems([{"name": "a", **step}])
    assert problems[0][0] == where
    assert said in problems[0][1]


@pytest.mark.parametrize(
    ("level", "step", "allowed"),
    [
        ("browse", {"name": "a", "get": "/"}, True),
        ("browse", {"name": "a", "post": "/"}, False),
        ("cart", {"name": "a", "submit": "form"}, True),
        ("cart", {"name": "a", "get": "/", "level": "checkout"}, False),
        ("checkout", {"name": "a", "get": "/", "level": "checkout"}, True),
        ("checkout", _ORDER, False),
        ("checkout", {**_ORDER, "level": "checkout"}, True),
    ],
)
def test_a_walk_goes_no_further_than_its_level(level, step, allowed):
    if allowed:
        assert settings("http://shop.example/", [step], level=level).level.word == level
    else:
        (problem,) = _problems([step], level=level)
        assert problem[0] == ("steps", 0)
        assert f"this journey may only go to {level}" in problem[1]


def test_orders_need_a_cleanup():
    (problem,) = _problems([_ORDER], level="sandbox-order")
    assert problem[0] == ("level",)
    assert "cleanup must say how they are cancelled" in problem[1]


def test_live_orders_cannot_be_written_yet():
    (problem,) = _problems([_ORDER], level="live-order")
    assert problem[0] == ("level",)
    assert "'sandbox-order'" in problem[1]


def test_what_cleanup_needs_it_must_ask_for():
    steps = [{"name": "a", "get": "/", "capture": {**_CAPTURE, "key": {"header": "k"}}}]
    (problem,) = _problems(steps, cleanup=[{"name": "c", "post": "/{{ order }}"}])
    assert problem == (("cleanup", 0), "cleanup step 'c' uses {{ order }}; add when: order")
    (problem,) = _problems(steps, cleanup=[{**_CANCEL, "when": "number"}])
    assert problem[0] == ("cleanup", 0, "when")
    reap = {"get": "/orders", "each": "$[*]"}
    (problem,) = _problems(steps, reap=reap, cleanup=[{**_CANCEL, "post": "/{{ order }}/{{ key }}"}])
    assert "reap knows only 'order'" in problem[1]
    (problem,) = _problems(steps, reap=reap)
    assert problem[0] == ("reap",)
    (problem,) = _problems(steps, cleanup=[{"name": "c", "submit": "form"}])
    assert "no page before it" in problem[1]


def test_an_identity_is_no_way_to_smuggle_headers():
    (problem,) = _problems([{"name": "a", "get": "/"}], identity={"header": {"X-A": "b\r\nX-B: c"}})
    assert problem == (("identity", "header", "X-A"), "Value error, a header holds no line break")


def test_names_are_used_once():
    (problem,) = _problems([{"name": "a", "get": "/"}], cleanup=[{"name": "a", "get": "/"}])
    assert problem[0] == ("cleanup", 0, "name")


def test_a_reserve_must_leave_time_for_the_walk():
    (problem,) = _problems([{"name": "a", "get": "/"}], cleanup=[{"name": "b", "get": "/"}], reserve="10s")
    assert problem[0] == ("reserve",)


def test_with_may_use_what_comes_before_it():
    steps = [{"name": "a", "get": "/{{ b }}"}]
    settings("http://shop.example/", steps, **{"with": {"a": "x", "b": "{{ a }}{{ location }}"}})
    (problem,) = _problems(steps, **{"with": {"b": "{{ a }}", "a": "x"}})
    assert problem[0] == ("with", "b")


def test_every_problem_is_told_at_once():
    problems = _problems([{"name": "a", "get": "/{{ x }}"}, {"name": "a", "post": "/{{ y }}"}], level="browse")
    assert len(problems) == 4


def test_variables_are_shown_as_they_were_written():
    secret = Interpolated("/?key=s3cret", "/?key=${KEY}")
    journey = settings("http://shop.example/", [{"name": "a", "get": secret, "form": None}])
    assert "s3cret" not in repr(journey)
    assert "s3cret" not in journey.model_dump_json(by_alias=True)
    assert journey.steps[0].get.render({}) == "/?key=s3cret"


def test_only_a_walk_that_leaves_no_traces_is_repeated_sooner_while_it_fails():
    steps = [{"name": "a", "get": "/"}]
    assert settings("http://shop.example/", steps, every="60s", level="browse").every_while_failing == 20.0
    assert settings("http://shop.example/", steps, every="60s", level="cart").every_while_failing == 60.0
    asked = settings("http://shop.example/", steps, every="60s", level="cart", while_failing="30s")
    assert asked.every_while_failing == 30.0
