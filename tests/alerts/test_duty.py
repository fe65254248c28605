"""The config says where an alert belongs."""

from dataclasses import replace

from alerts.route import Route
from tests.alerts.making import DUTY, NOW, labels


def test_the_first_route_that_fits_gives_the_plan() -> None:
    page, ticket = DUTY.assign(labels()), DUTY.assign(labels(severity="ticket"))
    assert (page.plan.name, page.plan.insists) == ("page", True)
    assert (ticket.plan.steps[0].by, ticket.plan.insists) == (("slack",), False)


def test_what_no_route_takes_goes_to_every_notifier() -> None:
    assert DUTY.assign(labels(severity="odd")).plan.steps[0].by == ("slack", "phone", "console")


def test_an_escalation_that_is_gone_still_tells_everyone() -> None:
    gone = replace(DUTY, escalations=())
    assert gone.assign(labels()).plan.steps[0].by == ("slack", "phone", "console")


def test_grouped_routes_keep_their_groups_apart() -> None:
    routes = (
        Route(match={"severity": ("page",)}, notify=("slack",), group_by=("shop",)),
        Route(match={}, notify=("slack",), group_by=("shop",)),
    )
    duty = replace(DUTY, routes=routes)
    one, two = duty.assign(labels(shop="main")), duty.assign(labels(shop="main", severity="ticket"))
    assert one.group == two.group == (("shop", "main"),)
    assert one.identity != two.identity
    assert duty.assign(labels("Other", shop="main", probe="x")).identity == one.identity


def test_without_grouping_a_route_does_not_change_who_an_alert_is() -> None:
    assert DUTY.assign(labels()).identity == replace(DUTY, routes=()).assign(labels()).identity


def test_who_is_by_name() -> None:
    assert set(DUTY.who(("primary",), NOW)) < set(DUTY.who(("everyone",), NOW)) == {"mei", "ana"}


def test_drills() -> None:
    whole, one, person = DUTY.drill(""), DUTY.drill("phone"), DUTY.drill("ana")
    assert whole is not None
    assert one is not None
    assert person is not None
    assert (whole.steps[0].by, one.steps[0].by) == (("slack", "phone", "console"), ("phone",))
    assert (person.steps[0].by, person.steps[0].notify) == (("slack", "phone", "console"), ("ana",))
    assert DUTY.drill("nobody") is None
