"""What holds what back, as pure decisions."""

import pytest
from pydantic import ValidationError

from alerts.alert import Status
from alerts.incident import Incident, State
from alerts.inhibit import INHIBITION, USUAL, Inhibition, concerned, holding, voices
from probes.base import Labels
from tests.alerts.making import NOW, alert, labels

PAGE = labels("SiteDown", probe="home", location="taipei")
TICKET = labels("SiteSlow", probe="home", location="taipei", severity="ticket")


def incident(key: str, *members: Labels, status: Status = Status.FIRING, over: bool = False) -> Incident:
    alerts = tuple(alert(labels=member, status=status) for member in members)
    return Incident(key, key, members[0], "page", NOW, alerts=alerts, state=State.RESOLVED if over else State.OPEN)


def held(rules: tuple[Inhibition, ...], target: Labels, *open_ones: Incident) -> list[str]:
    silences = holding(rules, "T", [target], open_ones, NOW)
    assert all(silence.mutes(target) and silence.active(NOW) and silence.by == INHIBITION for silence in silences)
    return [silence.reason for silence in silences]


def test_a_ticket_about_a_probe_waits_while_the_same_probe_pages():
    assert held(USUAL, TICKET, incident("P", PAGE)) == ["SiteDown (P) is open"]
    assert held(USUAL, TICKET, incident("P", labels("SiteDown", probe="cart", location="taipei"))) == []
    assert held(USUAL, TICKET, incident("P", labels("SiteDown", probe="home", location="berlin"))) == []
    assert held(USUAL, PAGE, incident("P", labels("Other", probe="home", location="taipei"))) == []


def test_a_page_about_several_locations_holds_back_what_each_of_them_says():
    several = labels("SeveralLocationsDown", probe="home")
    assert held(USUAL, TICKET, incident("P", several)) == ["SeveralLocationsDown (P) is open"]
    assert held(USUAL, TICKET, incident("P", labels("SeveralLocationsDown", probe="cart"))) == []


def test_labels_that_neither_has_are_not_equal():
    bare = (("alertname", "PagesFailing"), ("severity", "ticket"))
    assert held(USUAL, bare, incident("P", (("alertname", "RulesFailing"), ("severity", "page")))) == []


def test_an_incident_holds_nothing_of_its_own_back():
    assert held(USUAL, TICKET, incident("T", PAGE, TICKET)) == []


def test_a_silence_holds_back_exactly_the_alert_that_is_meant():
    [silence] = holding(USUAL, "T", [TICKET], [incident("P", PAGE)], NOW)
    assert not silence.mutes(labels("SiteErrors", probe="home", location="taipei", severity="ticket"))


def test_what_fits_both_sides_is_not_held_back_by_another_that_does():
    rule = Inhibition(source={"shop": ("main",)}, target={"shop": ("main",)}, equal=("shop",))
    first, second = labels("A", shop="main"), labels("B", shop="main")
    assert held((rule,), first, incident("P", second)) == []


def test_without_equal_labels_any_source_holds_any_target():
    rule = Inhibition(source={"alertname": ("NetworkGone",)}, target={"alertname": ("!=NetworkGone",)})
    gone = (("alertname", "NetworkGone"), ("severity", "page"))
    assert held((rule,), TICKET, incident("P", gone)) == ["NetworkGone (P) is open"]


def test_what_is_over_has_no_voice_and_what_is_stale_has():
    assert voices(incident("P", PAGE, status=Status.RESOLVED)) == frozenset()
    assert voices(incident("P", PAGE, over=True)) == frozenset()
    assert voices(incident("P", PAGE, status=Status.STALE)) == {PAGE}
    assert voices(None) == frozenset()


def test_only_who_could_be_held_back_is_concerned():
    other = labels("SiteSlow", probe="cart", location="taipei", severity="ticket")
    found = concerned(USUAL, [PAGE], [incident("A", TICKET), incident("B", other), incident("C", PAGE)])
    assert list(found) == ["A"]


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_side_that_fits_everything_is_refused(side):
    with pytest.raises(ValidationError):
        Inhibition(**{"source": {"a": "b"}, "target": {"a": "b"}, side: {}})
