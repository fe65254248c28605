"""Which alerts a match means, and where routes send them."""

import pytest
from pydantic import ValidationError

from alerts.match import matches
from alerts.route import Route, route
from probes.base import Labels

ALERT: Labels = (("alertname", "SiteDown"), ("probe", "home"), ("severity", "page"), ("shop", "main"))


@pytest.mark.parametrize(
    ("match", "meant"),
    [
        ({}, True),
        ({"severity": "page"}, True),
        ({"severity": "page", "shop": "outlet"}, False),
        ({"severity": ["ticket", "page"]}, True),
        ({"severity": ["ticket", "info"]}, False),
        ({"shop": "=~ma.*"}, True),
        ({"shop": "=~a"}, False),
        ({"shop": "=~main|outlet"}, True),
        ({"shop": "!=main"}, False),
        ({"shop": "!~out.*"}, True),
        ({"tier": ""}, True),
        ({"tier": "!="}, False),
        ({"shop": "!=main", "severity": "page"}, False),
        ({"probe": ["cart", "=~ho.e"]}, True),
    ],
)
def test_matches(match: dict[str, object], meant: bool) -> None:
    assert matches(Route.model_validate({"match": match}).match, ALERT) is meant


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"a-b": "x"}, "is no label name"),
        ({"a": "=~["}, "is not a regular expression"),
        ({"a": "!~(?<x>"}, "is not a regular expression"),
        ({"a": []}, "at least 1 item"),
        ({"a": 5}, "valid tuple"),
    ],
)
def test_bad_matches(match: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Route.model_validate({"match": match})


def test_the_first_route_that_fits_takes_the_alert() -> None:
    pages = Route.model_validate({"match": {"severity": "page"}, "escalation": "page"})
    outlet = Route.model_validate({"match": {"shop": "outlet"}, "notify": ["slack"]})
    rest = Route(notify=("console",))
    assert route([outlet, pages, rest], ALERT) is pages
    assert route([outlet, rest, pages], ALERT) is rest
    assert route([outlet], ALERT) is None
    assert route([], ALERT) is None
